//! What was computed of texts that begin alike: the caches of rows that have ended.

use super::AnyCache;

/// Tokens that two texts share are counted in blocks: fewer are quicker computed anew than looked after.
const BLOCK: usize = 16;
/// Most texts that are kept, however small.
const MOST: usize = 256;

/// Caches by the tokens that they hold, within a budget of tokens; the ones used longest ago go first.
pub(super) struct Prefixes {
    /// The one used last stands last.
    kept: Vec<(Vec<u32>, AnyCache)>,
    tokens: usize,
    budget: usize,
}

impl Prefixes {
    /// Keeps caches of up to `budget` tokens together.
    pub(super) fn new(budget: usize) -> Self {
        Self { kept: Vec::new(), tokens: 0, budget }
    }

    /// The cache that shares most tokens with the beginning of `prompt`, and how many of them: whole blocks,
    /// and never all, since the last token has to be computed to know what follows.
    pub(super) fn find(&mut self, prompt: &[u32]) -> Option<(&AnyCache, usize)> {
        let shared = |(tokens, _): &(Vec<u32>, AnyCache)| {
            let most = tokens.len().min(prompt.len().saturating_sub(1));
            let same = std::iter::zip(tokens, prompt).take(most).take_while(|(a, b)| a == b).count();
            same / BLOCK * BLOCK
        };
        let best = (0..self.kept.len()).max_by_key(|at| shared(&self.kept[*at]))?;
        let shared = shared(&self.kept[best]);
        if shared == 0 {
            return None;
        }
        let used = self.kept.remove(best);
        self.kept.push(used);
        self.kept.last().map(|(_, cache)| (cache, shared))
    }

    /// Keeps the cache of `tokens`, in place of those of which it is more.
    pub(super) fn keep(&mut self, tokens: Vec<u32>, cache: AnyCache) {
        if tokens.len() < BLOCK || tokens.len() > self.budget {
            return;
        }
        self.kept.retain(|(old, _)| !tokens.starts_with(old));
        self.kept.push((tokens, cache));
        self.tokens = self.kept.iter().map(|(tokens, _)| tokens.len()).sum();
        while self.tokens > self.budget || self.kept.len() > MOST {
            self.tokens -= self.kept.remove(0).0.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(kept: &mut Prefixes, prompt: &[u32]) -> usize {
        kept.find(prompt).map_or(0, |(_, shared)| shared)
    }

    #[test]
    fn whole_blocks_are_found_and_the_oldest_goes() {
        let text = |first: u32, n: u32| -> Vec<u32> { (first..first + n).collect() };
        let mut kept = Prefixes::new(100);
        kept.keep(text(0, 10), Box::new(()));
        assert_eq!(shared(&mut kept, &text(0, 10)), 0, "too short to keep");
        kept.keep(text(0, 40), Box::new(()));
        assert_eq!(shared(&mut kept, &text(0, 90)), 32);
        assert_eq!(shared(&mut kept, &text(0, 32)), 16, "the last token is computed");
        assert_eq!(shared(&mut kept, &text(1, 40)), 0);
        kept.keep(text(0, 48), Box::new(()));
        assert_eq!(kept.kept.len(), 1, "the longer stands for the shorter");
        kept.keep(text(100, 40), Box::new(()));
        assert_eq!(shared(&mut kept, &text(0, 90)), 48);
        kept.keep(text(200, 40), Box::new(()));
        assert_eq!(shared(&mut kept, &text(100, 40)), 0, "used longest ago");
        assert_eq!((shared(&mut kept, &text(0, 90)), kept.tokens), (48, 88));
    }
}
