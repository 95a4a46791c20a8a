//! The fused operations on the CPU backend, without gradients.

use burn::tensor::{Int, Tensor, TensorData, TensorPrimitive};
use burn_flex::{Flex, FlexTensor};

use super::{Attention, AttentionWeights, HeadWeights, MlpWeights, Ops, Rope, Targets};
use crate::cpu::{attention, embedding, loss, mlp, rope};

/// The contiguous primitive of a float tensor.
pub(super) fn primitive<const D: usize>(tensor: Tensor<Flex, D>) -> FlexTensor {
    tensor.into_primitive().tensor().to_contiguous()
}

/// A float tensor of values in row-major order.
pub(super) fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor<Flex, D> {
    Tensor::from_primitive(TensorPrimitive::Float(flex(values, shape)))
}

/// The primitive of values in row-major order.
pub(super) fn flex<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}

/// The values of a contiguous primitive.
pub(super) fn values(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().expect("float tensors are f32 and were made contiguous")
}

/// The values of an integer tensor.
pub(super) fn ids(tensor: Tensor<Flex, 2, Int>) -> Vec<i32> {
    tensor.into_data().iter::<i32>().collect()
}

pub(super) fn attention_shape(shape: Attention, dims: [usize; 3]) -> attention::Shape {
    let [batch, length, width] = dims;
    let Attention { heads, kv_heads, head_width, qk_norm, eps } = shape;
    attention::Shape { batch, length, width, heads, kv_heads, head_width, qk_norm, eps: eps as f32 }
}

/// Weights as slices, from primitives in the order of [`AttentionWeights`], followed by the rotary tables.
pub(super) fn attention_weights(all: &[FlexTensor; 9]) -> attention::Weights<'_> {
    let [norm, q, k, v, o, q_norm, k_norm, cos, sin] = all.each_ref().map(values);
    let rope = rope::Tables { cos, sin, half: q_norm.len() / 2 };
    attention::Weights { norm, q, k, v, o, q_norm, k_norm, rope }
}

/// Weights as slices, from primitives in the order of [`MlpWeights`].
pub(super) fn mlp_weights(all: &[FlexTensor; 4]) -> mlp::Weights<'_> {
    let [norm, gate, up, down] = all.each_ref().map(values);
    mlp::Weights { norm, gate, up, down }
}

impl Ops for Flex {
    fn embed(table: Tensor<Self, 2>, ids: Tensor<Self, 2, Int>) -> Tensor<Self, 3> {
        let ([batch, length], width) = (ids.dims(), table.dims()[1]);
        let table = primitive(table);
        tensor(embedding::forward(values(&table), width, &self::ids(ids)), [batch, length, width])
    }

    fn attention_layer(
        shape: Attention,
        x: Tensor<Self, 3>,
        weights: AttentionWeights<Self>,
        rope: &Rope<Self>,
    ) -> Tensor<Self, 3> {
        let dims = x.dims();
        let AttentionWeights { norm, q, k, v, o, q_norm, k_norm } = weights;
        let all = [norm, q, k, v, o, q_norm, k_norm, rope.cos.clone(), rope.sin.clone()].map(primitive);
        let x = primitive(x);
        let shape = attention_shape(shape, dims);
        tensor(attention::forward(shape, values(&x), attention_weights(&all)).0, dims)
    }

    fn mlp_layer(x: Tensor<Self, 3>, weights: MlpWeights<Self>, eps: f64) -> Tensor<Self, 3> {
        let dims = x.dims();
        let shape = mlp_shape(dims, weights.up.dims()[0], eps);
        let MlpWeights { norm, gate, up, down } = weights;
        let (x, all) = (primitive(x), [norm, gate, up, down].map(primitive));
        tensor(mlp::forward(shape, values(&x), mlp_weights(&all)).0, dims)
    }

    fn loss(
        x: Tensor<Self, 3>,
        weights: HeadWeights<Self>,
        targets: &Targets<Self>,
        eps: f64,
    ) -> Tensor<Self, 1> {
        let all = [primitive(x.flatten::<2>(0, 1)), primitive(weights.norm), primitive(weights.head)];
        let (loss, _) = loss_of(&all, targets, eps, false);
        tensor(vec![loss], [1])
    }
}

pub(super) fn mlp_shape([batch, length, width]: [usize; 3], inner: usize, eps: f64) -> mlp::Shape {
    mlp::Shape { rows: batch * length, width, inner, eps: eps as f32 }
}

/// Loss and gradients of `[x, norm, head]`.
pub(super) fn loss_of(
    [x, norm, head]: &[FlexTensor; 3],
    targets: &Targets<Flex>,
    eps: f64,
    with_gradients: bool,
) -> (f32, loss::Gradients) {
    let (ids, weights) = (ids(targets.ids.clone()), primitive(targets.weights.clone()));
    let inputs = loss::Inputs {
        x: values(x),
        norm: values(norm),
        head: values(head),
        targets: &ids,
        weights: values(&weights),
        eps: eps as f32,
    };
    loss::forward(inputs, with_gradients)
}
