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

/// How a model is trained.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// Optimiser of the hidden matrices.
    pub optimizer: Optimizer,
    /// Peak learning rate of the hidden matrices.
    pub learning_rate: f64,
    /// Peak learning rate of embeddings, head and norms.
    pub embedding_learning_rate: f64,
    /// Share of the steps in which the rate rises from 0 to its peak.
    pub warmup: f64,
    /// How the rate falls after the warm-up.
    pub schedule: Schedule,
    /// Share of the steps, at the end, in which [`Schedule::Wsd`] falls.
    pub decay: f64,
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

    /// The share of the peak learning rate at step `step` of `steps`: a linear rise, then a fall to
    /// `final_fraction`.
    fn share(&self, step: u64, steps: u64) -> f64 {
        let warmup = (self.warmup * steps as f64).ceil();
        let done = step as f64;
        if done < warmup {
            return (done + 1.0) / (warmup + 1.0);
        }
        let steps = steps as f64;
        let from = match self.schedule {
            Schedule::Linear | Schedule::Cosine => warmup,
            Schedule::Wsd => (steps - (self.decay * steps).ceil()).max(warmup),
        };
        let progress = ((done - from) / (steps - from).max(1.0)).max(0.0);
        let fallen = match self.schedule {
            Schedule::Linear | Schedule::Wsd => progress,
            Schedule::Cosine => 0.5 - 0.5 * exact::cos(std::f64::consts::PI * progress),
        };
        1.0 - (1.0 - self.final_fraction) * fallen
    }
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
            warmup: 0.1,
            schedule: Schedule::Linear,
            decay: 0.2,
            final_fraction: 0.1,
            weight_decay: 0.1,
            clip: Some(1.0),
            seed: 1,
            checkpoint_every: 0,
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
        let longer: Vec<f64> = (0..60).map(|step| stable.share(step, 600)).collect();
        assert!(longer[..59].is_sorted(), "a decay is a share of the steps");
        assert!(recipe.rates(0, 1, 4.0).gradient_scale == 0.5);
    }
}
