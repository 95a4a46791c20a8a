//! The transformer, written once for every backend.

use burn::tensor::{Int, Tensor};

use crate::ops::{Attention, AttentionWeights, HeadWeights, MlpWeights, Ops, Rope, Targets};
use llmp_artifacts::model::Config;

/// A model's shape and constants on a device. Weights come with each call, in the order of
/// [`Config::parameters`].
pub(crate) struct Model<B: Ops> {
    config: Config,
    rope: Rope<B>,
    /// Stands in for the head norms of a model without.
    no_norm: Tensor<B, 2>,
}

impl<B: Ops> Model<B> {
    pub(crate) fn new(config: Config, device: &B::Device) -> Self {
        let rope = Rope::new(&config, device);
        let no_norm = Tensor::ones([1, config.head_width], device);
        Self { config, rope, no_norm }
    }

    /// The weighted sum of the cross-entropies of predicting `targets` from `ids`, both `[batch, length]`.
    pub(crate) fn loss(
        &self,
        weights: &[Tensor<B, 2>],
        ids: Tensor<B, 2, Int>,
        targets: &Targets<B>,
    ) -> Tensor<B, 1> {
        let mut x = B::embed(weights[0].clone(), ids);
        for layer in 0..self.config.layers {
            let (attention, mlp) = self.block(weights, layer);
            x = B::attention_layer(self.attention(), x, attention, &self.rope);
            x = B::mlp_layer(x, mlp, self.config.norm_eps);
        }
        B::loss(x, self.head(weights), targets, self.config.norm_eps)
    }

    /// The rotary tables of all positions.
    pub(crate) fn rope(&self) -> &Rope<B> {
        &self.rope
    }

    /// The sizes of attention.
    pub(crate) fn attention(&self) -> Attention {
        let Config { heads, kv_heads, head_width, qk_norm, norm_eps: eps, .. } = self.config;
        Attention { heads, kv_heads, head_width, qk_norm, eps }
    }

    /// Weights of block `layer`.
    pub(crate) fn block(
        &self,
        weights: &[Tensor<B, 2>],
        layer: usize,
    ) -> (AttentionWeights<B>, MlpWeights<B>) {
        let per_block = if self.config.qk_norm { 11 } else { 9 };
        let mut weights = weights[1 + layer * per_block..][..per_block].iter().cloned();
        let mut next = || weights.next().expect("as many as a block has");
        let [norm, q, k, v, o] = std::array::from_fn(|_| next());
        let [q_norm, k_norm] =
            std::array::from_fn(|_| if self.config.qk_norm { next() } else { self.no_norm.clone() });
        let attention = AttentionWeights { norm, q, k, v, o, q_norm, k_norm };
        let [norm, gate, up, down] = std::array::from_fn(|_| next());
        (attention, MlpWeights { norm, gate, up, down })
    }

    /// Weights of the last norm and the head.
    pub(crate) fn head(&self, weights: &[Tensor<B, 2>]) -> HeadWeights<B> {
        let head = if self.config.tied { 0 } else { weights.len() - 1 };
        let norm = weights.len() - if self.config.tied { 1 } else { 2 };
        HeadWeights { norm: weights[norm].clone(), head: weights[head].clone() }
    }
}
