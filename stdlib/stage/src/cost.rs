//! What a stage will need, estimated before it runs.

use std::collections::BTreeMap;

use serde_json::Value;

/// What a stage will need, and what is known of its result, from its settings and what is known of its inputs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cost {
    /// Floating-point operations; 0 where the stage does no tensor work.
    pub flops: f64,
    /// Bytes of memory at the peak, on the device it runs on: rather too many than too few. 0 where that is not known.
    pub memory: u64,
    /// Trainable parameters of the model it makes; 0 for data stages.
    pub parameters: u64,
    /// Tokens processed.
    pub tokens: u64,
    /// Its result. What is left open here is as it is of the inputs.
    pub result: Known,
}

/// What is known of an artifact, also before it is made; 0 and `None` where nothing is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    /// Pages, documents, conversations or questions.
    pub items: u64,
    /// Bytes of its files.
    pub bytes: u64,
    /// Token ids of its vocabulary.
    pub vocabulary: u64,
    /// The `config.json` of its model.
    pub model: Option<Value>,
}

impl Known {
    /// Takes over what is not known here.
    pub fn or(&mut self, other: &Self) {
        for (mine, other) in [
            (&mut self.items, other.items),
            (&mut self.bytes, other.bytes),
            (&mut self.vocabulary, other.vocabulary),
        ] {
            if *mine == 0 {
                *mine = other;
            }
        }
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
        static NOTHING: Known = Known { items: 0, bytes: 0, vocabulary: 0, model: None };
        self.all(role).first().unwrap_or(&NOTHING)
    }

    /// The inputs of a role that takes several.
    #[must_use]
    pub fn all(&self, role: &str) -> &[Known] {
        self.0.get(role).map_or(&[], Vec::as_slice)
    }
}
