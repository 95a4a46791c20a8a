//! The operations composed of burn's tensor operations: what GPUs run, and what the fused ones are tested
//! against.

use burn::tensor::activation::{log_softmax, silu, softmax};
use burn::tensor::backend::Backend;
use burn::tensor::{Bool, Int, Tensor};

use super::{Attention, AttentionWeights, HeadWeights, MlpWeights, Rope, Targets};

pub(crate) fn embed<B: Backend>(table: Tensor<B, 2>, ids: Tensor<B, 2, Int>) -> Tensor<B, 3> {
    let [batch, length] = ids.dims();
    let width = table.dims()[1];
    table.select(0, ids.reshape([batch * length])).reshape([batch, length, width])
}

/// RMSNorm over the last dimension; `scale` is `[1, width]`.
fn rms_norm<B: Backend, const D: usize>(x: Tensor<B, D>, scale: Tensor<B, 2>, eps: f64) -> Tensor<B, D> {
    let r = x.clone().powi_scalar(2).mean_dim(D - 1).add_scalar(eps).sqrt().recip();
    x * r * scale.unsqueeze()
}

/// `x · weightᵀ`; `x` is `[batch, length, in]`, `weight` `[out, in]`.
pub(crate) fn linear<B: Backend>(x: Tensor<B, 3>, weight: Tensor<B, 2>) -> Tensor<B, 3> {
    let [batch, length, inner] = x.dims();
    let out = weight.dims()[0];
    x.reshape([batch * length, inner]).matmul(weight.transpose()).reshape([batch, length, out])
}

/// Turns `x` `[batch, heads, length, head_width]`; row `t` by row `t` of the tables.
fn rotate<B: Backend>(x: Tensor<B, 4>, rope: &Rope<B>) -> Tensor<B, 4> {
    let width = x.dims()[3];
    let [cos, sin] = [&rope.cos, &rope.sin].map(|table| table.clone().unsqueeze::<4>());
    let (a, b) = (x.clone().narrow(3, 0, width / 2), x.narrow(3, width / 2, width / 2));
    let low = a.clone() * cos.clone() - b.clone() * sin.clone();
    Tensor::cat(vec![low, b * cos + a * sin], 3)
}

/// Queries, keys and values `[batch, heads, length, head_width]` of `x`; token `t` is turned by row `t` of
/// the tables.
pub(crate) fn project<B: Backend>(
    shape: Attention,
    x: Tensor<B, 3>,
    weights: &AttentionWeights<B>,
    rope: &Rope<B>,
) -> [Tensor<B, 4>; 3] {
    let [batch, length, _] = x.dims();
    let x = rms_norm(x, weights.norm.clone(), shape.eps);
    let split = |weight: &Tensor<B, 2>, heads| {
        linear(x.clone(), weight.clone()).reshape([batch, length, heads, shape.head_width]).swap_dims(1, 2)
    };
    let turn = |x: Tensor<B, 4>, scale: &Tensor<B, 2>| {
        let x = if shape.qk_norm { rms_norm(x, scale.clone(), shape.eps) } else { x };
        rotate(x, rope)
    };
    let q = turn(split(&weights.q, shape.heads), &weights.q_norm);
    let k = turn(split(&weights.k, shape.kv_heads), &weights.k_norm);
    [q, k, split(&weights.v, shape.kv_heads)]
}

/// Attention of `q` over `k` and `v` before the output matrix: `[batch, length, heads * head_width]`.
/// `hidden` is true where a query may not see a key; its shape broadcasts to `[batch, heads, length, keys]`.
pub(crate) fn attend<B: Backend>(
    shape: Attention,
    [q, k, v]: [Tensor<B, 4>; 3],
    hidden: Tensor<B, 4, Bool>,
) -> Tensor<B, 3> {
    let [batch, heads, length, width] = q.dims();
    let share = |x: Tensor<B, 4>| {
        let [_, kv_heads, keys, _] = x.dims();
        let group = heads / kv_heads;
        x.unsqueeze_dim::<5>(2).repeat_dim(2, group).reshape([batch, heads, keys, width])
    };
    let scores = q.matmul(share(k).transpose()).mul_scalar(1.0 / (shape.head_width as f64).sqrt());
    let scores_shape = scores.shape();
    let scores = scores.mask_fill(hidden.expand(scores_shape), f32::NEG_INFINITY);
    let out = softmax(scores, 3).matmul(share(v));
    out.swap_dims(1, 2).reshape([batch, length, heads * width])
}

pub(crate) fn attention<B: Backend>(
    shape: Attention,
    x: Tensor<B, 3>,
    weights: AttentionWeights<B>,
    rope: &Rope<B>,
) -> Tensor<B, 3> {
    let length = x.dims()[1];
    let [cos, sin] = [&rope.cos, &rope.sin].map(|table| table.clone().narrow(0, 0, length));
    let qkv = project(shape, x.clone(), &weights, &Rope { cos, sin });
    let hidden = Tensor::<B, 2, Bool>::tril_mask([length, length], 0, &x.device()).unsqueeze();
    x + linear(attend(shape, qkv, hidden), weights.o)
}

pub(crate) fn mlp<B: Backend>(x: Tensor<B, 3>, weights: MlpWeights<B>, eps: f64) -> Tensor<B, 3> {
    let normed = rms_norm(x.clone(), weights.norm, eps);
    let active = silu(linear(normed.clone(), weights.gate)) * linear(normed, weights.up);
    x + linear(active, weights.down)
}

/// `head · norm(x)`: `[batch, length, vocabulary]`.
pub(crate) fn logits<B: Backend>(x: Tensor<B, 3>, weights: HeadWeights<B>, eps: f64) -> Tensor<B, 3> {
    linear(rms_norm(x, weights.norm, eps), weights.head)
}

pub(crate) fn loss<B: Backend>(
    x: Tensor<B, 3>,
    weights: HeadWeights<B>,
    targets: &Targets<B>,
    eps: f64,
) -> Tensor<B, 1> {
    let chosen = log_softmax(logits(x, weights, eps), 2).gather(2, targets.ids.clone().unsqueeze_dim(2));
    (chosen.squeeze_dim::<2>(2) * targets.weights.clone()).sum().neg()
}
