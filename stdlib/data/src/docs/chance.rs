//! Chance by content: the same text falls the same way in every set, whatever stands beside it.

/// Where a text falls between 0 and 1, from the hash of `purpose`, `seed` and the text.
///
/// The first 8 bytes of the BLAKE3 hash as a little-endian number, by 2^64. Different purposes are
/// independent of each other.
pub(crate) fn place(purpose: &str, seed: u64, text: &str) -> f64 {
    let mut hasher = blake3::Hasher::new_derive_key(purpose);
    hasher.update(&seed.to_le_bytes()).update(text.as_bytes());
    let mut bytes = [0; 8];
    hasher.finalize_xof().fill(&mut bytes);
    // 53 bits are what a float holds: the result stays below 1.
    (u64::from_le_bytes(bytes) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_fall_evenly_and_purposes_apart() {
        let texts: Vec<String> = (0..20_000).map(|number| format!("text {number}")).collect();
        let below = |purpose: &str, share: f64| {
            texts.iter().filter(|text| place(purpose, 0, text) < share).count() as f64 / texts.len() as f64
        };
        assert!((below("a", 0.1) - 0.1).abs() < 0.01);
        let both = texts.iter().filter(|text| place("a", 0, text) < 0.5 && place("b", 0, text) < 0.5).count();
        assert!((both as f64 / texts.len() as f64 - 0.25).abs() < 0.02);
        assert_ne!(place("a", 0, "x"), place("a", 1, "x"));
    }
}
