//! The transformer, written once for every backend.

use burn::tensor::{Int, Tensor, TensorData};

use crate::Config;
use crate::ops::{Attention, AttentionWeights, HeadWeights, MlpWeights, Ops, Rope, Targets};

/// A model with its weights on a device.
pub(crate) struct Model<B: Ops> {
    config: Config,
    /// In the order of [`Config::parameters`].
    weights: Vec<Tensor<B, 2>>,
    rope: Rope<B>,
    /// Stands in for the head norms of a model without.
    no_norm: Tensor<B, 2>,
}

impl<B: Ops> Model<B> {
    /// A model of weights in the order of [`Config::parameters`].
    pub(crate) fn new(config: Config, weights: Vec<Tensor<B, 2>>, device: &B::Device) -> Self {
        let rope = Rope::new(&config, device);
        let no_norm = Tensor::ones([1, config.head_width], device);
        Self { config, weights, rope, no_norm }
    }

    /// The weights, in the order of [`Config::parameters`].
    pub(crate) fn weights(&self) -> &[Tensor<B, 2>] {
        &self.weights
    }

    /// Replaces the weights.
    pub(crate) fn set_weights(&mut self, weights: Vec<Tensor<B, 2>>) {
        self.weights = weights;
    }

    /// The rotary tables.
    pub(crate) fn rope(&self) -> &Rope<B> {
        &self.rope
    }

    /// The sizes of attention.
    pub(crate) fn attention(&self) -> Attention {
        let Config { heads, kv_heads, head_width, qk_norm, norm_eps: eps, .. } = self.config;
        Attention { heads, kv_heads, head_width, qk_norm, eps }
    }

    /// Weights of block `layer`.
    pub(crate) fn block(&self, layer: usize) -> (AttentionWeights<B>, MlpWeights<B>) {
        let per_block = if self.config.qk_norm { 11 } else { 9 };
        let mut weights = self.weights[1 + layer * per_block..][..per_block].iter().cloned();
        let mut next = || weights.next().expect("as many as a block has");
        let [norm, q, k, v, o] = std::array::from_fn(|_| next());
        let [q_norm, k_norm] =
            std::array::from_fn(|_| if self.config.qk_norm { next() } else { self.no_norm.clone() });
        let attention = AttentionWeights { norm, q, k, v, o, q_norm, k_norm };
        let [norm, gate, up, down] = std::array::from_fn(|_| next());
        (attention, MlpWeights { norm, gate, up, down })
    }

    /// Weights of the last norm and the head.
    pub(crate) fn head(&self) -> HeadWeights<B> {
        let head = if self.config.tied { 0 } else { self.weights.len() - 1 };
        let norm = self.weights.len() - if self.config.tied { 1 } else { 2 };
        HeadWeights { norm: self.weights[norm].clone(), head: self.weights[head].clone() }
    }

    /// Embeddings of `ids` `[batch, length]`: `[batch, length, width]`.
    pub(crate) fn embed(&self, ids: Tensor<B, 2, Int>) -> Tensor<B, 3> {
        B::embed(self.weights[0].clone(), ids)
    }

    /// The weighted sum of the cross-entropies of predicting `targets` from `ids` `[batch, length]`.
    pub(crate) fn loss(&self, ids: Tensor<B, 2, Int>, targets: &Targets<B>) -> Tensor<B, 1> {
        let mut x = self.embed(ids);
        for layer in 0..self.config.layers {
            let (attention, mlp) = self.block(layer);
            x = B::attention_layer(self.attention(), x, attention, &self.rope);
            x = B::mlp_layer(x, mlp, self.config.norm_eps);
        }
        B::loss(x, self.head(), targets, self.config.norm_eps)
    }
}

/// Weights on a device, of values in the order of [`Config::parameters`].
pub(crate) fn upload<B: Ops>(config: &Config, values: &[Vec<f32>], device: &B::Device) -> Vec<Tensor<B, 2>> {
    let parameters = config.parameters();
    let pairs = parameters.iter().zip(values);
    pairs.map(|(p, values)| Tensor::from_data(TensorData::new(values.clone(), p.shape), device)).collect()
}
