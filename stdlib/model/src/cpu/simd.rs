//! Vectorised loops: compiled for several instruction sets, chosen at run time.

use pulp::Arch;

/// Partial sums a reduction keeps; fixed, so that the result does not depend on the instruction set's width.
const LANES: usize = 16;

/// Runs `work` with the widest vectors of this machine. Everything called inside has to be inlined.
#[inline]
pub(crate) fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    Arch::new().dispatch(work)
}

/// `exp(x)` with a relative error of about 2e-7, in a form that compilers vectorise (Cephes' `expf`).
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0; // 1.5 * 2^23: adding it rounds to an integer
    let x = x.clamp(-87.0, 88.0);
    let shifted = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = n.mul_add(-0.693_359_4, x);
    let r = n.mul_add(2.121_944_4e-4, r);
    let p = 1.987_569_1e-4f32;
    let p = p.mul_add(r, 1.398_2e-3);
    let p = p.mul_add(r, 8.333_452e-3);
    let p = p.mul_add(r, 4.166_579_6e-2);
    let p = p.mul_add(r, 1.666_666_5e-1);
    let p = p.mul_add(r, 0.5);
    let p = p.mul_add(r * r, r) + 1.0;
    let exponent = (shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    p * f32::from_bits(((exponent + 127) << 23) as u32)
}

/// `1 / (1 + exp(-x))`.
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// Folds partial sums pairwise.
#[inline(always)]
fn fold(mut lanes: [f32; LANES], join: impl Fn(f32, f32) -> f32) -> f32 {
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] = join(lanes[i], lanes[i + width]);
        }
        width /= 2;
    }
    lanes[0]
}

/// Scalar product. To be called inside [`vectorized`].
#[inline(always)]
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (a_full, a_rest) = a.as_chunks::<LANES>();
    let (b_full, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_full.iter().zip(b_full) {
        for i in 0..LANES {
            lanes[i] = a[i].mul_add(b[i], lanes[i]);
        }
    }
    let mut rest = 0.0f32;
    for (a, b) in a_rest.iter().zip(b_rest) {
        rest = a.mul_add(*b, rest);
    }
    fold(lanes, |a, b| a + b) + rest
}

/// Scalar product of three vectors, `sum(a * b * c)`. To be called inside [`vectorized`].
#[inline(always)]
pub(crate) fn dot3(a: &[f32], b: &[f32], c: &[f32]) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (a_full, a_rest) = a.as_chunks::<LANES>();
    let (b_full, b_rest) = b.as_chunks::<LANES>();
    let (c_full, c_rest) = c.as_chunks::<LANES>();
    for ((a, b), c) in a_full.iter().zip(b_full).zip(c_full) {
        for i in 0..LANES {
            lanes[i] = (a[i] * b[i]).mul_add(c[i], lanes[i]);
        }
    }
    let mut rest = 0.0f32;
    for ((a, b), c) in a_rest.iter().zip(b_rest).zip(c_rest) {
        rest = (a * b).mul_add(*c, rest);
    }
    fold(lanes, |a, b| a + b) + rest
}

/// Largest value; negative infinity of nothing. To be called inside [`vectorized`].
#[inline(always)]
pub(crate) fn max(values: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (full, rest) = values.as_chunks::<LANES>();
    for chunk in full {
        for i in 0..LANES {
            lanes[i] = if chunk[i] > lanes[i] { chunk[i] } else { lanes[i] };
        }
    }
    let join = |a: f32, b: f32| if b > a { b } else { a };
    rest.iter().fold(fold(lanes, join), |a, b| join(a, *b))
}

/// Replaces each value by `exp(scale * value - shift)` and returns their sum. To be called inside [`vectorized`].
#[inline(always)]
pub(crate) fn exp_sum(values: &mut [f32], scale: f32, shift: f32) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (full, rest) = values.as_chunks_mut::<LANES>();
    for chunk in full {
        for i in 0..LANES {
            chunk[i] = exp(chunk[i].mul_add(scale, -shift));
            lanes[i] += chunk[i];
        }
    }
    let mut tail = 0.0f32;
    for value in rest {
        *value = exp(value.mul_add(scale, -shift));
        tail += *value;
    }
    fold(lanes, |a, b| a + b) + tail
}

/// `a += b`.
pub(crate) fn add(a: &mut [f32], b: &[f32]) {
    vectorized(
        #[inline(always)]
        || {
            for (a, b) in a.iter_mut().zip(b) {
                *a += b;
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_accurate() {
        for i in -8600..8700 {
            let x = i as f32 / 100.0;
            let (found, expected) = (f64::from(exp(x)), f64::from(x).exp());
            assert!((found / expected - 1.0).abs() < 3e-7, "exp({x}) = {found}, expected {expected}");
        }
        assert!(exp(f32::NEG_INFINITY) < 1e-37);
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn reductions_agree_with_plain_sums() {
        let a: Vec<f32> = (0..37).map(|i| (i as f32 * 0.7).sin()).collect();
        let b: Vec<f32> = (0..37).map(|i| (i as f32 * 0.3).cos()).collect();
        let plain: f32 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
        assert!((dot(&a, &b) - plain).abs() < 1e-5);
        let ones = vec![1.0; 37];
        assert!((dot3(&a, &b, &ones) - plain).abs() < 1e-5);
        assert_eq!(max(&a), a.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        let mut e = a.clone();
        let sum = exp_sum(&mut e, 2.0, 0.5);
        let plain: f32 = a.iter().map(|a| (2.0 * a - 0.5).exp()).sum();
        assert!((sum - plain).abs() < 1e-4);
    }
}
