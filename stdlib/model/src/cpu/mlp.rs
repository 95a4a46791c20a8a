//! The MLP sub-layer, `x + down(silu(gate(h)) * up(h))` with `h = norm(x)` (SwiGLU, arXiv 2002.05202), as one
//! operation with its gradient.

use rayon::prelude::*;

use super::matrix::{Matrix, MatrixMut, Packed, WeightGradient, weight_gradients};
use super::simd::{Simd, arch, sigmoid, with_simd};
use super::{norm, rows_per_task, sum_in_order};

/// Sizes of the sub-layer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Tokens of the batch.
    pub(crate) rows: usize,
    /// Width of the residual stream.
    pub(crate) width: usize,
    /// Inner width.
    pub(crate) inner: usize,
    /// Added to the mean square in the norm.
    pub(crate) eps: f32,
}

/// Weights: `norm` `[width]`, `gate` and `up` `[inner, width]`, `down` `[width, inner]`.
#[derive(Clone, Copy)]
pub(crate) struct Weights<'a> {
    pub(crate) norm: &'a [f32],
    pub(crate) gate: &'a [f32],
    pub(crate) up: &'a [f32],
    pub(crate) down: &'a [f32],
}

/// What the backward pass needs of the forward pass.
#[derive(Clone, Debug, Default)]
pub(crate) struct Saved {
    normed: Vec<f32>,
    r: Vec<f32>,
    gate: Vec<f32>,
    up: Vec<f32>,
}

/// Gradients, shaped as their weights and `x`.
pub(crate) struct Gradients {
    pub(crate) x: Vec<f32>,
    pub(crate) norm: Vec<f32>,
    pub(crate) gate: Vec<f32>,
    pub(crate) up: Vec<f32>,
    pub(crate) down: Vec<f32>,
}

/// `x` `[rows, width]` to the sub-layer's result of the same shape.
pub(crate) fn forward(shape: Shape, x: &[f32], weights: Weights<'_>) -> (Vec<f32>, Saved) {
    let Shape { rows, width, inner, eps } = shape;
    let mut saved = Saved {
        normed: vec![0.0; rows * width],
        r: vec![0.0; rows],
        gate: vec![0.0; rows * inner],
        up: vec![0.0; rows * inner],
    };
    let mut y = x.to_vec();
    let chunk = rows_per_task(rows);
    let gate_weight = &Packed::new(Matrix::new(weights.gate, inner, width).t());
    let up_weight = &Packed::new(Matrix::new(weights.up, inner, width).t());
    let down_weight = &Packed::new(Matrix::new(weights.down, width, inner).t());
    (
        y.par_chunks_mut(chunk * width),
        saved.normed.par_chunks_mut(chunk * width),
        saved.r.par_chunks_mut(chunk),
        saved.gate.par_chunks_mut(chunk * inner),
        saved.up.par_chunks_mut(chunk * inner),
    )
        .into_par_iter()
        .enumerate()
        .for_each(|(i, (y, normed, r, gate, up))| {
            let n = r.len();
            norm::forward(&x[i * chunk * width..][..n * width], weights.norm, eps, &mut *normed, r);
            let normed = Matrix::new(normed, n, width);
            MatrixMut::new(gate, n, inner).set_with(1.0, normed, gate_weight);
            MatrixMut::new(up, n, inner).set_with(1.0, normed, up_weight);
            let mut active = vec![0.0; n * inner];
            activate(gate, up, &mut active);
            let active = Matrix::new(&active, n, inner);
            MatrixMut::new(y, n, width).product_with(1.0, 1.0, active, down_weight);
        });
    (y, saved)
}

/// `silu(gate) * up`.
#[with_simd(activate = arch())]
#[inline(always)]
pub(crate) fn activate_with<'a, S: Simd>(_: S, gate: &'a [f32], up: &'a [f32], active: &'a mut [f32]) {
    for ((active, gate), up) in active.iter_mut().zip(gate).zip(up) {
        *active = gate * sigmoid(*gate) * up;
    }
}

/// Turns `gate` and `up` into their gradients and `d` (gradient of the activation) into the activation.
#[with_simd(activate_backward = arch())]
#[inline(always)]
fn activate_backward_with<'a, S: Simd>(_: S, gate: &'a mut [f32], up: &'a mut [f32], d: &'a mut [f32]) {
    for ((gate, up), d) in gate.iter_mut().zip(up).zip(d) {
        let s = sigmoid(*gate);
        let silu = *gate * s;
        let (du, dg) = (*d * silu, *d * *up * (s + silu * (1.0 - s)));
        *d = silu * *up;
        *gate = dg;
        *up = du;
    }
}

/// The gradients, given `dy` `[rows, width]`.
pub(crate) fn backward(shape: Shape, x: &[f32], weights: Weights<'_>, saved: Saved, dy: &[f32]) -> Gradients {
    let Shape { rows, width, inner, .. } = shape;
    let Saved { normed, r, mut gate, mut up } = saved;
    let mut dx = dy.to_vec();
    let mut active = vec![0.0; rows * inner];
    let chunk = rows_per_task(rows);
    let gate_weight = &Packed::new(Matrix::new(weights.gate, inner, width));
    let up_weight = &Packed::new(Matrix::new(weights.up, inner, width));
    let down_weight = &Packed::new(Matrix::new(weights.down, width, inner));
    let parts: Vec<Vec<f32>> = (
        dx.par_chunks_mut(chunk * width),
        active.par_chunks_mut(chunk * inner),
        gate.par_chunks_mut(chunk * inner),
        up.par_chunks_mut(chunk * inner),
    )
        .into_par_iter()
        .enumerate()
        .map(|(i, (dx, active, gate, up))| {
            let (first, n) = (i * chunk, dx.len() / width);
            let dy = Matrix::new(&dy[first * width..][..n * width], n, width);
            MatrixMut::new(active, n, inner).set_with(1.0, dy, down_weight);
            activate_backward(&mut *gate, &mut *up, &mut *active);
            let mut d_normed = vec![0.0; n * width];
            let gate = Matrix::new(gate, n, inner);
            MatrixMut::new(&mut d_normed, n, width).set_with(1.0, gate, gate_weight);
            let up = Matrix::new(up, n, inner);
            MatrixMut::new(&mut d_normed, n, width).product_with(1.0, 1.0, up, up_weight);
            let mut d_scale = vec![0.0; width];
            let x = &x[first * width..][..n * width];
            norm::backward(&d_normed, x, weights.norm, &r[first..][..n], dx, &mut d_scale);
            d_scale
        })
        .collect();
    let mut gradients = Gradients {
        x: dx,
        norm: sum_in_order(&parts),
        gate: vec![0.0; inner * width],
        up: vec![0.0; inner * width],
        down: vec![0.0; width * inner],
    };
    let normed = Matrix::new(&normed, rows, width);
    let gradient = |gradient, dy, x| WeightGradient { gradient, dy, x, accumulate: false };
    weight_gradients([
        gradient(&mut gradients.gate, Matrix::new(&gate, rows, inner), normed),
        gradient(&mut gradients.up, Matrix::new(&up, rows, inner), normed),
        gradient(&mut gradients.down, Matrix::new(dy, rows, width), Matrix::new(&active, rows, inner)),
    ]);
    gradients
}
