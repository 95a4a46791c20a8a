//! The optimisers composed of burn's tensor operations.

use burn::tensor::backend::Backend;
use burn::tensor::{ElementConversion, Tensor};

use super::{BETA1, BETA2, EPSILON, MOMENTUM, NEWTON_SCHULZ, NEWTON_SCHULZ_STEPS, Rates, Slot, muon_scale};
use crate::train::Optimizer;

/// One step of one parameter.
pub(super) fn update<B: Backend>(slot: Slot<B>, gradient: Tensor<B, 2>, rates: &Rates) -> Slot<B> {
    let step = rates.step(slot.rule);
    let Slot { weight, first, second, rule } = slot;
    let gradient = gradient.mul_scalar(step.gradient_scale);
    let weight = weight.mul_scalar(step.keep);
    match (rule.optimizer, second) {
        (Optimizer::AdamW, Some(second)) => {
            let first = first.mul_scalar(BETA1) + gradient.clone().mul_scalar(1.0 - BETA1);
            let second = second.mul_scalar(BETA2) + gradient.powi_scalar(2).mul_scalar(1.0 - BETA2);
            let mean = first.clone().div_scalar(step.corrections.0);
            let root = second.clone().div_scalar(step.corrections.1).sqrt();
            let weight = weight - (mean / root.add_scalar(EPSILON)).mul_scalar(step.rate);
            Slot { weight, first, second: Some(second), rule }
        }
        (_, second) => {
            let first = first.mul_scalar(MOMENTUM) + gradient.clone().mul_scalar(1.0 - MOMENTUM);
            let ahead = first.clone().mul_scalar(MOMENTUM) + gradient.mul_scalar(1.0 - MOMENTUM);
            let [rows, columns] = weight.dims();
            let weight = weight - orthogonalize(ahead).mul_scalar(step.rate * muon_scale(rows, columns));
            Slot { weight, first, second, rule }
        }
    }
}

/// The nearest matrix with singular values about 1.
fn orthogonalize<B: Backend>(matrix: Tensor<B, 2>) -> Tensor<B, 2> {
    let [rows, columns] = matrix.dims();
    let tall = rows > columns;
    let x = if tall { matrix.transpose() } else { matrix };
    let norm = x.clone().powi_scalar(2).sum().sqrt().add_scalar(1e-7);
    let mut x = x / norm.unsqueeze();
    let [a, b, c] = NEWTON_SCHULZ;
    for _ in 0..NEWTON_SCHULZ_STEPS {
        let gram = x.clone().matmul(x.clone().transpose());
        let poly = gram.clone().mul_scalar(b) + gram.clone().matmul(gram).mul_scalar(c);
        x = x.clone().mul_scalar(a) + poly.matmul(x);
    }
    if tall { x.transpose() } else { x }
}

/// Sum of the squares of all values.
pub(super) fn squared_norm<B: Backend>(gradients: &[Tensor<B, 2>]) -> f64 {
    let sums = gradients.iter().map(|gradient| gradient.clone().powi_scalar(2).sum()).collect::<Vec<_>>();
    let total: f32 = Tensor::cat(sums, 0).sum().into_scalar().elem();
    f64::from(total)
}
