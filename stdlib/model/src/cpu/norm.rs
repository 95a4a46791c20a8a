//! RMSNorm over rows: `y = x * r * scale` with `r = 1 / sqrt(mean(x²) + eps)` (arXiv 1910.07467).

use super::simd::{dot, dot3, vectorized};

/// Normalises rows of `scale.len()` values: `x`, `y` are `[rows, width]`, `r` is `[rows]`.
pub(crate) fn forward(x: &[f32], scale: &[f32], eps: f32, y: &mut [f32], r: &mut [f32]) {
    vectorized(
        #[inline(always)]
        || {
            let width = scale.len();
            for ((x, y), r) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)).zip(r) {
                *r = 1.0 / (dot(x, x) / width as f32 + eps).sqrt();
                for ((y, x), scale) in y.iter_mut().zip(x).zip(scale) {
                    *y = x * *r * scale;
                }
            }
        },
    );
}

/// Given `dy` `[rows, width]`, writes `dx = (kept + )gradient` in place of `dx` where `add` (else overwrites it), and
/// adds to `dscale` `[width]`.
pub(crate) fn backward(
    dy: &[f32],
    x: &[f32],
    scale: &[f32],
    r: &[f32],
    dx: &mut [f32],
    add: bool,
    dscale: &mut [f32],
) {
    vectorized(
        #[inline(always)]
        || {
            let width = scale.len();
            let rows = dy.chunks_exact(width).zip(x.chunks_exact(width)).zip(dx.chunks_exact_mut(width));
            for (((dy, x), dx), r) in rows.zip(r) {
                let shared = dot3(dy, x, scale) * r * r / width as f32;
                let keep = if add { 1.0 } else { 0.0 };
                for i in 0..width {
                    let own = r * (dy[i] * scale[i] - x[i] * shared);
                    dx[i] = if add { dx[i].mul_add(keep, own) } else { own };
                    dscale[i] += dy[i] * x[i] * r;
                }
            }
        },
    );
}
