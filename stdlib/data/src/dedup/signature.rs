//! MinHash signatures (Broder 1997): the least hash of a document's word sequences, under each of many hash
//! functions.

use llmp_artifacts::random::mix;
use unicode_segmentation::UnicodeSegmentation;

/// Makes signatures.
pub(super) struct Hasher {
    ngram: usize,
    seeds: Vec<u64>,
}

impl Hasher {
    pub(super) fn new(ngram: usize, hashes: usize, seed: u64) -> Self {
        let seeds = (0..hashes as u64).map(|number| mix(mix(seed).wrapping_add(number))).collect();
        Self { ngram, seeds }
    }

    /// The signature of a text: words in lower case, without punctuation. In a text without words, which may
    /// be all emoji or rules of dashes, each sign counts as one. A text of fewer words than a sequence has is
    /// one sequence.
    pub(super) fn signature(&self, text: &str) -> Vec<u32> {
        let lower = text.to_lowercase();
        let mut words: Vec<u64> = lower.unicode_words().map(|word| hash(word.as_bytes())).collect();
        if words.is_empty() {
            let signs = lower.graphemes(true).filter(|sign| !sign.trim().is_empty());
            words = signs.map(|sign| hash(sign.as_bytes())).collect();
        }
        if words.is_empty() {
            // All empty texts are alike.
            words.push(hash(b""));
        }
        let mut signature = vec![u32::MAX; self.seeds.len()];
        for ngram in words.windows(self.ngram.min(words.len())) {
            let sequence = ngram.iter().fold(0, |hash, word| mix(hash ^ word));
            for (least, seed) in signature.iter_mut().zip(&self.seeds) {
                let value = (mix(sequence ^ seed) >> 32) as u32;
                *least = value.min(*least);
            }
        }
        signature
    }
}

/// The share of equal hashes: an estimate of the Jaccard similarity.
pub(super) fn similarity(a: &[u32], b: &[u32]) -> f64 {
    let equal = a.iter().zip(b).filter(|(a, b)| a == b).count();
    equal as f64 / a.len().max(1) as f64
}

/// A hash of one band, under which documents that agree in it meet.
pub(super) fn band_hash(band: &[u32]) -> u64 {
    band.iter().fold(band.len() as u64, |hash, value| mix(hash ^ u64::from(*value)))
}

/// FNV-1a, mixed.
fn hash(bytes: &[u8]) -> u64 {
    mix(bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_estimate_similarity() {
        let hasher = Hasher::new(1, 1024, 1);
        let text = |range: std::ops::Range<u32>| range.map(|n| format!("w{n}")).collect::<Vec<_>>().join(" ");
        let signature = |text: &str| hasher.signature(text);
        let (a, b) = (signature(&text(0..150)), signature(&text(50..200)));
        // 100 words in common of 200.
        assert!((similarity(&a, &b) - 0.5).abs() < 0.06);
        let same = signature(&text(0..150).to_uppercase().replace(' ', ",  "));
        assert_eq!(a, same, "case and punctuation do not matter");
    }

    #[test]
    fn texts_without_words_are_compared_by_their_signs() {
        let hasher = Hasher::new(2, 64, 1);
        let alike = |a: &str, b: &str| similarity(&hasher.signature(a), &hasher.signature(b));
        assert_eq!(alike("\u{1f600} \u{1f680}\n--- * ---", "\u{1f600}\u{1f680} ---*---"), 1.0);
        assert!(alike("+-*/=<>|", "+-*/=<>~") > 0.5);
        assert!(alike("+-*/=<>|", "&%$#@!?;") < 0.2);
        assert_eq!(alike("", " \n "), 1.0);
        assert!(alike("", "...") < 0.2);
        assert!(alike("", "word") < 0.2);
    }

    #[test]
    fn short_texts_are_one_sequence() {
        let hasher = Hasher::new(5, 16, 1);
        assert_eq!(hasher.signature("two words"), hasher.signature("Two words!"));
        assert_ne!(hasher.signature("two words"), hasher.signature("words two"));
        assert_ne!(hasher.signature("two words"), Hasher::new(5, 16, 2).signature("two words"));
    }
}
