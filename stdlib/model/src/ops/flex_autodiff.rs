//! The fused operations on the CPU backend under automatic differentiation: each is one node of burn's graph.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops as Node, OpsKind};
use burn::tensor::ops::FloatTensor;
use burn::tensor::{Int, Tensor, TensorPrimitive};
use burn_flex::{Flex, FlexTensor};

use super::flex::{
    attention_shape, attention_weights, flex, ids, loss_of, mlp_shape, mlp_weights, primitive, values,
};
use super::{Attention, AttentionWeights, HeadWeights, MlpWeights, Ops, Rope, Targets};
use crate::cpu::{attention, embedding, mlp};

type Tracked = Autodiff<Flex>;

/// Makes the result of `operation` a node whose parents are `inputs`. `state` is what its backward pass
/// needs.
fn record<O, const N: usize, const D: usize>(
    operation: O,
    inputs: [FloatTensor<Tracked>; N],
    output: FlexTensor,
    state: impl FnOnce() -> O::State,
) -> Tensor<Tracked, D>
where
    O: Backward<Flex, N>,
{
    let nodes = inputs.map(|input| input.node);
    let output = match operation.prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(node) => node.finish(state(), output),
        OpsKind::UnTracked(node) => node.finish(output),
    };
    Tensor::from_primitive(TensorPrimitive::Float(output))
}

/// Hands the gradients to the parents that want them.
fn register<S, const N: usize>(node: Node<S, N>, grads: &mut Gradients, all: [FlexTensor; N]) {
    for (parent, gradient) in node.parents.into_iter().zip(all) {
        if let Some(parent) = parent {
            grads.register::<Flex>(parent.id, gradient);
        }
    }
}

fn tracked<const D: usize>(tensor: Tensor<Tracked, D>) -> FloatTensor<Tracked> {
    tensor.into_primitive().tensor()
}

fn contiguous(tensor: &FloatTensor<Tracked>) -> FlexTensor {
    tensor.primitive.to_contiguous()
}

#[derive(Debug)]
struct Embed;

impl Backward<Flex, 1> for Embed {
    /// Ids, and the table's shape.
    type State = (Vec<i32>, [usize; 2]);

    fn backward(self, node: Node<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<Flex>(&node.node).to_contiguous();
        let (ids, [vocabulary, width]) = &node.state;
        let gradient = embedding::backward(*vocabulary, *width, ids, values(&dy));
        let gradient = flex(gradient, [*vocabulary, *width]);
        register(node, grads, [gradient]);
    }
}

#[derive(Debug)]
struct AttentionLayer;

#[derive(Clone, Debug)]
struct AttentionState {
    shape: attention::Shape,
    x: FlexTensor,
    weights: [FlexTensor; 9],
    saved: attention::Saved,
}

impl Backward<Flex, 8> for AttentionLayer {
    type State = AttentionState;

    fn backward(self, node: Node<Self::State, 8>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<Flex>(&node.node).to_contiguous();
        let AttentionState { shape, x, weights, saved } = &node.state;
        let g = attention::backward(*shape, values(x), attention_weights(weights), saved, values(&dy));
        let (width, head) = (shape.width, shape.head_width);
        let (q, kv) = (shape.heads * head, shape.kv_heads * head);
        let all = [
            flex(g.x, [shape.batch, shape.length, width]),
            flex(g.norm, [1, width]),
            flex(g.q, [q, width]),
            flex(g.k, [kv, width]),
            flex(g.v, [kv, width]),
            flex(g.o, [width, q]),
            flex(g.q_norm, [1, head]),
            flex(g.k_norm, [1, head]),
        ];
        register(node, grads, all);
    }
}

#[derive(Debug)]
struct MlpLayer;

#[derive(Clone, Debug)]
struct MlpState {
    dims: [usize; 3],
    shape: mlp::Shape,
    x: FlexTensor,
    weights: [FlexTensor; 4],
    saved: mlp::Saved,
}

impl Backward<Flex, 5> for MlpLayer {
    type State = MlpState;

    fn backward(self, mut node: Node<Self::State, 5>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<Flex>(&node.node).to_contiguous();
        let saved = std::mem::take(&mut node.state.saved);
        let MlpState { dims, shape, x, weights, .. } = &node.state;
        let g = mlp::backward(*shape, values(x), mlp_weights(weights), saved, values(&dy));
        let (width, inner) = (shape.width, shape.inner);
        let all = [
            flex(g.x, *dims),
            flex(g.norm, [1, width]),
            flex(g.gate, [inner, width]),
            flex(g.up, [inner, width]),
            flex(g.down, [width, inner]),
        ];
        register(node, grads, all);
    }
}

#[derive(Debug)]
struct Loss;

impl Backward<Flex, 3> for Loss {
    /// The gradients, computed in the forward pass.
    type State = [FlexTensor; 3];

    fn backward(self, node: Node<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let scale = values(&grads.consume::<Flex>(&node.node).to_contiguous())[0];
        let all = node.state.clone().map(|gradient| {
            if scale == 1.0 {
                return gradient;
            }
            let tensor = Tensor::<Flex, 1>::from_primitive(TensorPrimitive::Float(gradient));
            primitive(tensor.mul_scalar(scale))
        });
        register(node, grads, all);
    }
}

impl Ops for Tracked {
    fn embed(table: Tensor<Self, 2>, ids: Tensor<Self, 2, Int>) -> Tensor<Self, 3> {
        let ([batch, length], [vocabulary, width]) = (ids.dims(), table.dims());
        let (table, ids) = (tracked(table), self::ids(ids.inner()));
        let out = embedding::forward(values(&contiguous(&table)), width, &ids);
        record(Embed, [table], flex(out, [batch, length, width]), || (ids, [vocabulary, width]))
    }

    fn attention_layer(
        shape: Attention,
        x: Tensor<Self, 3>,
        weights: AttentionWeights<Self>,
        rope: &Rope<Self>,
    ) -> Tensor<Self, 3> {
        let dims = x.dims();
        let shape = attention_shape(shape, dims);
        let AttentionWeights { norm, q, k, v, o, q_norm, k_norm } = weights;
        let [norm, q, k, v, o, q_norm, k_norm] = [norm, q, k, v, o, q_norm, k_norm].map(tracked);
        let inputs = [tracked(x), norm, q, k, v, o, q_norm, k_norm];
        let [x, norm, q, k, v, o, q_norm, k_norm] = inputs.each_ref().map(contiguous);
        let [cos, sin] = [&rope.cos, &rope.sin].map(|table| primitive(table.clone().inner()));
        let weights = [norm, q, k, v, o, q_norm, k_norm, cos, sin];
        let (y, saved) = attention::forward(shape, values(&x), attention_weights(&weights));
        record(AttentionLayer, inputs, flex(y, dims), || AttentionState { shape, x, weights, saved })
    }

    fn mlp_layer(x: Tensor<Self, 3>, weights: MlpWeights<Self>, eps: f64) -> Tensor<Self, 3> {
        let dims = x.dims();
        let shape = mlp_shape(dims, weights.up.dims()[0], eps);
        let MlpWeights { norm, gate, up, down } = weights;
        let [norm, gate, up, down] = [norm, gate, up, down].map(tracked);
        let inputs = [tracked(x), norm, gate, up, down];
        let [x, norm, gate, up, down] = inputs.each_ref().map(contiguous);
        let weights = [norm, gate, up, down];
        let (y, saved) = mlp::forward(shape, values(&x), mlp_weights(&weights));
        record(MlpLayer, inputs, flex(y, dims), || MlpState { dims, shape, x, weights, saved })
    }

    fn loss(
        x: Tensor<Self, 3>,
        weights: HeadWeights<Self>,
        targets: &Targets<Self>,
        eps: f64,
    ) -> Tensor<Self, 1> {
        let (dims, shapes) = (x.dims(), [weights.norm.dims(), weights.head.dims()]);
        let inputs = [tracked(x), tracked(weights.norm), tracked(weights.head)];
        let targets = Targets { ids: targets.ids.clone().inner(), weights: targets.weights.clone().inner() };
        let (loss, g) = loss_of(&inputs.each_ref().map(contiguous), &targets, eps, true);
        record(Loss, inputs, flex(vec![loss], [1]), || {
            [flex(g.x, dims), flex(g.norm, shapes[0]), flex(g.head, shapes[1])]
        })
    }
}
