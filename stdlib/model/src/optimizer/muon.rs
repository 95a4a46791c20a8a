//! Muon (Jordan et al., kellerjordan.github.io/posts/muon): momentum, orthogonalised by Newton-Schulz
//! iterations.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::flex::squared_norm;
use super::{Rule, Step};
use crate::cpu::matrix::{Matrix, MatrixMut};
use crate::cpu::simd::{Simd, arch, with_simd};

/// Decay of the momentum.
const MOMENTUM: f64 = 0.95;
/// Newton-Schulz iterations.
const ITERATIONS: usize = 5;
/// Coefficients of the iteration `X = aX + (bA + cA²)X`, `A = XXᵀ`.
const NEWTON_SCHULZ: [f32; 3] = [3.4445, -4.7750, 2.0315];

/// Keeps the momentum.
pub(super) struct Muon;

/// The factor for a matrix of `rows` by `columns`: the update's size in the operator norm from inputs to
/// outputs.
fn scale(rows: usize, columns: usize) -> f64 {
    (rows as f64 / columns as f64).max(1.0).sqrt()
}

impl Rule<1> for Muon {
    fn composed<B: Backend>(
        weight: Tensor<B, 2>,
        gradient: Tensor<B, 2>,
        [momentum]: [Tensor<B, 2>; 1],
        step: &Step,
    ) -> (Tensor<B, 2>, [Tensor<B, 2>; 1]) {
        let gradient = gradient.mul_scalar(step.gradient_scale);
        let weight = weight.mul_scalar(step.keep);
        let momentum = momentum.mul_scalar(MOMENTUM) + gradient.clone().mul_scalar(1.0 - MOMENTUM);
        let ahead = momentum.clone().mul_scalar(MOMENTUM) + gradient.mul_scalar(1.0 - MOMENTUM);
        let [rows, columns] = weight.dims();
        let weight = weight - composed_orthogonal(ahead).mul_scalar(step.rate * scale(rows, columns));
        (weight, [momentum])
    }

    fn in_place(
        weight: &mut [f32],
        gradient: &[f32],
        [momentum]: [&mut [f32]; 1],
        columns: usize,
        step: &Step,
    ) {
        let rows = weight.len() / columns;
        let mut ahead = vec![0.0; weight.len()];
        accumulate(gradient, momentum, &mut ahead, step.gradient_scale as f32);
        let direction = orthogonal(ahead, rows, columns);
        let rate = (step.rate * scale(rows, columns)) as f32;
        go(weight, &direction, step.keep as f32, rate);
    }
}

/// The nearest matrix with singular values about 1.
fn composed_orthogonal<B: Backend>(matrix: Tensor<B, 2>) -> Tensor<B, 2> {
    let [rows, columns] = matrix.dims();
    let tall = rows > columns;
    let x = if tall { matrix.transpose() } else { matrix };
    let norm = x.clone().powi_scalar(2).sum().sqrt().add_scalar(1e-7);
    let mut x = x / norm.unsqueeze();
    let [a, b, c] = NEWTON_SCHULZ;
    for _ in 0..ITERATIONS {
        let gram = x.clone().matmul(x.clone().transpose());
        let poly = gram.clone().mul_scalar(b) + gram.clone().matmul(gram).mul_scalar(c);
        x = x.clone().mul_scalar(a) + poly.matmul(x);
    }
    if tall { x.transpose() } else { x }
}

/// The same over slices.
fn orthogonal(mut x: Vec<f32>, rows: usize, columns: usize) -> Vec<f32> {
    let inverse = (1.0 / (squared_norm(&x).sqrt() + 1e-7)) as f32;
    x.iter_mut().for_each(|value| *value *= inverse);
    let side = rows.min(columns);
    let (mut gram, mut poly, mut next) = (vec![0.0; side * side], vec![0.0; side * side], vec![0.0; x.len()]);
    let [a, b, c] = NEWTON_SCHULZ;
    for _ in 0..ITERATIONS {
        let x_view = Matrix::new(&x, rows, columns);
        let tall = rows > columns;
        let (left, right) = if tall { (x_view.t(), x_view) } else { (x_view, x_view.t()) };
        MatrixMut::new(&mut gram, side, side).symmetric(0.0, 1.0, left, right);
        poly.copy_from_slice(&gram);
        let gram_view = Matrix::new(&gram, side, side);
        MatrixMut::new(&mut poly, side, side).symmetric(b, c, gram_view, gram_view);
        let poly_view = Matrix::new(&poly, side, side);
        next.copy_from_slice(&x);
        let (left, right) = if tall { (x_view, poly_view) } else { (poly_view, x_view) };
        MatrixMut::new(&mut next, rows, columns).product(a, 1.0, left, right);
        std::mem::swap(&mut x, &mut next);
    }
    x
}

/// Adds to the momentum, and looks ahead along it (Nesterov).
#[with_simd(accumulate = arch())]
#[inline(always)]
fn accumulate_with<'a, S: Simd>(
    _: S,
    gradient: &'a [f32],
    momentum: &'a mut [f32],
    ahead: &'a mut [f32],
    scale: f32,
) {
    let beta = MOMENTUM as f32;
    for ((ahead, gradient), momentum) in ahead.iter_mut().zip(gradient).zip(momentum) {
        let g = (1.0 - beta) * scale * gradient;
        *momentum = beta * *momentum + g;
        *ahead = beta * *momentum + g;
    }
}

/// `weight = keep * weight - rate * direction`.
#[with_simd(go = arch())]
#[inline(always)]
fn go_with<'a, S: Simd>(_: S, weight: &'a mut [f32], direction: &'a [f32], keep: f32, rate: f32) {
    for (weight, direction) in weight.iter_mut().zip(direction) {
        *weight = keep * *weight - rate * direction;
    }
}
