//! Random numbers that are the same everywhere.

use crate::exact;

/// SplitMix64 (Steele, Lea and Flood 2014): tiny, well mixed, and the same on every machine. Its whole state
/// is one number.
#[derive(Clone, Debug)]
pub struct Random(u64);

/// What is added to the state at each step: the golden ratio.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// One step of SplitMix64 from the state `value`: a bijection that spreads every bit.
#[must_use]
pub fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(GOLDEN);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Random {
    /// The generator number `stream` of `seed`. Streams are independent of each other.
    #[must_use]
    pub fn new(seed: u64, stream: u64) -> Self {
        Self(mix(seed) ^ mix(stream))
    }

    /// The same for what a model's trainer and sampler draw. Another one than [`Random::new`], since the
    /// bytes of weights that exist depend on both.
    #[must_use]
    pub fn of_model(seed: u64, stream: u64) -> Self {
        let mut random = Self(mix(seed) ^ stream.wrapping_mul(GOLDEN));
        random.next();
        random
    }

    /// 64 random bits.
    #[expect(clippy::should_implement_trait, reason = "it never ends")]
    pub fn next(&mut self) -> u64 {
        let next = mix(self.0);
        self.0 = self.0.wrapping_add(GOLDEN);
        next
    }

    /// Uniform in `0..bound`; 0 where `bound` is 0. The bias is below `bound / 2⁶⁴`.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }

    /// Uniform in `[0, 1)`.
    pub fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.uniform() < p
    }

    /// Of the standard normal distribution (Box-Muller).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * exact::ln(1.0 - self.uniform())).sqrt();
        radius * exact::cos(std::f64::consts::TAU * self.uniform())
    }

    /// Shuffles in place (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Weights and the order of examples follow from these.
    #[test]
    fn numbers_are_what_they_were() {
        let three = |mut random: Random| [random.next(), random.next(), random.next()];
        assert_eq!(three(Random::new(1, 2)), NEW);
        assert_eq!(three(Random::of_model(1, 2)), OF_MODEL);
    }

    const NEW: [u64; 3] = [0x45c3_5442_d09f_4cd3, 0x5c30_7322_ca00_ef71, 0x233f_4b7e_f7d4_8ce2];
    const OF_MODEL: [u64; 3] = [0xbe74_6d8a_b74d_ceea, 0x2efb_27e4_96cd_064b, 0xb01a_7786_200b_322c];

    #[test]
    fn numbers_are_spread() {
        let mut random = Random::new(1, 2);
        let mut counts = [0; 4];
        (0..4000).for_each(|_| counts[random.below(4)] += 1);
        assert!(counts.iter().all(|count| (900..1100).contains(count)), "{counts:?}");
        let hits = (0..4000).filter(|_| random.chance(0.25)).count();
        assert!((900..1100).contains(&hits), "{hits}");
    }
}
