//! The last norm, the head and the cross-entropy as one operation. Gradients are computed in the forward
//! pass, so that the logits of a few rows exist at a time only.

use llmp_artifacts::exact;
use rayon::prelude::*;

use super::matrix::{Matrix, MatrixMut, Packed, WeightGradient, weight_gradients};
use super::simd::{Simd, arch, exp_sum, max, with_simd};
use super::{norm, rows_per_task, sum_in_order};

/// Logits that may exist at a time: 64 MiB.
const MAX_LOGITS: usize = 16 << 20;

/// What the loss is taken of.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<'a> {
    /// `[rows, width]`, the residual stream after the last block.
    pub(crate) x: &'a [f32],
    /// `[width]`.
    pub(crate) norm: &'a [f32],
    /// `[vocabulary, width]`.
    pub(crate) head: &'a [f32],
    /// `[rows]`, ids below `vocabulary`; anything where the weight is 0.
    pub(crate) targets: &'a [i32],
    /// `[rows]`; the loss is the weighted sum over rows. Rows of weight 0 cost nothing.
    pub(crate) weights: &'a [f32],
    /// Added to the mean square in the norm.
    pub(crate) eps: f32,
}

/// Gradients, shaped as `x`, `norm` and `head`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gradients {
    pub(crate) x: Vec<f32>,
    pub(crate) norm: Vec<f32>,
    pub(crate) head: Vec<f32>,
}

/// The loss, and its gradients where `with_gradients`.
pub(crate) fn forward(inputs: Inputs<'_>, with_gradients: bool) -> (f32, Gradients) {
    let width = inputs.norm.len();
    let vocabulary = inputs.head.len() / width;
    let rows: Vec<usize> = (0..inputs.weights.len()).filter(|&row| inputs.weights[row] != 0.0).collect();
    let head = Matrix::new(inputs.head, vocabulary, width);
    let heads = Heads { forward: Packed::new(head.t()), backward: with_gradients.then(|| Packed::new(head)) };
    let mut gradients = Gradients::default();
    if with_gradients {
        gradients.x = vec![0.0; inputs.x.len()];
        gradients.norm = vec![0.0; width];
        gradients.head = vec![0.0; inputs.head.len()];
    }
    let chunk = rows_per_task(rows.len());
    let at_once = (MAX_LOGITS / vocabulary).max(chunk) / chunk * chunk;
    let mut loss = 0.0f64;
    for (number, rows) in rows.chunks(at_once).enumerate() {
        let count = rows.len();
        let mut logits = vec![0.0; count * vocabulary];
        let mut normed = vec![0.0; count * width];
        let parts: Vec<Part> = (
            rows.par_chunks(chunk),
            logits.par_chunks_mut(chunk * vocabulary),
            normed.par_chunks_mut(chunk * width),
        )
            .into_par_iter()
            .map(|(rows, logits, normed)| rows_forward(inputs, &heads, rows, logits, normed))
            .collect();
        loss += parts.iter().map(|part| part.loss).sum::<f64>();
        if !with_gradients {
            continue;
        }
        let scales: Vec<Vec<f32>> = parts.iter().map(|part| part.d_norm.clone()).collect();
        super::simd::add(&mut gradients.norm, &sum_in_order(&scales));
        for (rows, part) in rows.chunks(chunk).zip(&parts) {
            for (row, dx) in rows.iter().zip(part.dx.chunks_exact(width)) {
                gradients.x[row * width..][..width].copy_from_slice(dx);
            }
        }
        weight_gradients([WeightGradient {
            gradient: &mut gradients.head,
            dy: Matrix::new(&logits, count, vocabulary),
            x: Matrix::new(&normed, count, width),
            accumulate: number > 0,
        }]);
    }
    (loss as f32, gradients)
}

/// The head, laid out for logits and, where gradients are wanted, for theirs.
struct Heads {
    forward: Packed,
    backward: Option<Packed>,
}

/// What a task gives back.
struct Part {
    loss: f64,
    dx: Vec<f32>,
    d_norm: Vec<f32>,
}

/// Loss of some rows; leaves the gradient of the logits in `logits`.
fn rows_forward(
    inputs: Inputs<'_>,
    heads: &Heads,
    rows: &[usize],
    logits: &mut [f32],
    normed: &mut [f32],
) -> Part {
    let (n, width) = (rows.len(), inputs.norm.len());
    let vocabulary = logits.len() / n;
    let mut x = vec![0.0; n * width];
    for (row, x) in rows.iter().zip(x.chunks_exact_mut(width)) {
        x.copy_from_slice(&inputs.x[row * width..][..width]);
    }
    let mut r = vec![0.0; n];
    norm::forward(&x, inputs.norm, inputs.eps, &mut *normed, &mut r);
    MatrixMut::new(logits, n, vocabulary).set_with(1.0, Matrix::new(normed, n, width), &heads.forward);
    let loss = cross_entropy(inputs, rows, &mut *logits);
    let (mut dx, mut d_norm) = (Vec::new(), Vec::new());
    if let Some(head) = &heads.backward {
        dx = vec![0.0; n * width];
        d_norm = vec![0.0; width];
        let mut d_normed = vec![0.0; n * width];
        MatrixMut::new(&mut d_normed, n, width).set_with(1.0, Matrix::new(logits, n, vocabulary), head);
        norm::backward(&d_normed, &x, inputs.norm, &r, &mut dx, &mut d_norm);
    }
    Part { loss, dx, d_norm }
}

/// Weighted cross-entropy of some rows; replaces the logits by their gradient.
#[with_simd(cross_entropy = arch())]
#[inline(always)]
fn cross_entropy_with<'a, S: Simd>(
    simd: S,
    inputs: Inputs<'a>,
    rows: &'a [usize],
    logits: &'a mut [f32],
) -> f64 {
    let vocabulary = logits.len() / rows.len();
    let mut loss = 0.0f64;
    for (&row, logits) in rows.iter().zip(logits.chunks_exact_mut(vocabulary)) {
        let (target, weight) = (inputs.targets[row] as usize, inputs.weights[row]);
        let chosen = logits[target];
        let largest = max(simd, logits);
        let sum = exp_sum(simd, logits, largest);
        loss += f64::from(weight) * f64::from(exact::ln_f32(sum) + largest - chosen);
        let factor = weight / sum;
        for value in logits.iter_mut() {
            *value *= factor;
        }
        logits[target] -= weight;
    }
    loss
}
