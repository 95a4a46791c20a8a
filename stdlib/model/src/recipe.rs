//! How a model is trained: the numbers, and what they say of each step.

use llmp_artifacts::exact;

use crate::optimizer::{Optimizer, Rates};

/// How the learning rate falls after the warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// In a straight line.
    Linear,
    /// Along half a cosine.
    Cosine,
    /// Not until the last part of the steps ([`Recipe::decay`]), there in a straight line: warm-up, stable,
    /// decay (MiniCPM, arXiv 2404.06395).
    Wsd,
}

/// What becomes of a step whose loss is far above those before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnSpike {
    /// It is told.
    #[default]
    Note,
    /// Its update is left out, too.
    Skip,
}

/// A part of the steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stretch {
    /// A share of them, rounded up.
    Share(f64),
    /// So many.
    Steps(u64),
}

impl Stretch {
    /// Of so many steps.
    #[must_use]
    pub fn of(self, steps: u64) -> u64 {
        match self {
            Self::Share(share) => (share * steps as f64).ceil() as u64,
            Self::Steps(part) => part,
        }
    }
}

/// How a model is trained.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// Optimiser of the hidden matrices.
    pub optimizer: Optimizer,
    /// Peak learning rate of the hidden matrices.
    pub learning_rate: f64,
    /// Peak learning rate of embeddings, head and norms.
    pub embedding_learning_rate: f64,
    /// Steps in which the rate rises from 0 to its peak.
    pub warmup: Stretch,
    /// How the rate falls after the warm-up.
    pub schedule: Schedule,
    /// Steps, at the end, in which [`Schedule::Wsd`] falls.
    pub decay: Stretch,
    /// Share of the peak that is left at the last step.
    pub final_fraction: f64,
    /// Decoupled weight decay of matrices, as a rate: a step multiplies by `1 - learning rate * decay`.
    pub weight_decay: f64,
    /// Largest norm of the gradient of all parameters together; `None` for no clipping.
    pub clip: Option<f64>,
    /// Seed of the initial weights.
    pub seed: u64,
    /// Steps between checkpoints; 0 for none. Never changes the result.
    pub checkpoint_every: u64,
    /// What becomes of a step whose loss is far above those before.
    pub on_spike: OnSpike,
    /// Ids that end generation, for `config.json` and `generation_config.json`; `None` keeps those of the
    /// start.
    pub stop_tokens: Option<Vec<u32>>,
}

impl Recipe {
    /// The rates of step `step` of `steps`, for gradients whose squares sum to `squared_norm`.
    pub(crate) fn rates(&self, step: u64, steps: u64, squared_norm: f64) -> Rates {
        let share = self.share(step, steps);
        let norm = squared_norm.sqrt();
        let gradient_scale = self.clip.map_or(1.0, |clip| if norm > clip { clip / norm } else { 1.0 });
        Rates {
            hidden: self.learning_rate * share,
            other: self.embedding_learning_rate * share,
            weight_decay: self.weight_decay,
            gradient_scale,
            step,
        }
    }

    /// The steps at the start of `steps` that a longer training takes in the same way: up to where
    /// [`Schedule::Wsd`] begins to fall. `None` where the schedule depends on `steps` before.
    #[must_use]
    pub fn stem(&self, steps: u64) -> Option<u64> {
        stem(self.schedule, self.warmup, self.decay, steps)
    }

    /// The share of the peak learning rate at step `step` of `steps`: a linear rise, then a fall to
    /// `final_fraction`.
    fn share(&self, step: u64, steps: u64) -> f64 {
        let warmup = self.warmup.of(steps) as f64;
        let done = step as f64;
        if done < warmup {
            return (done + 1.0) / (warmup + 1.0);
        }
        let from = match self.schedule {
            Schedule::Linear | Schedule::Cosine => warmup,
            Schedule::Wsd => (steps.saturating_sub(self.decay.of(steps)) as f64).max(warmup),
        };
        let steps = steps as f64;
        let progress = ((done - from) / (steps - from).max(1.0)).max(0.0);
        let fallen = match self.schedule {
            Schedule::Linear | Schedule::Wsd => progress,
            Schedule::Cosine => 0.5 - 0.5 * exact::cos(std::f64::consts::PI * progress),
        };
        1.0 - (1.0 - self.final_fraction) * fallen
    }
}

/// See [`Recipe::stem`].
#[must_use]
pub fn stem(schedule: Schedule, warmup: Stretch, decay: Stretch, steps: u64) -> Option<u64> {
    let (Schedule::Wsd, Stretch::Steps(warmup)) = (schedule, warmup) else { return None };
    let from = steps.saturating_sub(decay.of(steps));
    (from > 0 && from >= warmup).then_some(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_and_falls() {
        let recipe = Recipe {
            optimizer: Optimizer::Muon,
            learning_rate: 1.0,
            embedding_learning_rate: 0.1,
            warmup: Stretch::Share(0.1),
            schedule: Schedule::Linear,
            decay: Stretch::Share(0.2),
            final_fraction: 0.1,
            weight_decay: 0.1,
            clip: Some(1.0),
            seed: 1,
            checkpoint_every: 0,
            on_spike: OnSpike::Note,
            stop_tokens: None,
        };
        let shares: Vec<f64> = (0..100).map(|step| recipe.share(step, 100)).collect();
        assert!(shares[0] > 0.0 && shares[0] < 0.2);
        assert_eq!(shares[10], 1.0);
        assert!(shares[..10].is_sorted() && shares[10..].iter().rev().is_sorted());
        assert!((0.1..0.12).contains(&shares[99]));
        let stable = Recipe { schedule: Schedule::Wsd, ..recipe.clone() };
        let wsd: Vec<f64> = (0..100).map(|step| stable.share(step, 100)).collect();
        assert_eq!(wsd[..10], shares[..10]);
        assert!(
            wsd[10..81].iter().all(|share| *share == 1.0)
                && wsd[81] < 1.0
                && wsd[80..].is_sorted_by(|a, b| a > b)
        );
        assert!((0.1..0.15).contains(&wsd[99]), "{}", wsd[99]);
        assert_eq!((stable.stem(100), recipe.stem(100)), (None, None), "its warm-up is a share");
        let fixed = Recipe { warmup: Stretch::Steps(7), ..stable.clone() };
        assert_eq!((fixed.stem(100), fixed.stem(8), fixed.stem(7)), (Some(80), None, None));
        let same = |step: &u64| fixed.share(*step, 100) == fixed.share(*step, 300);
        assert!((0..=80).all(|step| same(&step)) && !same(&81), "the stem is all that they have in common");
        let late = Recipe { decay: Stretch::Steps(10), ..fixed.clone() };
        assert_eq!((late.stem(100), late.stem(10), late.share(90, 100)), (Some(90), None, 1.0));
        assert!(late.share(91, 100) < 1.0 && late.share(0, 5) == fixed.share(0, 100));
        let longer: Vec<f64> = (0..60).map(|step| stable.share(step, 600)).collect();
        assert!(longer[..59].is_sorted(), "a decay is a share of the steps");
        assert!(recipe.rates(0, 1, 4.0).gradient_scale == 0.5);
    }
}
