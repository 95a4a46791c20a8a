//! The embedding table: look-up, and the sum of gradients by id.

use super::simd;

/// Rows of `table` `[vocabulary, width]` by `ids`.
pub(crate) fn forward(table: &[f32], width: usize, ids: &[i32]) -> Vec<f32> {
    let mut out = Vec::with_capacity(ids.len() * width);
    for &id in ids {
        out.extend_from_slice(&table[id as usize * width..][..width]);
    }
    out
}

/// Gradient of the table, `[vocabulary, width]`: rows of `dy` summed by id, in their order.
pub(crate) fn backward(vocabulary: usize, width: usize, ids: &[i32], dy: &[f32]) -> Vec<f32> {
    let mut gradient = vec![0.0; vocabulary * width];
    for (&id, dy) in ids.iter().zip(dy.chunks_exact(width)) {
        simd::add(&mut gradient[id as usize * width..][..width], dy);
    }
    gradient
}
