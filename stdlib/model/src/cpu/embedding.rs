//! The embedding table: look-up, and the sum of gradients by id.

use super::simd::vectorized;

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
    vectorized(
        #[inline(always)]
        || {
            for (&id, dy) in ids.iter().zip(dy.chunks_exact(width)) {
                let row = &mut gradient[id as usize * width..][..width];
                for (sum, d) in row.iter_mut().zip(dy) {
                    *sum += d;
                }
            }
        },
    );
    gradient
}
