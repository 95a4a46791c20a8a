//! How quick this machine's processor is, measured once in a fraction of a second and kept in the user's
//! cache folder, so that the first plan of a pipeline fits slow and fast machines.
//!
//! Runs and `llmp calibrate` measure; what plans, checks or edits only reads.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use llmp_store::write_cache;
use serde::{Deserialize, Serialize};

use super::machine::environment;

/// What the kernels reach on a core of the reference machine, where the stages' own constants were measured:
/// operations a second, and bytes a second.
const REFERENCE: (f64, f64) = (107e9, 172e6);

/// How many times as quick as the reference machine anything may be: what is beyond was disturbed, not
/// measured.
const PLAUSIBLE: std::ops::RangeInclusive<f64> = 0.02..=50.0;

/// What a processor reaches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// The processor's name: on another one it does not count.
    pub processor: String,
    /// Floating-point operations a second of one core in a matrix product.
    pub operations: f64,
    /// Bytes of text a second in which one core counts words.
    pub bytes: f64,
}

impl Calibration {
    /// What was measured on this processor before.
    #[must_use]
    pub fn read() -> Option<Self> {
        let found: Self = serde_json::from_str(&std::fs::read_to_string(path()?).ok()?).ok()?;
        (found.processor == environment().processor && found.is_plausible()).then_some(found)
    }

    /// Measures for about `time`; `operations` measures the matrix product for the time that it is given.
    #[must_use]
    pub fn measure(time: Duration, operations: fn(Duration) -> f64) -> Self {
        let processor = environment().processor;
        Self { processor, operations: operations(time / 2), bytes: count_words(time / 2) }
    }

    /// Keeps it for later plans; whether that was possible.
    pub fn keep(&self) -> bool {
        let write = |path: PathBuf| {
            std::fs::create_dir_all(path.parent()?).ok()?;
            write_cache(&path, serde_json::to_string_pretty(self).ok()?.as_bytes()).ok()
        };
        self.is_plausible() && path().and_then(write).is_some()
    }

    /// Measures where that has not been done on this processor, and there is a place to keep it.
    pub fn ensure(operations: fn(Duration) -> f64) {
        const SHORT: Duration = Duration::from_millis(50);
        let place = path().and_then(|path| std::fs::create_dir_all(path.parent()?).ok());
        if place.is_some() && Self::read().is_none() {
            Self::measure(SHORT, operations).keep();
        }
    }

    /// How many times as quick as the reference machine's a core is, at tensors and at bytes.
    #[must_use]
    pub fn quickness(&self) -> (f64, f64) {
        (self.operations / REFERENCE.0, self.bytes / REFERENCE.1)
    }

    fn is_plausible(&self) -> bool {
        let (tensors, bytes) = self.quickness();
        PLAUSIBLE.contains(&tensors) && PLAUSIBLE.contains(&bytes)
    }
}

/// Where it is kept: `llmp/calibration.json` in the user's cache folder.
#[must_use]
pub fn path() -> Option<PathBuf> {
    let given = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = given("XDG_CACHE_HOME").or_else(|| Some(given("HOME")?.join(".cache")))?;
    Some(caches.join("llmp").join("calibration.json"))
}

/// Bytes of text a second in which one core counts words: what stages of data do, branches, small copies and
/// look-ups in a table. The best of several turns, since others disturb and nobody helps.
fn count_words(time: Duration) -> f64 {
    const BYTES: usize = 128 << 10;
    let mut state = 1_u64;
    let text: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if state >> 61 == 0 { b' ' } else { b'a' + (state >> 59) as u8 % 8 }
    })
    .take(BYTES)
    .collect();
    let begun = Instant::now();
    let mut best = f64::INFINITY;
    while begun.elapsed() < time || best.is_infinite() {
        let turn = Instant::now();
        let mut words = HashMap::<&[u8], u32>::new();
        for word in text.split(|byte| *byte == b' ') {
            *words.entry(word).or_default() += 1;
        }
        std::hint::black_box(&words);
        best = best.min(turn.elapsed().as_secs_f64());
    }
    BYTES as f64 / best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_is_so_many_times_as_quick() {
        let found = Calibration { processor: String::new(), operations: 214e9, bytes: 86e6 };
        assert_eq!(found.quickness(), (2.0, 0.5));
        assert!(found.is_plausible());
        assert!(!Calibration { bytes: f64::INFINITY, ..found.clone() }.is_plausible());
        assert!(!Calibration { operations: 0.0, ..found }.is_plausible());
    }

    #[test]
    fn words_are_counted_at_some_speed() {
        let speed = count_words(Duration::ZERO);
        assert!(speed.is_finite() && speed > 0.0);
    }
}
