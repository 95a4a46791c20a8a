//! What a stage will need, estimated before it runs.

use std::collections::BTreeMap;

use serde_json::Value;

/// What a stage will need, and what is known of its result, from its settings and what is known of its
/// inputs.
///
/// `None` is what is not known, or what the stage has none of; an estimate is never 0 for want of a better
/// one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cost {
    /// Floating-point operations of its tensor work.
    pub flops: Option<f64>,
    /// Bytes of memory at the peak, on the device it runs on: rather too many than too few.
    pub memory: Option<u64>,
    /// Trainable parameters of the model it makes.
    pub parameters: Option<u64>,
    /// Tokens that it trains on, each as often as it is read.
    pub tokens: Option<u64>,
    /// Steps that it takes, for a stage with a stem.
    pub steps: Option<u64>,
    /// How many of them a longer one takes in the same way: up to there it can go on from the stem of
    /// another.
    pub stem: Option<u64>,
    /// What follows from its settings that they do not say, in a line for people.
    pub follows: Option<String>,
    /// Bytes of all its inputs, for a stage with a [`Pace`]; one that reads fetched files says what these
    /// usually have.
    pub read: Option<u64>,
    /// Its result. What is left open here is as it is of the inputs.
    pub result: Known,
}

/// How fast a stage goes through its inputs that computes no tensors, measured on one core of the reference
/// machine of `tests/bench/README.md`, and how much comes out of it.
///
/// Bytes are those of files as they lie on disk, compressed as they are: nothing else is known before a stage
/// has run. It is right within a factor of about 1.5 for texts as they are on the web; finished runs correct
/// it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Bytes of its inputs a second.
    pub speed: f64,
    /// Bytes of its result for each byte of its inputs.
    pub gives: f64,
}

impl Pace {
    /// Seconds that any action takes, whatever it reads.
    const START: f64 = 0.004;

    /// Seconds of a core of the reference machine for `bytes`.
    #[must_use]
    pub fn seconds(&self, bytes: u64) -> f64 {
        Self::START + bytes as f64 / self.speed
    }

    /// Bytes of the result.
    #[must_use]
    pub fn result(&self, bytes: u64) -> u64 {
        (bytes as f64 * self.gives) as u64
    }
}

/// What is known of an artifact, also before it is made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    /// Pages, documents, conversations or questions.
    pub items: Option<u64>,
    /// Bytes of its files.
    pub bytes: Option<u64>,
    /// Tokens in a set of them.
    pub tokens: Option<u64>,
    /// Token ids of its vocabulary.
    pub vocabulary: Option<u64>,
    /// The `config.json` of its model.
    pub model: Option<Value>,
}

impl Known {
    /// Takes over what is not known here.
    pub fn or(&mut self, other: &Self) {
        self.items = self.items.or(other.items);
        self.bytes = self.bytes.or(other.bytes);
        self.tokens = self.tokens.or(other.tokens);
        self.vocabulary = self.vocabulary.or(other.vocabulary);
        if self.model.is_none() {
            self.model.clone_from(&other.model);
        }
    }
}

/// What is known of a stage's inputs, by role.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inputs(pub BTreeMap<String, Vec<Known>>);

impl Inputs {
    /// The input of this role; nothing is known of one that is not given.
    #[must_use]
    pub fn get(&self, role: &str) -> &Known {
        static NOTHING: Known =
            Known { items: None, bytes: None, tokens: None, vocabulary: None, model: None };
        self.all(role).first().unwrap_or(&NOTHING)
    }

    /// Bytes of all inputs; `None` where one is not known.
    #[must_use]
    pub fn bytes(&self) -> Option<u64> {
        self.0.values().flatten().map(|known| known.bytes).sum()
    }

    /// The inputs of a role that takes several.
    #[must_use]
    pub fn all(&self, role: &str) -> &[Known] {
        self.0.get(role).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_tells_time_and_size() {
        let pace = Pace { speed: 1e6, gives: 0.25 };
        assert!((pace.seconds(2_000_000) - 2.004).abs() < 1e-9);
        assert_eq!(pace.result(2_000_000), 500_000);
        let of = |bytes: [Option<u64>; 2]| {
            Inputs(BTreeMap::from([(
                "a".to_owned(),
                bytes.map(|bytes| Known { bytes, ..Known::default() }).to_vec(),
            )]))
        };
        assert_eq!(of([Some(1), Some(2)]).bytes(), Some(3));
        assert_eq!(of([Some(1), None]).bytes(), None, "unknown is not nothing");
    }

    #[test]
    fn nothing_counted_is_known_and_nothing_known_is_not() {
        let mut empty = Known { items: Some(0), ..Known::default() };
        empty.or(&Known { items: Some(7), bytes: Some(9), ..Known::default() });
        assert_eq!((empty.items, empty.bytes, empty.vocabulary), (Some(0), Some(9), None));
    }
}
