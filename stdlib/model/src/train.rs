//! The trainer: one loop for pretraining and every fine-tuning stage.

use std::path::Path;

use llmp_stage::{Context, Error, Result};

use crate::Config;

/// One sequence of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Token ids; at most one more than the model's context.
    pub tokens: Vec<u32>,
    /// `learn[i]`: whether predicting `tokens[i]` from the tokens before it counts in the loss. `learn[0]` is ignored.
    pub learn: Vec<bool>,
}

/// Where the rows of each step come from.
pub trait Batches: Sync {
    /// Number of optimiser steps.
    fn steps(&self) -> u64;

    /// The rows of step `step`, counted from 0: a pure function of `step`, so that an interrupted training resumes
    /// exactly. Rows may differ in length.
    ///
    /// # Errors
    /// Where the data cannot be read.
    fn batch(&self, step: u64) -> Result<Vec<Row>>;
}

/// What training starts from.
#[derive(Clone, Debug)]
pub enum Start<'a> {
    /// Random weights, drawn with the recipe's seed.
    Fresh(Config),
    /// A Hugging Face model folder.
    From(&'a Path),
}

/// How hidden matrices are optimised. Embeddings, head and norms take AdamW with either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Optimizer {
    /// Momentum, orthogonalised by Newton-Schulz iterations.
    Muon,
    /// Adam with decoupled weight decay.
    AdamW,
}

/// How the learning rate falls after the warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// In a straight line.
    Linear,
    /// Along half a cosine.
    Cosine,
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
    /// Ids that end generation, for `config.json` and `generation_config.json`; `None` keeps those of the start.
    pub stop_tokens: Option<Vec<u32>>,
}

/// What a training came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    /// Mean loss of the last steps (at most 50), in nats a learned token.
    pub final_loss: f64,
    /// Optimiser steps done in all.
    pub steps: u64,
    /// Tokens that went through the model in all, padding not counted.
    pub tokens: u64,
}

/// Trains a model on [`Context::device`] and writes a Hugging Face folder to [`Context::output`]: `config.json`,
/// `generation_config.json`, `model.safetensors` and the files of `tokenizer_files` (`tokenizer.json`,
/// `tokenizer_config.json`).
///
/// Checkpoints stand in [`Context::state`]; a second call with the same arguments goes on from the last one, on the
/// CPU to the same bytes.
///
/// # Errors
/// Where files cannot be read or written, a row does not fit the model, the loss stops being finite, or the run was
/// asked to stop.
pub fn train(
    ctx: &dyn Context,
    start: Start<'_>,
    tokenizer_files: &Path,
    batches: &dyn Batches,
    recipe: &Recipe,
) -> Result<Trained> {
    let _ = (ctx, start, tokenizer_files, batches, recipe);
    Err(Error::new("training is not built yet"))
}
