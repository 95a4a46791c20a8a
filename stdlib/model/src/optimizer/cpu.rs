//! The optimisers over plain slices, updating in place.

use super::{BETA1, BETA2, EPSILON, MOMENTUM, NEWTON_SCHULZ, NEWTON_SCHULZ_STEPS, Step, muon_scale};
use crate::cpu::matrix::{Matrix, MatrixMut};
use crate::cpu::simd::{Simd, arch, dot, with_simd};

/// Values whose squares are summed in single precision; such sums are added in double precision.
const SUM: usize = 4096;

/// One step of AdamW on some values (arXiv 1711.05101).
#[with_simd(adamw = arch())]
#[inline(always)]
pub(super) fn adamw_with<'a, S: Simd>(
    _: S,
    weight: &'a mut [f32],
    gradient: &'a [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
    step: Step,
) {
    let (beta1, beta2, epsilon) = (BETA1 as f32, BETA2 as f32, EPSILON as f32);
    let (keep, scale) = (step.keep as f32, step.gradient_scale as f32);
    let rate = (step.rate / step.corrections.0) as f32;
    let root_scale = (1.0 / step.corrections.1).sqrt() as f32;
    let moments = first.iter_mut().zip(second);
    for ((weight, gradient), (first, second)) in weight.iter_mut().zip(gradient).zip(moments) {
        let g = gradient * scale;
        *first = beta1 * *first + (1.0 - beta1) * g;
        *second = beta2 * *second + (1.0 - beta2) * g * g;
        *weight = keep * *weight - rate * *first / (second.sqrt() * root_scale + epsilon);
    }
}

/// One step of Muon on a matrix of `columns` columns.
pub(super) fn muon(weight: &mut [f32], gradient: &[f32], momentum: &mut [f32], columns: usize, step: Step) {
    let rows = weight.len() / columns;
    let mut ahead = vec![0.0; weight.len()];
    accumulate(gradient, momentum, &mut ahead, step.gradient_scale as f32);
    let direction = orthogonalize(ahead, rows, columns);
    let rate = (step.rate * muon_scale(rows, columns)) as f32;
    go(weight, &direction, step.keep as f32, rate);
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

/// The nearest matrix with singular values about 1.
fn orthogonalize(mut x: Vec<f32>, rows: usize, columns: usize) -> Vec<f32> {
    let inverse = (1.0 / (squared_norm(&x).sqrt() + 1e-7)) as f32;
    x.iter_mut().for_each(|value| *value *= inverse);
    let side = rows.min(columns);
    let (mut gram, mut poly, mut next) = (vec![0.0; side * side], vec![0.0; side * side], vec![0.0; x.len()]);
    let [a, b, c] = NEWTON_SCHULZ;
    for _ in 0..NEWTON_SCHULZ_STEPS {
        let x_view = Matrix::new(&x, rows, columns);
        let tall = rows > columns;
        let (left, right) = if tall { (x_view.t(), x_view) } else { (x_view, x_view.t()) };
        MatrixMut::new(&mut gram, side, side).set(1.0, left, right);
        poly.copy_from_slice(&gram);
        let gram_view = Matrix::new(&gram, side, side);
        MatrixMut::new(&mut poly, side, side).product(b, c, gram_view, gram_view);
        let poly_view = Matrix::new(&poly, side, side);
        next.copy_from_slice(&x);
        let (left, right) = if tall { (x_view, poly_view) } else { (poly_view, x_view) };
        MatrixMut::new(&mut next, rows, columns).product(a, 1.0, left, right);
        std::mem::swap(&mut x, &mut next);
    }
    x
}

/// Sum of squares.
#[with_simd(squared_norm = arch())]
#[inline(always)]
#[allow(clippy::needless_lifetimes, reason = "`with_simd` asks for them")]
pub(super) fn squared_norm_with<'a, S: Simd>(simd: S, values: &'a [f32]) -> f64 {
    let mut total = 0.0;
    for part in values.chunks(SUM) {
        total += f64::from(dot(simd, part, part));
    }
    total
}
