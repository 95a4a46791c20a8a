//! Kernels for the CPU over plain slices: training's fused sub-layers, forward and backward.
//!
//! Nothing here knows burn. Every kernel gives the same bits for any number of threads and every instruction
//! set: work is split by fixed sizes, and partial sums are as many and added in the same order everywhere
//! (`simd`, `product`).
//!
//! Matrices are row-major. `[rows, width]` stands for a slice of `rows * width` values; `rows` runs over all
//! tokens of a batch, sequence after sequence.

pub(crate) mod attention;
pub(crate) mod causal;
pub(crate) mod embedding;
pub(crate) mod linear;
pub(crate) mod loss;
pub(crate) mod matrix;
pub(crate) mod mlp;
pub(crate) mod norm;
mod product;
pub(crate) mod rope;
pub(crate) mod simd;

/// Rows that one task takes on: enough tasks for many cores, and enough rows for a product to be efficient.
/// Depends on the number of rows only.
pub(crate) fn rows_per_task(rows: usize) -> usize {
    (rows / 32).clamp(64, 256).next_multiple_of(16)
}

/// `count` consecutive pieces of `buffer`, each of `len` values but the last; empty ones of an empty buffer.
pub(crate) fn pieces(buffer: &mut [f32], len: usize, count: usize) -> Vec<&mut [f32]> {
    if buffer.is_empty() {
        return std::iter::repeat_with(|| &mut [] as &mut [f32]).take(count).collect();
    }
    buffer.chunks_mut(len).collect()
}

/// Adds partial sums in their order.
pub(crate) fn sum_in_order(parts: &[Vec<f32>]) -> Vec<f32> {
    let mut total = parts.first().cloned().unwrap_or_default();
    for part in parts.iter().skip(1) {
        simd::add(&mut total, part);
    }
    total
}
