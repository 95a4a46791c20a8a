//! Learning merges: the greedy loop of byte pair encoding, with pair counts kept up to date.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use llmp_artifacts::tokenizer::character_of;
use llmp_stage::{Error, Result};
use rustc_hash::FxHashMap;

type Pair = (u32, u32);

/// A piece of text that no merge leaves, and how often it occurs.
pub(super) struct Word {
    pub(super) bytes: Box<[u8]>,
    pub(super) count: u64,
}

/// Where a pair stands.
#[derive(Default)]
struct Occurrences {
    /// How often it occurs in the corpus, counting overlaps (`aaa` holds `aa` twice).
    count: u64,
    /// Words that hold it, or held it once; ascending.
    words: Vec<u32>,
}

/// Merges the most frequent pair of tokens, again and again, until there are `size` tokens or no pair occurs
/// `min_frequency` times. Of equally frequent pairs the one of lower ids is merged first.
///
/// Returns the bytes of tokens by id and the merged pairs in order. The first 256 tokens are the bytes in
/// GPT-2's order. `step` is called at each merge and may stop the loop.
pub(super) fn learn_merges(
    words: Vec<Word>,
    size: usize,
    min_frequency: u64,
    mut step: impl FnMut() -> Result<()>,
) -> Result<(Vec<Vec<u8>>, Vec<Pair>)> {
    let mut tokens = byte_tokens();
    let mut ids: FxHashMap<Vec<u8>, u32> = tokens.iter().cloned().zip(0..).collect();
    let mut merges = Vec::new();
    let mut corpus = Corpus::new(words, &tokens)?;
    let mut queue: BinaryHeap<(u64, Reverse<Pair>)> =
        corpus.pairs.iter().map(|(pair, seen)| (seen.count, Reverse(*pair))).collect();
    while tokens.len() < size {
        let Some((count, Reverse(pair))) = queue.pop() else { break };
        let now = corpus.pairs.get(&pair).map_or(0, |seen| seen.count);
        if now != count {
            // Merges since have taken occurrences away; it waits for its turn.
            if now > 0 {
                queue.push((now, Reverse(pair)));
            }
            continue;
        }
        if count < min_frequency.max(1) {
            break;
        }
        step()?;
        let bytes = [tokens[pair.0 as usize].as_slice(), &tokens[pair.1 as usize]].concat();
        // Two pairs may spell the same token, rarely: then it keeps its first id.
        let merged = *ids.entry(bytes).or_insert_with_key(|bytes| {
            tokens.push(bytes.clone());
            // `size` is a `u32` in the signature, and bounds the ids.
            (tokens.len() - 1) as u32
        });
        merges.push(pair);
        for pair in corpus.merge(pair, merged) {
            if let Some(seen) = corpus.pairs.get(&pair) {
                queue.push((seen.count, Reverse(pair)));
            }
        }
    }
    Ok((tokens, merges))
}

/// The 256 bytes in the order of the characters that stand for them in files, as in GPT-2 and tiktoken.
fn byte_tokens() -> Vec<Vec<u8>> {
    let mut bytes: Vec<u8> = (0..=u8::MAX).collect();
    bytes.sort_unstable_by_key(|byte| character_of(*byte));
    bytes.into_iter().map(|byte| vec![byte]).collect()
}

/// All words as token ids, merged so far.
struct Corpus {
    /// The ids of all words. A word that has shrunk leaves a gap behind it.
    ids: Vec<u32>,
    words: Vec<Span>,
    pairs: FxHashMap<Pair, Occurrences>,
}

/// A word's place in [`Corpus::ids`].
struct Span {
    start: usize,
    length: usize,
    count: u64,
}

impl Corpus {
    fn new(words: Vec<Word>, tokens: &[Vec<u8>]) -> Result<Self> {
        if u32::try_from(words.len()).is_err() {
            return Err(Error::new("the documents hold more than 4 billion different words")
                .help("train on fewer documents"));
        }
        let mut id_of = [0; 256];
        for (id, token) in (0..).zip(&tokens[..256]) {
            id_of[usize::from(token[0])] = id;
        }
        let mut corpus = Self { ids: Vec::new(), words: Vec::new(), pairs: FxHashMap::default() };
        for (number, word) in (0..).zip(words) {
            let start = corpus.ids.len();
            corpus.ids.extend(word.bytes.iter().map(|byte| id_of[usize::from(*byte)]));
            for pair in corpus.ids[start..].windows(2) {
                corpus.pairs.entry((pair[0], pair[1])).or_default().add(word.count, number);
            }
            corpus.words.push(Span { start, length: word.bytes.len(), count: word.count });
        }
        Ok(corpus)
    }

    /// Replaces `pair` by `merged` in every word. Returns the pairs that have become more frequent, each
    /// once.
    fn merge(&mut self, pair: Pair, merged: u32) -> Vec<Pair> {
        let occurrences = self.pairs.remove(&pair).unwrap_or_default();
        let mut grown = Vec::new();
        for number in occurrences.words {
            let word = &mut self.words[number as usize];
            let ids = &mut self.ids[word.start..word.start + word.length];
            // Read at `from`, write at `to`: what is merged moves up.
            let (mut from, mut to) = (0, 0);
            while from < ids.len() {
                if from + 1 == ids.len() || (ids[from], ids[from + 1]) != pair {
                    ids[to] = ids[from];
                    (from, to) = (from + 1, to + 1);
                    continue;
                }
                let neighbours = [
                    to.checked_sub(1).map(|left| ((ids[left], pair.0), (ids[left], merged))),
                    ids.get(from + 2).map(|right| ((pair.1, *right), (merged, *right))),
                ];
                for (lost, gained) in neighbours.into_iter().flatten() {
                    // `pair` itself is gone from the table, and so are its overlaps.
                    if let Some(seen) = self.pairs.get_mut(&lost) {
                        seen.count = seen.count.saturating_sub(word.count);
                    }
                    self.pairs.entry(gained).or_default().add(word.count, number);
                    grown.push(gained);
                }
                ids[to] = merged;
                (from, to) = (from + 2, to + 1);
            }
            word.length = to;
        }
        grown.sort_unstable();
        grown.dedup();
        grown
    }
}

impl Occurrences {
    fn add(&mut self, count: u64, word: u32) {
        self.count += count;
        if self.words.last() != Some(&word) {
            self.words.push(word);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn learn(words: &[(&str, u64)], size: usize) -> (Vec<String>, Vec<Pair>) {
        let words = words.iter().map(|(text, count)| Word { bytes: text.as_bytes().into(), count: *count });
        let (tokens, merges) = learn_merges(words.collect(), size, 1, || Ok(())).unwrap();
        let tokens = tokens[256..].iter().map(|token| String::from_utf8_lossy(token).into_owned());
        (tokens.collect(), merges)
    }

    #[test]
    fn the_most_frequent_pair_comes_first() {
        // The example of Sennrich et al. (2016); `ew` and `ne` tie, and `e` has the lower id.
        let words = [("low", 5), ("lower", 2), ("newest", 6), ("widest", 3)];
        assert_eq!(learn(&words, 262).0, ["es", "est", "lo", "low", "ew", "new"]);
    }

    #[test]
    fn repetitions_are_counted_right() {
        assert_eq!(learn(&[("aaaaaaa", 1)], 300).0, ["aa", "aaaa", "aaa", "aaaaaaa"]);
    }

    /// The same by counting everything anew at each merge.
    fn slowly(words: &[(String, u64)], size: usize) -> Vec<Pair> {
        let tokens = byte_tokens();
        let id_of = |byte: u8| tokens.iter().position(|token| token[0] == byte).unwrap() as u32;
        let mut texts: Vec<Vec<u8>> = tokens.clone();
        let mut words: Vec<(Vec<u32>, u64)> =
            words.iter().map(|(word, count)| (word.bytes().map(id_of).collect(), *count)).collect();
        let mut merges = Vec::new();
        while texts.len() < size {
            let mut counts: BTreeMap<Pair, u64> = BTreeMap::new();
            for (ids, count) in &words {
                for pair in ids.windows(2) {
                    *counts.entry((pair[0], pair[1])).or_default() += count;
                }
            }
            let best = counts.into_iter().min_by_key(|(pair, count)| (Reverse(*count), *pair));
            let Some((pair, _)) = best else { break };
            let text = [texts[pair.0 as usize].clone(), texts[pair.1 as usize].clone()].concat();
            let id = texts.iter().position(|known| *known == text).unwrap_or_else(|| {
                texts.push(text);
                texts.len() - 1
            });
            merges.push(pair);
            for (ids, _) in &mut words {
                let mut merged = Vec::new();
                let mut at = 0;
                while at < ids.len() {
                    let here = at + 1 < ids.len() && (ids[at], ids[at + 1]) == pair;
                    merged.push(if here { id as u32 } else { ids[at] });
                    at += if here { 2 } else { 1 };
                }
                *ids = merged;
            }
        }
        merges
    }

    proptest! {
        #[test]
        fn counts_kept_up_to_date_equal_counts_made_anew(
            words in prop::collection::vec(("[abc]{1,12}", 1_u64..4), 1..12),
            size in 256_usize..290,
        ) {
            let given: Vec<(&str, u64)> = words.iter().map(|(word, count)| (word.as_str(), *count)).collect();
            prop_assert_eq!(learn(&given, size).1, slowly(&words, size));
        }
    }
}
