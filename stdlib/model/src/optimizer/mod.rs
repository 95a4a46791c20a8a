//! Optimisers: Muon for hidden matrices, AdamW for everything else.
//!
//! The optimiser works on all parameters at once, so that the CPU can update them in parallel; every backend can run
//! the composed implementation.

mod composed;
mod cpu;
mod flex;

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use crate::config::{Parameter, Role};
use crate::train::{Optimizer, Recipe, Schedule};

/// Decay of AdamW's first moment.
const BETA1: f64 = 0.9;
/// Decay of AdamW's second moment.
const BETA2: f64 = 0.95;
/// Added to the root of AdamW's second moment.
const EPSILON: f64 = 1e-8;
/// Decay of Muon's momentum.
const MOMENTUM: f64 = 0.95;
/// Newton-Schulz iterations of Muon.
const NEWTON_SCHULZ_STEPS: usize = 5;
/// Coefficients of the iteration `X = aX + (bA + cA²)X`, `A = XXᵀ` (Jordan et al., kellerjordan.github.io/posts/muon).
const NEWTON_SCHULZ: [f32; 3] = [3.4445, -4.7750, 2.0315];

/// A backend that updates parameters.
pub(crate) trait Update: Backend {
    /// One step of all parameters.
    fn update(slots: Vec<Slot<Self>>, gradients: Vec<Tensor<Self, 2>>, rates: &Rates) -> Vec<Slot<Self>> {
        slots
            .into_iter()
            .zip(gradients)
            .map(|(slot, gradient)| composed::update(slot, gradient, rates))
            .collect()
    }

    /// Sum of the squares of all values.
    fn squared_norm(gradients: &[Tensor<Self, 2>]) -> f64 {
        composed::squared_norm(gradients)
    }
}

#[cfg(feature = "wgpu")]
impl Update for burn::backend::Wgpu {}
#[cfg(feature = "cuda")]
impl Update for burn::backend::Cuda {}

/// A parameter with its optimiser state.
pub(crate) struct Slot<B: Backend> {
    pub(crate) weight: Tensor<B, 2>,
    /// AdamW's first moment, or Muon's momentum.
    pub(crate) first: Tensor<B, 2>,
    /// AdamW's second moment.
    pub(crate) second: Option<Tensor<B, 2>>,
    pub(crate) rule: Rule,
}

/// How a parameter is updated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) optimizer: Optimizer,
    /// Whether it takes the learning rate of hidden matrices.
    pub(crate) hidden: bool,
    /// Whether weight decay applies: to matrices, not to the scales of norms.
    pub(crate) decays: bool,
}

impl Rule {
    /// The rule of a parameter.
    pub(crate) fn of(parameter: &Parameter, hidden_optimizer: Optimizer) -> Self {
        let hidden = matches!(parameter.role, Role::Hidden | Role::Residual);
        let optimizer = if hidden { hidden_optimizer } else { Optimizer::AdamW };
        Self { optimizer, hidden, decays: parameter.role != Role::Norm }
    }
}

/// The numbers of one step of one parameter.
#[derive(Clone, Copy, Debug)]
struct Step {
    rate: f64,
    /// What decay leaves of the weight.
    keep: f64,
    gradient_scale: f64,
    /// What AdamW's moments are divided by, since they start at zero.
    corrections: (f64, f64),
}

/// The numbers of one step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rates {
    /// Learning rate of hidden matrices.
    pub(crate) hidden: f64,
    /// Learning rate of embeddings, head and norms.
    pub(crate) other: f64,
    /// Decoupled weight decay.
    pub(crate) weight_decay: f64,
    /// Gradients are multiplied by this: clipping.
    pub(crate) gradient_scale: f64,
    /// Steps done before this one.
    pub(crate) step: u64,
}

impl Rates {
    /// The rates of step `step` of `steps`, for gradients whose squares sum to `squared_norm`.
    pub(crate) fn new(recipe: &Recipe, step: u64, steps: u64, squared_norm: f64) -> Self {
        let share = schedule(recipe, step, steps);
        let norm = squared_norm.sqrt();
        let gradient_scale = recipe.clip.map_or(1.0, |clip| if norm > clip { clip / norm } else { 1.0 });
        Self {
            hidden: recipe.learning_rate * share,
            other: recipe.embedding_learning_rate * share,
            weight_decay: recipe.weight_decay,
            gradient_scale,
            step,
        }
    }

    fn step(&self, rule: Rule) -> Step {
        let rate = if rule.hidden { self.hidden } else { self.other };
        let keep = if rule.decays { 1.0 - rate * self.weight_decay } else { 1.0 };
        let steps = i32::try_from(self.step + 1).unwrap_or(i32::MAX);
        let corrections = (1.0 - BETA1.powi(steps), 1.0 - BETA2.powi(steps));
        Step { rate, keep, gradient_scale: self.gradient_scale, corrections }
    }
}

/// The share of the peak learning rate at step `step` of `steps`: a linear rise, then a fall to `final_fraction`.
fn schedule(recipe: &Recipe, step: u64, steps: u64) -> f64 {
    let warmup = (recipe.warmup * steps as f64).ceil();
    let done = step as f64;
    if done < warmup {
        return (done + 1.0) / (warmup + 1.0);
    }
    let progress = (done - warmup) / (steps as f64 - warmup).max(1.0);
    let fallen = match recipe.schedule {
        Schedule::Linear => progress,
        Schedule::Cosine => 0.5 - 0.5 * (std::f64::consts::PI * progress).cos(),
    };
    1.0 - (1.0 - recipe.final_fraction) * fallen
}

/// Muon's factor for a matrix of `rows` by `columns`: the update's size in the operator norm from inputs to outputs.
fn muon_scale(rows: usize, columns: usize) -> f64 {
    (rows as f64 / columns as f64).max(1.0).sqrt()
}

#[cfg(test)]
mod tests;
