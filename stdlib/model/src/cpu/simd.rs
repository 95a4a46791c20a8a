//! Vectorised loops: compiled for several instruction sets, chosen at run time.
//!
//! A kernel is a function over `S: Simd` with `#[inline(always)]`, and `#[with_simd(name = arch())]` makes
//! the function `name` that runs it with the widest vectors of this machine. Plain loops inside are
//! vectorised by the compiler; sums are not, since their order would change, so they are written out here.
//! How many partial sums a sum has follows from the instruction set: results are the same for any number of
//! threads, and may differ between kinds of processors.

pub(crate) use pulp::{Simd, with_simd};

/// The instruction sets of this machine.
#[inline(always)]
pub(crate) fn arch() -> pulp::Arch {
    pulp::Arch::new()
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

/// Scalar product.
#[inline(always)]
pub(crate) fn dot<S: Simd>(simd: S, a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (S::as_simd_f32s(a), S::as_simd_f32s(b));
    let mut sums = simd.splat_f32s(0.0);
    for (a, b) in a.iter().zip(b) {
        sums = simd.mul_add_e_f32s(*a, *b, sums);
    }
    let mut rest = 0.0f32;
    for (a, b) in a_rest.iter().zip(b_rest) {
        rest += a * b;
    }
    simd.reduce_sum_f32s(sums) + rest
}

/// Scalar product of three vectors, `sum(a * b * c)`.
#[inline(always)]
pub(crate) fn dot3<S: Simd>(simd: S, a: &[f32], b: &[f32], c: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (S::as_simd_f32s(a), S::as_simd_f32s(b));
    let (c, c_rest) = S::as_simd_f32s(c);
    let mut sums = simd.splat_f32s(0.0);
    for ((a, b), c) in a.iter().zip(b).zip(c) {
        sums = simd.mul_add_e_f32s(simd.mul_f32s(*a, *b), *c, sums);
    }
    let mut rest = 0.0f32;
    for ((a, b), c) in a_rest.iter().zip(b_rest).zip(c_rest) {
        rest += a * b * c;
    }
    simd.reduce_sum_f32s(sums) + rest
}

/// Largest value; negative infinity of nothing.
#[inline(always)]
pub(crate) fn max<S: Simd>(simd: S, values: &[f32]) -> f32 {
    let (values, rest) = S::as_simd_f32s(values);
    let mut largest = simd.splat_f32s(f32::NEG_INFINITY);
    for value in values {
        largest = simd.max_f32s(largest, *value);
    }
    rest.iter().fold(simd.reduce_max_f32s(largest), |a, b| if *b > a { *b } else { a })
}

/// Sum.
#[inline(always)]
pub(crate) fn sum<S: Simd>(simd: S, values: &[f32]) -> f32 {
    let (values, rest) = S::as_simd_f32s(values);
    let mut sums = simd.splat_f32s(0.0);
    for value in values {
        sums = simd.add_f32s(sums, *value);
    }
    simd.reduce_sum_f32s(sums) + rest.iter().sum::<f32>()
}

/// Replaces each value by `exp(value - shift)` and returns their sum.
#[inline(always)]
pub(crate) fn exp_sum<S: Simd>(simd: S, values: &mut [f32], shift: f32) -> f32 {
    for value in values.iter_mut() {
        *value = exp(*value - shift);
    }
    sum(simd, values)
}

/// `a += b`.
#[with_simd(add = arch())]
#[inline(always)]
pub(crate) fn add_with<'a, S: Simd>(_: S, a: &'a mut [f32], b: &'a [f32]) {
    for (a, b) in a.iter_mut().zip(b) {
        *a += b;
    }
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

    #[with_simd(all = arch())]
    #[inline(always)]
    fn all_with<'a, S: Simd>(simd: S, a: &'a mut [f32], b: &'a [f32], ones: &'a [f32]) -> [f32; 4] {
        [dot(simd, a, b), dot3(simd, a, b, ones), max(simd, a), exp_sum(simd, a, 0.5)]
    }

    #[test]
    fn reductions_agree_with_plain_ones() {
        let a: Vec<f32> = (0..37).map(|i| (i as f32 * 0.7).sin()).collect();
        let b: Vec<f32> = (0..37).map(|i| (i as f32 * 0.3).cos()).collect();
        let [product, product3, largest, sum] = all(&mut a.clone(), &b, &[1.0; 37]);
        let plain: f32 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
        assert!((product - plain).abs() < 1e-5 && (product3 - plain).abs() < 1e-5);
        assert_eq!(largest, a.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        assert!((sum - a.iter().map(|a| (a - 0.5).exp()).sum::<f32>()).abs() < 1e-4);
    }
}
