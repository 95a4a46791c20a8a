//! The words that a classifier knows, and the rows that stand for a text.

use rustc_hash::FxHashMap;

/// fastText's end of a line, a word like others.
pub(super) const END_OF_LINE: &str = "</s>";
/// What fastText takes for a label wherever it stands.
const LABEL_PREFIX: &str = "__label__";
/// More different words than these are not held: the rarest are forgotten while counting, as fastText does at
/// 22 million.
const MAX_WORDS: usize = 4_000_000;
/// The longest word in bytes; nobody writes longer ones.
const MAX_WORD: usize = 1 << 10;

/// Counts words, with bounded memory.
#[derive(Default)]
pub(super) struct Counter {
    /// How often each word was seen, and when first.
    words: FxHashMap<String, (u64, u64)>,
    seen: u64,
    threshold: u64,
}

impl Counter {
    /// Counts the words of a text, and its end.
    pub(super) fn add<'a>(&mut self, words: impl Iterator<Item = &'a str>) {
        for word in words.filter(|word| is_word(word)).chain([END_OF_LINE]) {
            self.seen += 1;
            match self.words.get_mut(word) {
                Some((count, _)) => *count += 1,
                None => {
                    self.words.insert(word.to_owned(), (1, self.seen));
                }
            }
        }
        while self.words.len() > MAX_WORDS {
            self.threshold += 1;
            let threshold = self.threshold;
            self.words.retain(|_, (count, _)| *count > threshold);
        }
    }

    /// The words that were seen often enough, the most frequent first.
    pub(super) fn finish(self, min_count: u64) -> Dictionary {
        let mut words: Vec<(String, (u64, u64))> =
            self.words.into_iter().filter(|(_, (count, _))| *count >= min_count).collect();
        words.sort_unstable_by_key(|(_, (count, first))| (std::cmp::Reverse(*count), *first));
        let counts = words.iter().map(|(_, (count, _))| *count).collect();
        let ids = words.into_iter().enumerate().map(|(id, (word, _))| (word, id as u32)).collect();
        Dictionary { ids, counts, seen: self.seen }
    }
}

fn is_word(word: &str) -> bool {
    word.len() <= MAX_WORD && !word.starts_with(LABEL_PREFIX)
}

/// The words that a classifier knows.
pub(super) struct Dictionary {
    ids: FxHashMap<String, u32>,
    /// How often each was seen.
    pub(super) counts: Vec<u64>,
    /// Words read, ends of texts among them.
    pub(super) seen: u64,
}

impl Dictionary {
    /// The words in the order of their ids.
    pub(super) fn words(&self) -> Vec<&str> {
        let mut words = vec![""; self.counts.len()];
        self.ids.iter().for_each(|(word, id)| words[*id as usize] = word);
        words
    }

    /// The words of a text: those that are known by id, and the hashes of all.
    pub(super) fn encode<'a>(&self, words: impl Iterator<Item = &'a str>) -> (Vec<u32>, Vec<u32>) {
        let (mut ids, mut hashes) = (Vec::new(), Vec::new());
        for word in words.filter(|word| is_word(word)).chain([END_OF_LINE]) {
            ids.extend(self.ids.get(word));
            hashes.push(hash(word.as_bytes()));
        }
        (ids, hashes)
    }
}

/// Adds the rows of the sequences of up to `longest` words; `first` is the row of the first bucket.
pub(super) fn add_ngrams(hashes: &[u32], longest: usize, buckets: u32, first: u32, rows: &mut Vec<u32>) {
    if buckets == 0 {
        return;
    }
    for start in 0..hashes.len() {
        // fastText computes with signed hashes of 32 bits, extended to 64.
        let mut sum = i64::from(hashes[start] as i32) as u64;
        for next in hashes.iter().skip(start + 1).take(longest.saturating_sub(1)) {
            sum = sum.wrapping_mul(116_049_371).wrapping_add(i64::from(*next as i32) as u64);
            rows.push(first + (sum % u64::from(buckets)) as u32);
        }
    }
}

/// FNV-1a over signed bytes, as fastText has it.
fn hash(word: &[u8]) -> u32 {
    word.iter()
        .fold(2_166_136_261, |hash, byte| (hash ^ i32::from(*byte as i8) as u32).wrapping_mul(16_777_619))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequent_words_come_first_and_rare_ones_are_left_out() {
        let mut counter = Counter::default();
        counter.add("b a a c __label__good".split(' '));
        counter.add("a b".split(' '));
        let dictionary = counter.finish(2);
        assert_eq!(dictionary.words(), ["a", "b", END_OF_LINE]);
        assert_eq!((&dictionary.counts[..], dictionary.seen), (&[3, 2, 2][..], 8));
        let (ids, hashes) = dictionary.encode("c a".split(' '));
        assert_eq!(ids, [0, 2]);
        assert_eq!(hashes, [hash(b"c"), hash(b"a"), hash(b"</s>")]);
        let mut rows = vec![];
        add_ngrams(&hashes, 2, 10, 3, &mut rows);
        assert!(rows.len() == 2 && rows.iter().all(|row| (3..13).contains(row)));
        assert_eq!(hash(b"a"), 0xe40c_292c);
    }
}
