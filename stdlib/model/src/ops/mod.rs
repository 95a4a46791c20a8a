//! The operations that the transformer is made of. Each has a composed implementation over burn's tensors,
//! which every backend can run and differentiate, and a fused one for the CPU.

pub(crate) mod composed;
mod flex;
mod flex_autodiff;
#[cfg(test)]
mod tests;

use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor, TensorData};

use llmp_artifacts::exact;
use llmp_artifacts::model::Config;

/// A backend that runs the transformer.
pub(crate) trait Ops: Backend {
    /// Rows of `table` `[vocabulary, width]` by `ids` `[batch, length]`: `[batch, length, width]`.
    fn embed(table: Tensor<Self, 2>, ids: Tensor<Self, 2, Int>) -> Tensor<Self, 3> {
        composed::embed(table, ids)
    }

    /// `x + attention(norm(x))`; `x` is `[batch, length, width]`.
    fn attention_layer(
        shape: Attention,
        x: Tensor<Self, 3>,
        weights: AttentionWeights<Self>,
        rope: &Rope<Self>,
    ) -> Tensor<Self, 3> {
        composed::attention(shape, x, weights, rope)
    }

    /// `x + mlp(norm(x))`; `x` is `[batch, length, width]`.
    fn mlp_layer(x: Tensor<Self, 3>, weights: MlpWeights<Self>, eps: f64) -> Tensor<Self, 3> {
        composed::mlp(x, weights, eps)
    }

    /// The weighted sum of cross-entropies of `head · norm(x)`, in nats; one value.
    fn loss(
        x: Tensor<Self, 3>,
        weights: HeadWeights<Self>,
        targets: &Targets<Self>,
        eps: f64,
    ) -> Tensor<Self, 1> {
        composed::loss(x, weights, targets, eps)
    }
}

#[cfg(feature = "wgpu")]
mod wgpu {
    impl super::Ops for burn::backend::Wgpu {}
    impl super::Ops for burn::backend::Autodiff<burn::backend::Wgpu> {}
}

#[cfg(feature = "cuda")]
mod cuda {
    impl super::Ops for burn::backend::Cuda {}
    impl super::Ops for burn::backend::Autodiff<burn::backend::Cuda> {}
}

/// The sizes of attention that its weights' shapes do not tell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attention {
    pub(crate) heads: usize,
    pub(crate) kv_heads: usize,
    pub(crate) head_width: usize,
    pub(crate) qk_norm: bool,
    pub(crate) eps: f64,
}

/// Weights of [`Ops::attention`]; shapes as in [`Config::parameters`].
#[derive(Clone, Debug)]
pub(crate) struct AttentionWeights<B: Backend> {
    pub(crate) norm: Tensor<B, 2>,
    pub(crate) q: Tensor<B, 2>,
    pub(crate) k: Tensor<B, 2>,
    pub(crate) v: Tensor<B, 2>,
    pub(crate) o: Tensor<B, 2>,
    /// Scales of the head norms; constants without `qk_norm`.
    pub(crate) q_norm: Tensor<B, 2>,
    pub(crate) k_norm: Tensor<B, 2>,
}

/// Weights of [`Ops::mlp`].
#[derive(Clone, Debug)]
pub(crate) struct MlpWeights<B: Backend> {
    pub(crate) norm: Tensor<B, 2>,
    pub(crate) gate: Tensor<B, 2>,
    pub(crate) up: Tensor<B, 2>,
    pub(crate) down: Tensor<B, 2>,
}

/// Weights of [`Ops::loss`].
#[derive(Clone, Debug)]
pub(crate) struct HeadWeights<B: Backend> {
    pub(crate) norm: Tensor<B, 2>,
    pub(crate) head: Tensor<B, 2>,
}

/// What the model is to predict.
#[derive(Clone, Debug)]
pub(crate) struct Targets<B: Backend> {
    /// `[batch, length]`; any valid id where the weight is 0.
    pub(crate) ids: Tensor<B, 2, Int>,
    /// `[batch, length]`.
    pub(crate) weights: Tensor<B, 2>,
}

/// Cosines and sines of the rotary positions, `[context, head_width / 2]` each.
#[derive(Clone, Debug)]
pub(crate) struct Rope<B: Backend> {
    pub(crate) cos: Tensor<B, 2>,
    pub(crate) sin: Tensor<B, 2>,
}

impl<B: Backend> Rope<B> {
    /// The tables of a model.
    pub(crate) fn new(config: &Config, device: &B::Device) -> Self {
        let (cos, sin) = rope_tables(config, config.context);
        let tensor = |values| {
            Tensor::from_data(TensorData::new(values, [config.context, config.head_width / 2]), device)
        };
        Self { cos: tensor(cos), sin: tensor(sin) }
    }
}

/// Cosines and sines of the first `positions` rotary positions, `[positions, head_width / 2]` each.
pub(crate) fn rope_tables(config: &Config, positions: usize) -> (Vec<f32>, Vec<f32>) {
    let frequencies = config.rope_frequencies();
    let angles = (0..positions).flat_map(|t| frequencies.iter().map(move |f| t as f64 * f));
    angles.map(|angle| (exact::cos(angle) as f32, exact::sin(angle) as f32)).unzip()
}
