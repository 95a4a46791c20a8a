//! The attention sub-layer, `x + attention(norm(x))`, as one operation with its gradient.

use rayon::prelude::*;

use super::causal::{self, Heads, Task};
use super::matrix::{Matrix, MatrixMut, Packed, WeightGradient, weight_gradients};
use super::{norm, pieces, rope, rows_per_task, sum_in_order};

/// Sizes of the sub-layer and of the batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Sequences of the batch.
    pub(crate) batch: usize,
    /// Tokens of a sequence.
    pub(crate) length: usize,
    /// Width of the residual stream.
    pub(crate) width: usize,
    /// Query heads.
    pub(crate) heads: usize,
    /// Key-value heads.
    pub(crate) kv_heads: usize,
    /// Width of a head.
    pub(crate) head_width: usize,
    /// Whether queries and keys are normalised.
    pub(crate) qk_norm: bool,
    /// Added to the mean square in norms.
    pub(crate) eps: f32,
}

impl Shape {
    fn rows(&self) -> usize {
        self.batch * self.length
    }
    fn q(&self) -> usize {
        self.heads * self.head_width
    }
    fn kv(&self) -> usize {
        self.kv_heads * self.head_width
    }
    fn group(&self) -> usize {
        self.heads / self.kv_heads
    }

    /// Positions of rows `first..first + n` in their sequences.
    fn positions(&self, first: usize, n: usize) -> Vec<usize> {
        (first..first + n).map(|row| row % self.length).collect()
    }

    /// The task of key-value head `i % kv_heads` of sequence `i / kv_heads`.
    fn task(&self, i: usize) -> (usize, Task) {
        let (length, width) = (self.length, self.head_width);
        (i / self.kv_heads, Task { length, width, group: self.group(), kv_head: i % self.kv_heads })
    }

    /// The rows of sequence `sequence` of a buffer `[rows, stride]`.
    fn heads<'a>(&self, buffer: &'a [f32], stride: usize, sequence: usize) -> Heads<'a> {
        Heads { data: &buffer[sequence * self.length * stride..][..self.length * stride], stride }
    }

    /// Copies rows `first..` of `[batch, kv_heads, length, part]` into `rows` `[n, kv_heads * part]`.
    fn gather(&self, by_head: &[f32], part: usize, first: usize, rows: &mut [f32]) {
        for (i, row) in rows.chunks_exact_mut(self.kv_heads * part).enumerate() {
            let (sequence, t) = ((first + i) / self.length, (first + i) % self.length);
            for (head, to) in row.chunks_exact_mut(part).enumerate() {
                let from = ((sequence * self.kv_heads + head) * self.length + t) * part;
                to.copy_from_slice(&by_head[from..from + part]);
            }
        }
    }
}

/// Weights in the order of [`llmp_artifacts::model::Config::parameters`]; the head norms are unused without
/// `qk_norm`.
#[derive(Clone, Copy)]
pub(crate) struct Weights<'a> {
    /// `[width]`.
    pub(crate) norm: &'a [f32],
    /// `[heads * head_width, width]`.
    pub(crate) q: &'a [f32],
    /// `[kv_heads * head_width, width]`.
    pub(crate) k: &'a [f32],
    /// `[kv_heads * head_width, width]`.
    pub(crate) v: &'a [f32],
    /// `[width, heads * head_width]`.
    pub(crate) o: &'a [f32],
    /// `[head_width]`.
    pub(crate) q_norm: &'a [f32],
    /// `[head_width]`.
    pub(crate) k_norm: &'a [f32],
    pub(crate) rope: rope::Tables<'a>,
}

/// What the backward pass needs of the forward pass.
#[derive(Clone, Debug, Default)]
pub(crate) struct Saved {
    normed: Vec<f32>,
    r: Vec<f32>,
    /// Before the head norm; empty without.
    q_raw: Vec<f32>,
    k_raw: Vec<f32>,
    q_r: Vec<f32>,
    k_r: Vec<f32>,
    q: Vec<f32>,
    k: Vec<f32>,
    v: Vec<f32>,
    out: Vec<f32>,
    lse: Vec<f32>,
}

/// Gradients, shaped as their weights and `x`.
pub(crate) struct Gradients {
    pub(crate) x: Vec<f32>,
    pub(crate) norm: Vec<f32>,
    pub(crate) q: Vec<f32>,
    pub(crate) k: Vec<f32>,
    pub(crate) v: Vec<f32>,
    pub(crate) o: Vec<f32>,
    pub(crate) q_norm: Vec<f32>,
    pub(crate) k_norm: Vec<f32>,
}

/// `x` `[rows, width]` to the sub-layer's result of the same shape.
pub(crate) fn forward(shape: Shape, x: &[f32], weights: Weights<'_>) -> (Vec<f32>, Saved) {
    let (rows, width, q_width, kv_width) = (shape.rows(), shape.width, shape.q(), shape.kv());
    let raw = |n: usize| if shape.qk_norm { vec![0.0; rows * n] } else { Vec::new() };
    let mut saved = Saved {
        normed: vec![0.0; rows * width],
        r: vec![0.0; rows],
        q_raw: raw(q_width),
        k_raw: raw(kv_width),
        q_r: raw(shape.heads),
        k_r: raw(shape.kv_heads),
        q: vec![0.0; rows * q_width],
        k: vec![0.0; rows * kv_width],
        v: vec![0.0; rows * kv_width],
        out: vec![0.0; rows * q_width],
        lse: vec![0.0; rows * shape.heads],
    };
    project(shape, x, weights, &mut saved);

    let mut by_head = vec![0.0; rows * q_width];
    let per_task = shape.length * shape.group();
    by_head
        .par_chunks_mut(per_task * shape.head_width)
        .zip(saved.lse.par_chunks_mut(per_task))
        .enumerate()
        .for_each(|(i, (out, lse))| {
            let (sequence, task) = shape.task(i);
            let q = shape.heads(&saved.q, q_width, sequence);
            let k = shape.heads(&saved.k, kv_width, sequence);
            let v = shape.heads(&saved.v, kv_width, sequence);
            causal::forward(task, q, k, v, out, lse);
        });

    let mut y = x.to_vec();
    let chunk = rows_per_task(rows);
    let o_weight = &Packed::new(Matrix::new(weights.o, width, q_width).t());
    y.par_chunks_mut(chunk * width).zip(saved.out.par_chunks_mut(chunk * q_width)).enumerate().for_each(
        |(i, (y, out))| {
            let n = y.len() / width;
            shape.gather(&by_head, shape.group() * shape.head_width, i * chunk, out);
            let out = Matrix::new(out, n, q_width);
            MatrixMut::new(y, n, width).product_with(1.0, 1.0, out, o_weight);
        },
    );
    (y, saved)
}

/// Norm, projections, head norms and rotary positions.
fn project(shape: Shape, x: &[f32], weights: Weights<'_>, saved: &mut Saved) {
    let (rows, width, q_width, kv_width) = (shape.rows(), shape.width, shape.q(), shape.kv());
    let chunk = rows_per_task(rows);
    let count = rows.div_ceil(chunk);
    let [q_weight, k_weight, v_weight] =
        &[(weights.q, q_width), (weights.k, kv_width), (weights.v, kv_width)]
            .map(|(weight, out)| Packed::new(Matrix::new(weight, out, width).t()));
    (
        pieces(&mut saved.normed, chunk * width, count),
        pieces(&mut saved.r, chunk, count),
        pieces(&mut saved.q_raw, chunk * q_width, count),
        pieces(&mut saved.k_raw, chunk * kv_width, count),
        pieces(&mut saved.q_r, chunk * shape.heads, count),
        pieces(&mut saved.k_r, chunk * shape.kv_heads, count),
        pieces(&mut saved.q, chunk * q_width, count),
        pieces(&mut saved.k, chunk * kv_width, count),
        pieces(&mut saved.v, chunk * kv_width, count),
    )
        .into_par_iter()
        .enumerate()
        .for_each(|(i, (normed, r, q_raw, k_raw, q_r, k_r, q, k, v))| {
            let (first, n) = (i * chunk, r.len());
            let positions = shape.positions(first, n);
            norm::forward(&x[first * width..][..n * width], weights.norm, shape.eps, &mut *normed, r);
            let normed = Matrix::new(normed, n, width);
            MatrixMut::new(v, n, kv_width).set_with(1.0, normed, v_weight);
            let heads = [
                (q, q_raw, q_r, q_weight, weights.q_norm, q_width),
                (k, k_raw, k_r, k_weight, weights.k_norm, kv_width),
            ];
            for (turned, raw, r, weight, scale, out) in heads {
                if shape.qk_norm {
                    MatrixMut::new(raw, n, out).set_with(1.0, normed, weight);
                    norm::forward(raw, scale, shape.eps, &mut *turned, r);
                } else {
                    MatrixMut::new(turned, n, out).set_with(1.0, normed, weight);
                }
                rope::rotate(turned, &positions, weights.rope, false);
            }
        });
}

/// The gradients, given `dy` `[rows, width]`.
pub(crate) fn backward(
    shape: Shape,
    x: &[f32],
    weights: Weights<'_>,
    saved: &Saved,
    dy: &[f32],
) -> Gradients {
    let (rows, width, q_width, kv_width) = (shape.rows(), shape.width, shape.q(), shape.kv());
    let chunk = rows_per_task(rows);

    let mut dout = vec![0.0; rows * q_width];
    let o_weight = &Packed::new(Matrix::new(weights.o, width, q_width));
    dout.par_chunks_mut(chunk * q_width).enumerate().for_each(|(i, dout)| {
        let n = dout.len() / q_width;
        let dy = Matrix::new(&dy[i * chunk * width..][..n * width], n, width);
        MatrixMut::new(dout, n, q_width).set_with(1.0, dy, o_weight);
    });

    let (mut dq, mut dk, mut dv) =
        (vec![0.0; rows * q_width], vec![0.0; rows * kv_width], vec![0.0; rows * kv_width]);
    let per_task = shape.length * shape.group();
    let kv_task = shape.length * shape.head_width;
    dq.par_chunks_mut(per_task * shape.head_width)
        .zip(dk.par_chunks_mut(kv_task))
        .zip(dv.par_chunks_mut(kv_task))
        .enumerate()
        .for_each(|(i, ((dq, dk), dv))| {
            let (sequence, task) = shape.task(i);
            let heads = |buffer, stride| shape.heads(buffer, stride, sequence);
            let qkv = (heads(&saved.q, q_width), heads(&saved.k, kv_width), heads(&saved.v, kv_width));
            let out = (heads(&saved.out, q_width), heads(&dout, q_width));
            causal::backward(task, qkv, out, &saved.lse[i * per_task..][..per_task], dq, dk, dv);
        });

    let by_head = [&dq[..], &dk[..], &dv[..]];
    let (rest, tokens) = project_backward(shape, x, weights, saved, dy, by_head);
    let [dq, dk, dv] = &tokens;
    let mut all = rest;
    let normed = Matrix::new(&saved.normed, rows, width);
    let mut o = vec![0.0; width * q_width];
    let gradient = |gradient, dy, x| WeightGradient { gradient, dy, x, accumulate: false };
    weight_gradients([
        gradient(&mut all.q, Matrix::new(dq, rows, q_width), normed),
        gradient(&mut all.k, Matrix::new(dk, rows, kv_width), normed),
        gradient(&mut all.v, Matrix::new(dv, rows, kv_width), normed),
        gradient(&mut o, Matrix::new(dy, rows, width), Matrix::new(&saved.out, rows, q_width)),
    ]);
    all.o = o;
    all
}

/// Back through rotary positions, head norms, projections and norm. Gives all gradients but those of the
/// matrices, and the gradients of the projections' results, `[rows, out]`.
fn project_backward(
    shape: Shape,
    x: &[f32],
    weights: Weights<'_>,
    saved: &Saved,
    dy: &[f32],
    by_head: [&[f32]; 3],
) -> (Gradients, [Vec<f32>; 3]) {
    let (rows, width, q_width, kv_width) = (shape.rows(), shape.width, shape.q(), shape.kv());
    let chunk = rows_per_task(rows);
    let mut dx = dy.to_vec();
    let [q_weight, k_weight, v_weight] =
        &[(weights.q, q_width), (weights.k, kv_width), (weights.v, kv_width)]
            .map(|(weight, out)| Packed::new(Matrix::new(weight, out, width)));
    let (mut dq, mut dk, mut dv) =
        (vec![0.0; rows * q_width], vec![0.0; rows * kv_width], vec![0.0; rows * kv_width]);
    let parts: Vec<[Vec<f32>; 3]> = (
        dx.par_chunks_mut(chunk * width),
        dq.par_chunks_mut(chunk * q_width),
        dk.par_chunks_mut(chunk * kv_width),
        dv.par_chunks_mut(chunk * kv_width),
    )
        .into_par_iter()
        .enumerate()
        .map(|(i, (dx, dq, dk, dv))| {
            let (first, n) = (i * chunk, dx.len() / width);
            let positions = shape.positions(first, n);
            shape.gather(by_head[2], shape.head_width, first, dv);
            let mut scales = [vec![0.0; width], vec![0.0; shape.head_width], vec![0.0; shape.head_width]];
            let [d_norm, dq_norm, dk_norm] = &mut scales;
            let group = shape.group() * shape.head_width;
            let heads = [
                (&mut *dq, by_head[0], group, &saved.q_raw, &saved.q_r, weights.q_norm, dq_norm, shape.heads),
                (
                    &mut *dk,
                    by_head[1],
                    shape.head_width,
                    &saved.k_raw,
                    &saved.k_r,
                    weights.k_norm,
                    dk_norm,
                    { shape.kv_heads },
                ),
            ];
            for (d, by_head, part, raw, r, scale, d_scale, heads) in heads {
                let out = heads * shape.head_width;
                shape.gather(by_head, part, first, d);
                rope::rotate(&mut *d, &positions, weights.rope, true);
                if shape.qk_norm {
                    let turned = d.to_vec();
                    let (raw, r) = (&raw[first * out..][..n * out], &r[first * heads..][..n * heads]);
                    d.fill(0.0);
                    norm::backward(&turned, raw, scale, r, &mut *d, d_scale);
                }
            }
            let mut d_normed = vec![0.0; n * width];
            let products =
                [(&*dq, q_weight, q_width), (&*dk, k_weight, kv_width), (&*dv, v_weight, kv_width)];
            for (j, (d, weight, out)) in products.into_iter().enumerate() {
                let (d, keep) = (Matrix::new(d, n, out), if j == 0 { 0.0 } else { 1.0 });
                MatrixMut::new(&mut d_normed, n, width).product_with(keep, 1.0, d, weight);
            }
            let x = &x[first * width..][..n * width];
            norm::backward(&d_normed, x, weights.norm, &saved.r[first..][..n], dx, d_norm);
            scales
        })
        .collect();
    let sum = |which: usize| sum_in_order(&parts.iter().map(|part| part[which].clone()).collect::<Vec<_>>());
    let gradients = Gradients {
        x: dx,
        norm: sum(0),
        q: vec![0.0; q_width * width],
        k: vec![0.0; kv_width * width],
        v: vec![0.0; kv_width * width],
        o: Vec::new(),
        q_norm: sum(1),
        k_norm: sum(2),
    };
    (gradients, [dq, dk, dv])
}
