//! One number for the size of a training: what `model = { depth = 12 }` sets, by stated rules. What is
//! written beside it stays as it is written, and what follows from that follows from it.
//!
//! Shape: nanochat's (github.com/karpathy/nanochat), 64 of width for each block. Horizon: Chinchilla's 20
//! tokens for each parameter (arXiv 2203.15556). Batch and AdamW's rate: Step Law (arXiv 2503.04715).
//! Parameters are those of the blocks alone: they follow from the shape, whatever vocabulary comes.

use llmp_model::Optimizer;

/// Width for each block.
const ASPECT: usize = 64;
/// Width of a head, and that from [`WIDE_FROM`] on.
const HEAD: usize = 64;
const WIDE_HEAD: usize = 128;
const WIDE_FROM: usize = 12;
/// The longest context.
const MOST_CONTEXT: usize = 2_048;
/// Tokens for each parameter.
const TOKENS_A_PARAMETER: u64 = 20;
/// Muon's rate, which serves all widths and batches.
const MUON_RATE: f64 = 0.02;
/// AdamW's rate at most.
const MOST_RATE: f64 = 1e-2;

/// Width of the residual stream for a depth: whole heads of it.
pub(super) fn width(depth: usize) -> usize {
    (ASPECT * depth).next_multiple_of(head(depth))
}

/// Width of a head.
fn head(depth: usize) -> usize {
    if depth < WIDE_FROM { HEAD } else { WIDE_HEAD }
}

/// Heads of a model of a width, which may have been written; at least one.
pub(super) fn heads(depth: usize, width: usize) -> usize {
    (width / head(depth)).max(1)
}

/// The power of two at or above 128 times the depth, at most 2,048.
pub(super) fn context(depth: usize) -> usize {
    (128 * depth).next_power_of_two().min(MOST_CONTEXT)
}

/// Parameters of the blocks of a shape, norms left out: 12 times the square of the width for each.
pub(super) fn parameters(layers: usize, width: usize) -> u64 {
    12 * layers as u64 * (width as u64).pow(2)
}

/// Tokens to train on.
pub(super) fn tokens(parameters: u64) -> u64 {
    TOKENS_A_PARAMETER * parameters
}

/// Rows of a step: 0.58 times the 0.571th power of the tokens to train on are the tokens of a step.
pub(super) fn rows(tokens: u64, context: usize) -> u32 {
    let step = 0.58 * (tokens as f64).powf(0.571);
    ((step / context as f64).round() as u32).max(1)
}

/// The rate of the hidden matrices.
pub(super) fn rate(optimizer: Optimizer, parameters: u64, tokens: u64) -> f64 {
    match optimizer {
        Optimizer::Muon => MUON_RATE,
        Optimizer::AdamW => adamw_rate(parameters, tokens),
    }
}

/// The rate of embeddings, head and norms, and with AdamW of all: 1.79 N^-0.713 D^0.307, to two digits.
pub(super) fn adamw_rate(parameters: u64, tokens: u64) -> f64 {
    let rate = 1.79 * (parameters as f64).powf(-0.713) * (tokens as f64).powf(0.307);
    let digits = 10f64.powf(rate.log10().floor() - 1.0);
    // What is divided by a power of ten is the number that is written.
    ((rate / digits).round() / (1.0 / digits).round()).min(MOST_RATE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_12_and_24_are_as_nanochat_has_them() {
        let shape = |depth| (width(depth), heads(depth, width(depth)), context(depth));
        assert_eq!((shape(12), shape(24)), ((768, 6, 2_048), (1_536, 12, 2_048)));
        assert_eq!((shape(1), shape(2), shape(4)), ((64, 1, 128), (128, 2, 256), (256, 4, 512)));
        assert_eq!(shape(13), (896, 7, 2_048), "whole heads");
        for depth in 1..=64 {
            assert_eq!(width(depth) % heads(depth, width(depth)), 0, "{depth}");
        }
    }

    #[test]
    fn batch_and_rate_follow_the_laws() {
        let parameters = parameters(12, 768);
        let tokens = tokens(parameters);
        assert_eq!((parameters, tokens), (84_934_656, 1_698_693_120));
        // 0.58 · 1.7e9^0.571 = 109k tokens.
        assert_eq!(rows(tokens, 2_048), 53);
        assert_eq!(rate(Optimizer::Muon, parameters, tokens), 0.02);
        assert_eq!(rate(Optimizer::AdamW, parameters, tokens), 0.0027);
        assert_eq!(adamw_rate(400_000, 8_000_000), 0.01);
        assert_eq!(rows(1, 4_096), 1);
    }
}
