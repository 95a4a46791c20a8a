//! RMSNorm over rows: `y = x * r * scale` with `r = 1 / sqrt(mean(x²) + eps)` (arXiv 1910.07467).

use super::simd::{Simd, arch, dot, dot3, with_simd};

/// Normalises rows of `scale.len()` values: `x`, `y` are `[rows, width]`, `r` is `[rows]`.
#[with_simd(forward = arch())]
#[inline(always)]
pub(crate) fn forward_with<'a, S: Simd>(
    simd: S,
    x: &'a [f32],
    scale: &'a [f32],
    eps: f32,
    y: &'a mut [f32],
    r: &'a mut [f32],
) {
    let width = scale.len();
    for ((x, y), r) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)).zip(r) {
        *r = 1.0 / (dot(simd, x, x) / width as f32 + eps).sqrt();
        for ((y, x), scale) in y.iter_mut().zip(x).zip(scale) {
            *y = x * *r * scale;
        }
    }
}

/// Given `dy` `[rows, width]`, adds the gradient to `dx` `[rows, width]` and to `dscale` `[width]`.
#[with_simd(backward = arch())]
#[inline(always)]
pub(crate) fn backward_with<'a, S: Simd>(
    simd: S,
    dy: &'a [f32],
    x: &'a [f32],
    scale: &'a [f32],
    r: &'a [f32],
    dx: &'a mut [f32],
    dscale: &'a mut [f32],
) {
    let width = scale.len();
    let rows = dy.chunks_exact(width).zip(x.chunks_exact(width)).zip(dx.chunks_exact_mut(width));
    for (((dy, x), dx), r) in rows.zip(r) {
        let shared = dot3(simd, dy, x, scale) * r * r / width as f32;
        for ((dx, x), (dy, scale)) in dx.iter_mut().zip(x).zip(dy.iter().zip(scale)) {
            *dx += r * (dy * scale - x * shared);
        }
        for ((dscale, x), dy) in dscale.iter_mut().zip(x).zip(dy) {
            *dscale += dy * x * r;
        }
    }
}
