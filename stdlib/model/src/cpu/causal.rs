//! Causal attention of one key-value head and the query heads that share it, over one sequence.
//!
//! Scores are computed for blocks of query rows and for the keys that a block may see only. The forward pass
//! keeps the logarithm of each row's sum, from which the backward pass computes the probabilities anew (arXiv
//! 2205.14135).

use llmp_artifacts::exact;

use super::matrix::{Matrix, MatrixMut, Packed};
use super::simd::{Simd, arch, dot, exp_sum, max, with_simd};

/// Query rows of a block.
const BLOCK: usize = 64;

/// Where the heads of one sequence lie: row `t` of head `h` starts at `t * stride + h * width`.
#[derive(Clone, Copy)]
pub(crate) struct Heads<'a> {
    /// From the sequence's first row on.
    pub(crate) data: &'a [f32],
    /// Values from one token to the next.
    pub(crate) stride: usize,
}

impl<'a> Heads<'a> {
    fn rows(&self, head: usize, width: usize, from: usize, to: usize) -> Matrix<'a> {
        Matrix::strided(&self.data[from * self.stride + head * width..], to - from, width, self.stride)
    }

    fn row(&self, head: usize, width: usize, t: usize) -> &'a [f32] {
        &self.data[t * self.stride + head * width..][..width]
    }
}

/// The sizes of one task.
#[derive(Clone, Copy)]
pub(crate) struct Task {
    /// Tokens of the sequence.
    pub(crate) length: usize,
    /// Width of a head.
    pub(crate) width: usize,
    /// Query heads of the group.
    pub(crate) group: usize,
    /// The key-value head; its first query head is `kv_head * group`.
    pub(crate) kv_head: usize,
}

impl Task {
    fn scale(&self) -> f32 {
        1.0 / (self.width as f32).sqrt()
    }

    fn blocks(&self) -> impl Iterator<Item = (usize, usize)> {
        let length = self.length;
        (0..length).step_by(BLOCK).map(move |from| (from, length.min(from + BLOCK)))
    }
}

/// Writes the heads' results to `out` `[length, group * width]` and the rows' log-sum-exp to `lse` `[group,
/// length]`.
pub(crate) fn forward(
    task: Task,
    q: Heads<'_>,
    k: Heads<'_>,
    v: Heads<'_>,
    out: &mut [f32],
    lse: &mut [f32],
) {
    let Task { length, width, group, kv_head } = task;
    let mut scores = vec![0.0; BLOCK.min(length) * length];
    let keys = &Packed::new(k.rows(kv_head, width, 0, length).t());
    let values = &Packed::new(v.rows(kv_head, width, 0, length));
    for g in 0..group {
        let head = kv_head * group + g;
        for (from, to) in task.blocks() {
            let scores = &mut scores[..(to - from) * to];
            let q_rows = q.rows(head, width, from, to);
            MatrixMut::new(scores, to - from, to).set_with(task.scale(), q_rows, keys);
            let lse = &mut lse[g * length + from..g * length + to];
            softmax(scores, to, from, lse);
            let out = &mut out[from * group * width + g * width..];
            let scores = Matrix::new(scores, to - from, to);
            MatrixMut::strided(out, to - from, width, group * width).set_with(1.0, scores, values);
        }
    }
}

/// Rows of scores to probabilities; row `i` sees the first `from + i + 1` columns.
#[with_simd(softmax = arch())]
#[inline(always)]
fn softmax_with<'a, S: Simd>(
    simd: S,
    scores: &'a mut [f32],
    columns: usize,
    from: usize,
    lse: &'a mut [f32],
) {
    for (i, (row, lse)) in scores.chunks_exact_mut(columns).zip(lse).enumerate() {
        let (seen, hidden) = row.split_at_mut(from + i + 1);
        let largest = max(simd, seen);
        let sum = exp_sum(simd, seen, largest);
        let inverse = 1.0 / sum;
        for value in seen {
            *value *= inverse;
        }
        hidden.fill(0.0);
        *lse = largest + exact::ln_f32(sum);
    }
}

/// Scores `p` to probabilities, and gradients `d` of probabilities to gradients of scores.
#[with_simd(softmax_backward = arch())]
#[inline(always)]
fn softmax_backward_with<'a, S: Simd>(
    simd: S,
    (p, d): (&'a mut [f32], &'a mut [f32]),
    (columns, from): (usize, usize),
    lse: &'a [f32],
    (out, dout): (Heads<'a>, Heads<'a>),
    (head, width): (usize, usize),
) {
    let rows = p.chunks_exact_mut(columns).zip(d.chunks_exact_mut(columns)).zip(lse);
    for (i, ((p, d), lse)) in rows.enumerate() {
        let t = from + i;
        let delta = dot(simd, out.row(head, width, t), dout.row(head, width, t));
        let (seen, hidden) = p.split_at_mut(t + 1);
        for value in seen.iter_mut() {
            *value = super::simd::exp(*value - lse);
        }
        hidden.fill(0.0);
        for (d, p) in d.iter_mut().zip(p.iter()) {
            *d = p * (*d - delta);
        }
    }
}

/// Gradients of the group: `dq` `[length, group * width]`, `dk` and `dv` `[length, width]`, all overwritten.
/// `out` and `dout` are laid out as `q` is.
#[allow(clippy::too_many_arguments)]
pub(crate) fn backward(
    task: Task,
    (q, k, v): (Heads<'_>, Heads<'_>, Heads<'_>),
    (out, dout): (Heads<'_>, Heads<'_>),
    lse: &[f32],
    dq: &mut [f32],
    dk: &mut [f32],
    dv: &mut [f32],
) {
    let Task { length, width, group, kv_head } = task;
    let mut probabilities = vec![0.0; BLOCK.min(length) * length];
    let mut gradients = vec![0.0; BLOCK.min(length) * length];
    dk.fill(0.0);
    dv.fill(0.0);
    let keys = k.rows(kv_head, width, 0, length);
    let values = &Packed::new(v.rows(kv_head, width, 0, length).t());
    let (keys, upright) = (&Packed::new(keys.t()), &Packed::new(keys));
    for g in 0..group {
        let head = kv_head * group + g;
        for (from, to) in task.blocks() {
            let rows = to - from;
            let p = &mut probabilities[..rows * to];
            let d = &mut gradients[..rows * to];
            let (q_rows, do_rows) = (q.rows(head, width, from, to), dout.rows(head, width, from, to));
            MatrixMut::new(p, rows, to).set_with(task.scale(), q_rows, keys);
            MatrixMut::new(d, rows, to).set_with(1.0, do_rows, values);
            let lse = &lse[g * length + from..g * length + to];
            softmax_backward((&mut *p, &mut *d), (to, from), lse, (out, dout), (head, width));
            let (p, d) = (Matrix::new(p, rows, to), Matrix::new(d, rows, to));
            MatrixMut::new(&mut dv[..to * width], to, width).product(1.0, 1.0, p.t(), do_rows);
            MatrixMut::new(&mut dk[..to * width], to, width).product(1.0, task.scale(), d.t(), q_rows);
            let dq = &mut dq[from * group * width + g * width..];
            MatrixMut::strided(dq, rows, width, group * width).set_with(task.scale(), d, upright);
        }
    }
}
