//! How long to pretrain, in the units that people have it in.

use llmp_artifacts::model::Config;
use llmp_model::Stretch;
use serde::Deserialize;

/// The setting `for`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub(super) enum Horizon {
    /// `20M tokens`
    Tokens(u64),
    /// In another unit.
    Other(Other),
}

/// A horizon in another unit than tokens.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Other {
    /// `5k steps`
    Steps(u64),
    /// `4 epochs`: passes over the tokens of the set.
    Epochs(u64),
    /// `20x parameters`: tokens for each parameter of the model.
    Parameters(f64),
}

/// The settings `warmup` and `decay`: a part of the training.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub(super) enum Length {
    /// `5%`
    Share(f64),
    /// In a unit.
    Other(Unit),
}

/// What a stretch is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Unit {
    /// `1M tokens`
    Tokens(u64),
    /// `40 steps`
    Steps(u64),
}

impl Length {
    /// As steps of `step` tokens, rounded up.
    pub(super) fn stretch(self, step: u64) -> Stretch {
        match self {
            Self::Share(share) => Stretch::Share(share),
            Self::Other(Unit::Steps(steps)) => Stretch::Steps(steps),
            Self::Other(Unit::Tokens(tokens)) => Stretch::Steps(tokens.div_ceil(step.max(1))),
        }
    }
}

impl Horizon {
    /// Optimiser steps of `step` tokens each, rounded up and at least one, for a set of `set` tokens; `None`
    /// where the size of the set matters and is not known.
    pub(super) fn steps(self, step: u64, config: &Config, set: Option<u64>) -> Option<u64> {
        let tokens = match self {
            Self::Tokens(tokens) => tokens,
            Self::Other(Other::Steps(steps)) => return Some(steps.max(1)),
            Self::Other(Other::Epochs(epochs)) => epochs.saturating_mul(set?),
            Self::Other(Other::Parameters(times)) => (times * config.parameter_count() as f64).ceil() as u64,
        };
        Some(tokens.div_ceil(step.max(1)).max(1))
    }
}

#[cfg(test)]
mod tests {
    use llmp_artifacts::testing::tiny;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_stretch_has_units() {
        let read = |value| serde_json::from_value::<Length>(value).unwrap().stretch(24);
        assert_eq!(read(json!(0.05)), Stretch::Share(0.05));
        assert_eq!(read(json!({"steps": 40})), Stretch::Steps(40));
        assert_eq!(read(json!({"tokens": 25})), Stretch::Steps(2));
        assert!(serde_json::from_value::<Length>(json!({"epochs": 2})).is_err());
    }

    #[test]
    fn a_horizon_has_units() {
        let read = |value| serde_json::from_value::<Horizon>(value).unwrap();
        let (config, set) = (tiny(), Some(1_000));
        assert_eq!(read(json!(900)).steps(24, &config, None), Some(38));
        assert_eq!(read(json!({"steps": 7})).steps(24, &config, None), Some(7));
        assert_eq!(read(json!({"epochs": 3})).steps(100, &config, set), Some(30));
        assert_eq!(read(json!({"epochs": 3})).steps(100, &config, None), None);
        let parameters = config.parameter_count();
        assert_eq!(read(json!({"parameters": 20.0})).steps(10, &config, None), Some(2 * parameters));
        assert_eq!(read(json!({"parameters": 0.0})).steps(10, &config, None), Some(1));
        assert!(serde_json::from_value::<Horizon>(json!({"layers": 2})).is_err());
    }
}
