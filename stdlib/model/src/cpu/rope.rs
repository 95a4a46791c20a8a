//! Rotary positions in Hugging Face's layout: value `i` of a head turns with value `i + half` (arXiv 2104.09864).

use super::simd::vectorized;

/// Turns every head of `rows` (`[tokens, heads * 2 * half]`) in place by its token's position; backwards where `back`,
/// which is the gradient. `cos` and `sin` are `[positions, half]`.
pub(crate) fn rotate(
    rows: &mut [f32],
    row_width: usize,
    position: impl Fn(usize) -> usize,
    cos: &[f32],
    sin: &[f32],
    half: usize,
    back: bool,
) {
    vectorized(
        #[inline(always)]
        || {
            let sign = if back { -1.0f32 } else { 1.0 };
            for (i, row) in rows.chunks_exact_mut(row_width).enumerate() {
                let at = position(i) * half;
                let (cos, sin) = (&cos[at..at + half], &sin[at..at + half]);
                for head in row.chunks_exact_mut(2 * half) {
                    let (low, high) = head.split_at_mut(half);
                    for i in 0..half {
                        let (a, b, s) = (low[i], high[i], sign * sin[i]);
                        low[i] = a * cos[i] - b * s;
                        high[i] = b * cos[i] + a * s;
                    }
                }
            }
        },
    );
}
