//! Rotary positions in Hugging Face's layout: value `i` of a head turns with value `i + half` (arXiv
//! 2104.09864).

use super::simd::{Simd, arch, with_simd};

/// Cosines and sines of all positions, `[positions, half]` each.
#[derive(Clone, Copy)]
pub(crate) struct Tables<'a> {
    pub(crate) cos: &'a [f32],
    pub(crate) sin: &'a [f32],
    /// Half the width of a head.
    pub(crate) half: usize,
}

/// Turns every head of `rows` (`[positions.len(), heads * 2 * half]`) in place by its token's position;
/// backwards where `back`, which is the gradient.
#[with_simd(rotate = arch())]
#[inline(always)]
pub(crate) fn rotate_with<'a, S: Simd>(
    _: S,
    rows: &'a mut [f32],
    positions: &'a [usize],
    tables: Tables<'a>,
    back: bool,
) {
    let Tables { cos, sin, half } = tables;
    let sign = if back { -1.0f32 } else { 1.0 };
    let width = rows.len() / positions.len().max(1);
    for (row, position) in rows.chunks_exact_mut(width.max(1)).zip(positions) {
        let at = position * half;
        let (cos, sin) = (&cos[at..at + half], &sin[at..at + half]);
        for head in row.chunks_exact_mut(2 * half) {
            let (low, high) = head.split_at_mut(half);
            for ((low, high), (cos, sin)) in low.iter_mut().zip(high).zip(cos.iter().zip(sin)) {
                let (a, b, s) = (*low, *high, sign * sin);
                *low = a * cos - b * s;
                *high = b * cos + a * s;
            }
        }
    }
}
