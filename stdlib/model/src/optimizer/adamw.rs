//! AdamW (arXiv 1711.05101): mean and mean square of the gradient, and decay apart from both.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use llmp_artifacts::exact;
use rayon::prelude::*;

use super::{Rule, Step};
use crate::cpu::simd::{Simd, arch, with_simd};

/// Decay of the first moment.
const BETA1: f64 = 0.9;
/// Decay of the second moment.
const BETA2: f64 = 0.95;
/// Added to the root of the second moment.
const EPSILON: f64 = 1e-8;
/// Values that one task updates.
const PIECE: usize = 1 << 16;

/// Keeps the first and the second moment.
pub(super) struct AdamW;

/// What the moments are divided by, since they start at zero.
fn corrections(step: &Step) -> (f64, f64) {
    (1.0 - exact::powi(BETA1, step.number), 1.0 - exact::powi(BETA2, step.number))
}

impl Rule<2> for AdamW {
    fn composed<B: Backend>(
        weight: Tensor<B, 2>,
        gradient: Tensor<B, 2>,
        [first, second]: [Tensor<B, 2>; 2],
        step: &Step,
    ) -> (Tensor<B, 2>, [Tensor<B, 2>; 2]) {
        let corrections = corrections(step);
        let gradient = gradient.mul_scalar(step.gradient_scale);
        let weight = weight.mul_scalar(step.keep);
        let first = first.mul_scalar(BETA1) + gradient.clone().mul_scalar(1.0 - BETA1);
        let second = second.mul_scalar(BETA2) + gradient.powi_scalar(2).mul_scalar(1.0 - BETA2);
        let mean = first.clone().div_scalar(corrections.0);
        let root = second.clone().div_scalar(corrections.1).sqrt();
        let weight = weight - (mean / root.add_scalar(EPSILON)).mul_scalar(step.rate);
        (weight, [first, second])
    }

    fn in_place(
        weight: &mut [f32],
        gradient: &[f32],
        [first, second]: [&mut [f32]; 2],
        _columns: usize,
        step: &Step,
    ) {
        let moments = (first.par_chunks_mut(PIECE), second.par_chunks_mut(PIECE));
        (weight.par_chunks_mut(PIECE), gradient.par_chunks(PIECE), moments.0, moments.1)
            .into_par_iter()
            .for_each(|(weight, gradient, first, second)| adamw(weight, gradient, first, second, *step));
    }
}

#[with_simd(adamw = arch())]
#[inline(always)]
fn adamw_with<'a, S: Simd>(
    _: S,
    weight: &'a mut [f32],
    gradient: &'a [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
    step: Step,
) {
    let corrections = corrections(&step);
    let (beta1, beta2, epsilon) = (BETA1 as f32, BETA2 as f32, EPSILON as f32);
    let (keep, scale) = (step.keep as f32, step.gradient_scale as f32);
    let rate = (step.rate / corrections.0) as f32;
    let root_scale = (1.0 / corrections.1).sqrt() as f32;
    let moments = first.iter_mut().zip(second);
    for ((weight, gradient), (first, second)) in weight.iter_mut().zip(gradient).zip(moments) {
        let g = gradient * scale;
        *first = beta1 * *first + (1.0 - beta1) * g;
        *second = beta2 * *second + (1.0 - beta2) * g * g;
        *weight = keep * *weight - rate * *first / (second.sqrt() * root_scale + epsilon);
    }
}
