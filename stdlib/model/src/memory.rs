//! What a model takes on the CPU, from its shape: what the code beside this keeps at the same time.
//!
//! The numbers err upwards. Compared with peaks of the whole process, which takes some 50 MiB by itself, on
//! `examples/who-is` with one action at a time: `base` 103 MiB expected with those 64 MiB that the runtime
//! adds, 85 measured; `chat` 191 and 138.

use llmp_artifacts::model::Config;
use llmp_stage::{Cost, Known};

use crate::optimizer::Optimizer;
use crate::train::PART;

/// Bytes of a value.
const VALUE: u64 = 4;
/// Values of logits that exist at a time in training, see [`crate::cpu::loss`].
const LOGITS: u64 = 16 << 20;
/// Bytes of KV caches, at most, see [`crate::generate`].
const CACHES: u64 = 1 << 30;
/// What the allocator holds beyond what is asked for.
const SLACK: f64 = 1.15;

/// What training a new model on `tokens` tokens in batches of `rows` full rows needs.
#[must_use]
pub fn of_pretraining(config: &Config, rows: u64, tokens: Option<u64>) -> Cost {
    Cost {
        flops: tokens.map(|tokens| config.training_flops_per_token() * tokens as f64),
        memory: Some(of_step(config, rows * config.context as u64)),
        parameters: Some(config.parameter_count()),
        tokens,
        steps: None,
        stem: None,
        follows: None,
        read: None,
        result: Known { model: Some(config.to_json()), ..Known::default() },
    }
}

/// Bytes that training takes at the peak, with up to `tokens` tokens in a step.
#[must_use]
pub fn of_training(config: &Config, tokens: u64) -> u64 {
    of_parts(config, tokens, 0)
}

/// The same for a step that goes through the model in parts.
fn of_step(config: &Config, tokens: u64) -> u64 {
    let part = (PART as u64).max(config.context as u64);
    // The sum of the parts' gradients.
    of_parts(config, tokens.min(part), u64::from(tokens > part))
}

fn of_parts(config: &Config, tokens: u64, sums: u64) -> u64 {
    let parameters = config.parameter_count();
    let [width, q, kv, mlp, heads] = widths(config);
    let head_norms = u64::from(config.qk_norm);
    // What the backward pass needs of a block: both inputs and what came of their norms; queries, keys,
    // values and what attention gave; gate and up.
    let block = 4 * width + (2 + head_norms) * (q + kv) + heads + 2 * mlp + 2;
    // What exists once: gradients of the block at work, the first and last of the residual stream.
    let once = 6 * width + 2 * (q + kv) + 3 * mlp;
    let logits = (tokens * config.vocabulary as u64).min(LOGITS);
    let activations = tokens * (config.layers as u64 * block + once) + logits;
    // Weights, gradients, what an optimiser keeps, and a gradient of the table from either end.
    let step = (2 + sums + Optimizer::MOST_SLOTS) * parameters + table(config) + activations;
    // A checkpoint is a copy of weights and of what the optimiser keeps.
    let checkpoint = 2 * (1 + Optimizer::MOST_SLOTS) * parameters;
    (VALUE as f64 * SLACK * step.max(checkpoint) as f64) as u64
}

/// Bytes that writing takes at the peak: up to `rows` sequences at a time, whose prompts have up to `prompt`
/// tokens.
#[must_use]
pub fn of_sampling(config: &Config, rows: u64, prompt: u64) -> u64 {
    let [width, q, kv, mlp, _] = widths(config);
    let context = config.context as u64;
    // While they are laid out, the largest weights exist twice.
    let weights = config.parameter_count() + 2 * table(config);
    let caches = (rows * context * 2 * config.layers as u64 * kv).min(CACHES / VALUE);
    let prompts = rows * prompt.min(context) * (3 * width + 2 * (q + kv) + 3 * mlp);
    let logits = rows * config.vocabulary as u64;
    (VALUE as f64 * SLACK * (weights + caches + prompts + logits) as f64) as u64
}

/// The shape of the model that an input holds, where that is known.
#[must_use]
pub fn config_of(model: &Known) -> Option<Config> {
    Config::from_json(model.model.as_ref()?).ok()
}

/// Tokens of the longest rows of conversations or questions, from their number and bytes; a full context
/// where that is not known.
#[must_use]
pub fn longest_row(rows: &Known, config: &Config) -> u64 {
    /// Bytes of JSON for each token, at least.
    const BYTES_OF_TOKEN: u64 = 3;
    /// The longest of a batch against the mean.
    const LONGEST: u64 = 2;
    let context = config.context as u64;
    match rows.bytes.zip(rows.items).and_then(|(bytes, items)| bytes.checked_div(items)) {
        Some(bytes) => (LONGEST * bytes / BYTES_OF_TOKEN).clamp(1, context),
        None => context,
    }
}

/// Values of the embedding table.
fn table(config: &Config) -> u64 {
    (config.vocabulary * config.width) as u64
}

/// Widths of the residual stream, of all query and key-value heads, of the MLP; the number of heads.
fn widths(config: &Config) -> [u64; 5] {
    let head = config.head_width;
    [config.width, config.heads * head, config.kv_heads * head, config.mlp_width, config.heads]
        .map(|width| width as u64)
}

#[cfg(test)]
mod tests {
    use llmp_artifacts::testing::tiny;

    use super::*;

    #[test]
    fn more_of_anything_takes_more() {
        let config = tiny();
        assert!(of_training(&config, 100_000) > of_training(&config, 10_000));
        let mut larger = config.clone();
        larger.layers *= 2;
        assert!(of_training(&larger, 10_000) > of_training(&config, 10_000));
        assert!(of_training(&config, 0) >= 24 * config.parameter_count(), "a checkpoint is a copy");
        assert!(of_sampling(&config, 64, 32) > of_sampling(&config, 8, 32));
        assert!(of_sampling(&config, 1, 1) > 4 * config.parameter_count());
    }
}
