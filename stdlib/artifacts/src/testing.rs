//! Small artifacts for unit tests.

use crate::model::{Config, RopeScaling};

/// A model small enough for gradient checks, with grouped heads and a head width that is no power of two.
#[must_use]
pub fn tiny() -> Config {
    Config {
        vocabulary: 37,
        width: 24,
        layers: 2,
        heads: 4,
        kv_heads: 2,
        head_width: 6,
        mlp_width: 32,
        context: 20,
        rope_theta: 10_000.0,
        rope_scaling: RopeScaling::None,
        norm_eps: 1e-6,
        qk_norm: true,
        tied: true,
        bos: None,
        eos: vec![0],
        pad: Some(0),
    }
}
