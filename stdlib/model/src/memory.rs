//! How much memory a model takes on the CPU, from its shape: what the code beside this keeps at the same time.
//!
//! The numbers err upwards. Compared with peaks of the whole process, which takes some 50 MiB by itself, on `examples/who-is`
//! with one action at a time: `base` 103 MiB expected with those 64 MiB that the runtime adds, 85 measured; `chat` 191 and 138.

use crate::Config;

/// Bytes of a value.
const VALUE: u64 = 4;
/// Values of logits that exist at a time in training, see [`crate::cpu::loss`].
const LOGITS: u64 = 16 << 20;
/// Bytes of KV caches, at most, see [`crate::generate`].
const CACHES: u64 = 1 << 30;
/// What the allocator holds beyond what is asked for.
const SLACK: f64 = 1.15;

impl Config {
    /// Bytes that training takes at the peak, with up to `tokens` tokens in a step.
    #[must_use]
    pub fn training_memory(&self, tokens: u64) -> u64 {
        let parameters = self.parameter_count();
        let [width, q, kv, mlp, heads] = self.widths();
        let head_norms = u64::from(self.qk_norm);
        // What the backward pass needs of a block: both inputs and what came of their norms; queries, keys, values and
        // what attention gave; gate and up.
        let block = 4 * width + (2 + head_norms) * (q + kv) + heads + 2 * mlp + 2;
        // What exists once: gradients of the block at work, the first and last of the residual stream.
        let once = 6 * width + 2 * (q + kv) + 3 * mlp;
        let logits = (tokens * self.vocabulary as u64).min(LOGITS);
        let activations = tokens * (self.layers as u64 * block + once) + logits;
        // Weights, gradients, two moments, and a gradient of the table from either end.
        let step = 4 * parameters + self.table() + activations;
        // A checkpoint is a copy of weights and moments.
        let checkpoint = 6 * parameters;
        (VALUE as f64 * SLACK * step.max(checkpoint) as f64) as u64
    }

    /// Bytes that writing takes at the peak: up to `rows` sequences at a time, whose prompts have up to `prompt` tokens.
    #[must_use]
    pub fn sampling_memory(&self, rows: u64, prompt: u64) -> u64 {
        let [width, q, kv, mlp, _] = self.widths();
        let context = self.context as u64;
        // While they are laid out, the largest weights exist twice.
        let weights = self.parameter_count() + 2 * self.table();
        let caches = (rows * context * 2 * self.layers as u64 * kv).min(CACHES / VALUE);
        let prompts = rows * prompt.min(context) * (3 * width + 2 * (q + kv) + 3 * mlp);
        let logits = rows * self.vocabulary as u64;
        (VALUE as f64 * SLACK * (weights + caches + prompts + logits) as f64) as u64
    }

    /// Values of the embedding table.
    fn table(&self) -> u64 {
        (self.vocabulary * self.width) as u64
    }

    /// Widths of the residual stream, of all query and key-value heads, of the MLP; the number of heads.
    fn widths(&self) -> [u64; 5] {
        let head = self.head_width;
        [self.width, self.heads * head, self.kv_heads * head, self.mlp_width, self.heads]
            .map(|width| width as u64)
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::tiny;

    #[test]
    fn more_of_anything_takes_more() {
        let config = tiny();
        let memory = |config: &crate::Config, tokens| config.training_memory(tokens);
        assert!(memory(&config, 100_000) > memory(&config, 10_000));
        let mut larger = config.clone();
        larger.layers *= 2;
        assert!(memory(&larger, 10_000) > memory(&config, 10_000));
        assert!(config.training_memory(0) >= 24 * config.parameter_count(), "a checkpoint is a copy");
        assert!(config.sampling_memory(64, 32) > config.sampling_memory(8, 32));
        assert!(config.sampling_memory(1, 1) > 4 * config.parameter_count());
    }
}
