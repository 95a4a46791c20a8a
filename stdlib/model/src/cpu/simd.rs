//! Vectorised loops: compiled for several instruction sets, chosen at run time, with the same bits from each.
//!
//! A kernel is a function over `S: Simd` with `#[inline(always)]`, and `#[with_simd(name = arch())]` makes
//! the function `name` that runs it with the widest vectors of this machine. Plain loops inside are
//! vectorised by the compiler, which never turns `a * b + c` into one rounding nor changes an order; sums are
//! written out here over [`LANES`] partial sums, however wide the vectors are, added as a tree of one shape.
//! Where a multiply-add is meant it is `mul_add`, which is exact in software where the processor has none.

use std::sync::atomic::{AtomicU8, Ordering};

use llmp_stage::{Error, Result};
use pulp::Arch;
pub(crate) use pulp::{Simd, with_simd};

/// Partial sums of a sum. Part of the results: another number is other bits.
const LANES: usize = 16;

/// The environment variable that narrows [`arch`], to measure and to test. It never changes a result, so it
/// enters no key.
pub(crate) const VARIABLE: &str = "LLMP_INSTRUCTIONS";

/// An instruction set that kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Instructions {
    /// What every processor of this architecture has; slow on x86-64, which has no multiply-add there.
    Portable = 1,
    /// AVX2 and FMA.
    Avx2,
    /// AVX-512.
    Avx512,
    /// NEON, of every 64-bit ARM processor.
    Neon,
}

impl Instructions {
    pub(crate) const ALL: [(Self, &str); 4] =
        [(Self::Portable, "portable"), (Self::Avx2, "avx2"), (Self::Avx512, "avx512"), (Self::Neon, "neon")];

    /// The token that kernels are dispatched with; `None` where this machine has not got them.
    #[inline(always)]
    fn arch(self) -> Option<Arch> {
        match self {
            Self::Portable => Some(Arch::Scalar),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => pulp::x86::V3::try_new().map(Arch::V3),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => pulp::x86::V4::try_new().map(Arch::V4),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => pulp::aarch64::Neon::try_new().map(Arch::Neon),
            #[allow(unreachable_patterns, reason = "the sets of other architectures")]
            _ => None,
        }
    }

    /// The widest of this machine.
    fn widest() -> Self {
        let has = |set: &Self| set.arch().is_some();
        [Self::Avx512, Self::Avx2, Self::Neon].into_iter().find(has).unwrap_or(Self::Portable)
    }

    /// Uses these from now on; whether this machine has them. What runs meanwhile gives the same results.
    pub(crate) fn choose(self) -> bool {
        let has = self.arch().is_some();
        if has {
            CHOSEN.store(self as u8, Ordering::Relaxed);
        }
        has
    }

    /// Uses what [`VARIABLE`] says, or the widest.
    ///
    /// # Errors
    /// Where it names none, or one that this machine has not got.
    pub(crate) fn choose_as_asked() -> Result<()> {
        if CHOSEN.load(Ordering::Relaxed) != 0 {
            return Ok(());
        }
        let Some(asked) = std::env::var_os(VARIABLE) else {
            Self::widest().choose();
            return Ok(());
        };
        let found = Self::ALL.into_iter().find(|(set, name)| *name == asked && set.choose());
        found.map(|_| ()).ok_or_else(|| not_here(&asked.to_string_lossy()))
    }
}

/// The [`Instructions`] in use, 0 before any were chosen.
static CHOSEN: AtomicU8 = AtomicU8::new(0);

fn not_here(asked: &str) -> Error {
    let here = Instructions::ALL.into_iter().filter(|(set, _)| set.arch().is_some());
    let here: Vec<String> = here.map(|(_, name)| format!("`{name}`")).collect();
    Error::new(format!("this processor has no instruction set `{asked}`, which `{VARIABLE}` asks for"))
        .help(format!("it has {}; without the variable the last of them is used", here.join(", ")))
}

/// The instruction set that kernels run with.
#[inline(always)]
pub(crate) fn arch() -> Arch {
    let chosen = CHOSEN.load(Ordering::Relaxed);
    let chosen = Instructions::ALL.iter().find(|(set, _)| *set as u8 == chosen);
    chosen.and_then(|(set, _)| set.arch()).unwrap_or_default()
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

/// Zeros behind what is left over of a vector: they add nothing to a sum.
#[inline(always)]
fn filled(rest: &[f32], with: f32) -> [f32; LANES] {
    let mut all = [with; LANES];
    all[..rest.len()].copy_from_slice(rest);
    all
}

/// The sum of partial sums, as a tree.
#[inline(always)]
fn total(sums: [f32; LANES]) -> f32 {
    let mut sums = sums;
    for i in 0..8 {
        sums[i] += sums[i + 8];
    }
    for i in 0..4 {
        sums[i] += sums[i + 4];
    }
    (sums[0] + sums[2]) + (sums[1] + sums[3])
}

/// Scalar product.
#[inline(always)]
pub(crate) fn dot<S: Simd>(_: S, a: &[f32], b: &[f32]) -> f32 {
    #[inline(always)]
    fn add(sums: &mut [f32; LANES], a: &[f32; LANES], b: &[f32; LANES]) {
        for i in 0..LANES {
            sums[i] = a[i].mul_add(b[i], sums[i]);
        }
    }
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks(), b.as_chunks());
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        add(&mut sums, a, b);
    }
    if !a_rest.is_empty() {
        add(&mut sums, &filled(a_rest, 0.0), &filled(b_rest, 0.0));
    }
    total(sums)
}

/// Scalar product of three vectors, `sum(a * b * c)`.
#[inline(always)]
pub(crate) fn dot3<S: Simd>(_: S, a: &[f32], b: &[f32], c: &[f32]) -> f32 {
    #[inline(always)]
    fn add(sums: &mut [f32; LANES], a: &[f32; LANES], b: &[f32; LANES], c: &[f32; LANES]) {
        for i in 0..LANES {
            sums[i] = (a[i] * b[i]).mul_add(c[i], sums[i]);
        }
    }
    let ((a, a_rest), (b, b_rest), (c, c_rest)) = (a.as_chunks(), b.as_chunks(), c.as_chunks());
    let mut sums = [0.0; LANES];
    for ((a, b), c) in a.iter().zip(b).zip(c) {
        add(&mut sums, a, b, c);
    }
    if !a_rest.is_empty() {
        add(&mut sums, &filled(a_rest, 0.0), &filled(b_rest, 0.0), &filled(c_rest, 0.0));
    }
    total(sums)
}

/// Largest value; negative infinity of nothing.
#[inline(always)]
pub(crate) fn max<S: Simd>(_: S, values: &[f32]) -> f32 {
    let (values, rest) = values.as_chunks();
    let mut largest = [f32::NEG_INFINITY; LANES];
    #[inline(always)]
    fn take(largest: &mut [f32; LANES], values: &[f32; LANES]) {
        for i in 0..LANES {
            largest[i] = if values[i] > largest[i] { values[i] } else { largest[i] };
        }
    }
    for values in values {
        take(&mut largest, values);
    }
    if !rest.is_empty() {
        take(&mut largest, &filled(rest, f32::NEG_INFINITY));
    }
    let mut result = f32::NEG_INFINITY;
    for value in largest {
        result = if value > result { value } else { result };
    }
    result
}

/// Sum.
#[inline(always)]
pub(crate) fn sum<S: Simd>(_: S, values: &[f32]) -> f32 {
    #[inline(always)]
    fn add(sums: &mut [f32; LANES], values: &[f32; LANES]) {
        for i in 0..LANES {
            sums[i] += values[i];
        }
    }
    let (values, rest) = values.as_chunks();
    let mut sums = [0.0; LANES];
    for values in values {
        add(&mut sums, values);
    }
    if !rest.is_empty() {
        add(&mut sums, &filled(rest, 0.0));
    }
    total(sums)
}

/// Replaces each value by `exp(value - shift)` and returns their sum.
#[inline(always)]
pub(crate) fn exp_sum<S: Simd>(simd: S, values: &mut [f32], shift: f32) -> f32 {
    for value in values.iter_mut() {
        *value = exp(*value - shift);
    }
    sum(simd, values)
}

/// Replaces each value by its exponential, and those that are next to nothing by 0.
#[with_simd(exp_all = arch())]
#[inline(always)]
#[allow(clippy::needless_lifetimes, reason = "`with_simd` asks for them")]
pub(crate) fn exp_all_with<'a, S: Simd>(_: S, values: &'a mut [f32]) {
    for value in values {
        *value = if *value < -87.0 { 0.0 } else { exp(*value) };
    }
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
    fn every_instruction_set_gives_the_same_bits() {
        let values = |from: f32| (0..211).map(|i| (i as f32 * 0.7 + from).sin() * 9.0).collect::<Vec<f32>>();
        let (a, b, c) = (values(0.0), values(1.0), values(2.0));
        let results = |arch: Arch, n: usize| {
            let mut exponentials = a[..n].to_vec();
            let mut run = [0.0; 4];
            arch.dispatch(All { a: &mut exponentials, b: &b[..n], c: &c[..n], results: &mut run });
            (exponentials, run)
        };
        for (set, name) in Instructions::ALL {
            let Some(arch) = set.arch() else {
                eprintln!("not run: {name}");
                continue;
            };
            for n in [0, 1, 7, 16, 31, 32, 96, 211] {
                let bits = |(values, sums): (Vec<f32>, [f32; 4])| -> Vec<u32> {
                    values.into_iter().chain(sums).map(f32::to_bits).collect()
                };
                assert_eq!(bits(results(arch, n)), bits(results(Arch::Scalar, n)), "{name}, {n} values");
            }
        }
    }

    struct All<'a> {
        a: &'a mut [f32],
        b: &'a [f32],
        c: &'a [f32],
        results: &'a mut [f32; 4],
    }

    impl pulp::WithSimd for All<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let All { a, b, c, results } = self;
            *results = [dot(simd, a, b), dot3(simd, a, b, c), max(simd, a), exp_sum(simd, a, 0.5)];
        }
    }

    #[test]
    fn an_instruction_set_that_is_not_here_is_an_error() {
        let error = not_here("mmx");
        assert!(error.to_string().contains("no instruction set `mmx`"), "{error}");
        assert!(error.help_text().unwrap().contains("`portable`"));
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
