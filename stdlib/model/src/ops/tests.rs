//! Fused operations against composed ones, values and gradients.

use burn::backend::Autodiff;
use burn::tensor::{Int, Tensor, TensorData};
use burn_flex::Flex;

use super::{Attention, AttentionWeights, HeadWeights, MlpWeights, Ops, Rope, Targets, composed};
use llmp_artifacts::random::Random;
use llmp_artifacts::testing::tiny;

type B = Autodiff<Flex>;

/// Leaves with random values.
struct Leaves {
    random: Random,
    all: Vec<Tensor<B, 2>>,
}

impl Leaves {
    fn new() -> Self {
        Self { random: Random::of_model(7, 0), all: Vec::new() }
    }

    fn values(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| self.random.normal() as f32 * 0.5).collect()
    }

    fn leaf(&mut self, rows: usize, columns: usize) -> Tensor<B, 2> {
        let data = TensorData::new(self.values(rows * columns), [rows, columns]);
        let tensor = Tensor::<B, 2>::from_data(data, &Default::default()).require_grad();
        self.all.push(tensor.clone());
        tensor
    }
}

fn close(what: &str, a: Vec<f32>, b: Vec<f32>) {
    assert_eq!(a.len(), b.len());
    let scale = b.iter().fold(1e-3f32, |largest, v| largest.max(v.abs()));
    let error = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(error < 2e-5 * scale, "{what}: largest error {error}, largest value {scale}");
}

/// Compares values and the gradients of a weighted sum of them.
fn compare<const D: usize>(
    mut leaves: Leaves,
    fused: impl FnOnce() -> Tensor<B, D>,
    composed: impl FnOnce() -> Tensor<B, D>,
) {
    let values = |tensor: &Tensor<B, D>| tensor.clone().into_data().to_vec::<f32>().unwrap();
    let fused = fused();
    let (shape, fused_values) = (fused.shape(), values(&fused));
    let weights = leaves.values(shape.num_elements());
    let weights = Tensor::<B, D>::from_data(TensorData::new(weights, shape), &Default::default());
    let a = (fused * weights.clone()).sum().backward();
    let composed = composed();
    close("values", fused_values, values(&composed));
    let b = (composed * weights).sum().backward();
    for (i, leaf) in leaves.all.iter().enumerate() {
        let [a, b] =
            [&a, &b].map(|grads| leaf.grad(grads).map(|grad| grad.into_data().to_vec::<f32>().unwrap()));
        match (a, b) {
            (Some(a), Some(b)) => close(&format!("gradient {i}"), a, b),
            (a, b) => assert_eq!(a.is_some(), b.is_some(), "gradient {i}"),
        }
    }
}

#[test]
fn attention() {
    for (qk_norm, batch, length, heads, kv_heads, width) in
        [(true, 2, 9, 4, 2, 24), (false, 1, 9, 3, 3, 18), (true, 1, 150, 2, 1, 16), (false, 2, 70, 4, 1, 8)]
    {
        let config = llmp_artifacts::model::Config { context: length + 3, ..tiny() };
        let (head_width, mut leaves) = (config.head_width, Leaves::new());
        let rope = Rope::<B>::new(&config, &Default::default());
        let x = leaves.leaf(batch * length, width);
        let x = || x.clone().reshape([batch, length, width]);
        let weights = AttentionWeights {
            norm: leaves.leaf(1, width),
            q: leaves.leaf(heads * head_width, width),
            k: leaves.leaf(kv_heads * head_width, width),
            v: leaves.leaf(kv_heads * head_width, width),
            o: leaves.leaf(width, heads * head_width),
            q_norm: if qk_norm {
                leaves.leaf(1, head_width)
            } else {
                Tensor::ones([1, 6], &Default::default())
            },
            k_norm: if qk_norm {
                leaves.leaf(1, head_width)
            } else {
                Tensor::ones([1, 6], &Default::default())
            },
        };
        let shape = Attention { heads, kv_heads, head_width, qk_norm, eps: 1e-6 };
        let fused = || B::attention_layer(shape, x(), weights.clone(), &rope);
        compare(leaves, fused, || composed::attention(shape, x(), weights.clone(), &rope));
    }
}

#[test]
fn mlp() {
    let (batch, length, width, inner) = (3, 50, 20, 33);
    let mut leaves = Leaves::new();
    let x = leaves.leaf(batch * length, width);
    let x = || x.clone().reshape([batch, length, width]);
    let weights = MlpWeights {
        norm: leaves.leaf(1, width),
        gate: leaves.leaf(inner, width),
        up: leaves.leaf(inner, width),
        down: leaves.leaf(width, inner),
    };
    let fused = || B::mlp_layer(x(), weights.clone(), 1e-6);
    compare(leaves, fused, || composed::mlp(x(), weights.clone(), 1e-6));
}

#[test]
fn loss_of_some_rows() {
    let (batch, length, width, vocabulary) = (2, 80, 20, 37);
    let mut leaves = Leaves::new();
    let device = Default::default();
    let x = leaves.leaf(batch * length, width);
    let x = || x.clone().reshape([batch, length, width]);
    let weights = HeadWeights { norm: leaves.leaf(1, width), head: leaves.leaf(vocabulary, width) };
    let ids: Vec<i32> = (0..160).map(|i| i * 31 % 37).collect();
    let some: Vec<f32> = (0..160).map(|i| if i % 3 == 0 { 0.0 } else { 0.01 }).collect();
    let targets = Targets {
        ids: Tensor::<B, 2, Int>::from_data(TensorData::new(ids, [batch, length]), &device),
        weights: Tensor::from_data(TensorData::new(some, [batch, length]), &device),
    };
    let fused = || B::loss(x(), weights.clone(), &targets, 1e-6);
    compare(leaves, fused, || composed::loss(x(), weights.clone(), &targets, 1e-6));
}

#[test]
fn embedding() {
    let mut leaves = Leaves::new();
    let table = leaves.leaf(11, 6);
    let ids = Tensor::<B, 2, Int>::from_data([[1, 10, 1, 0], [1, 2, 2, 3]], &Default::default());
    compare(leaves, || B::embed(table.clone(), ids.clone()), || composed::embed(table.clone(), ids.clone()));
}
