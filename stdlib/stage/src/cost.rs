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
    /// Its result. What is left open here is as it is of the inputs.
    pub result: Known,
}

/// What is known of an artifact, also before it is made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    /// Pages, documents, conversations or questions.
    pub items: Option<u64>,
    /// Bytes of its files.
    pub bytes: Option<u64>,
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
        static NOTHING: Known = Known { items: None, bytes: None, vocabulary: None, model: None };
        self.all(role).first().unwrap_or(&NOTHING)
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
    fn nothing_counted_is_known_and_nothing_known_is_not() {
        let mut empty = Known { items: Some(0), ..Known::default() };
        empty.or(&Known { items: Some(7), bytes: Some(9), ..Known::default() });
        assert_eq!((empty.items, empty.bytes, empty.vocabulary), (Some(0), Some(9), None));
    }
}
