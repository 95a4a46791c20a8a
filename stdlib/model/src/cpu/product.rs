//! The matrix product: its order of additions, which is part of every result, and its blocks, which are not.
//!
//! Each value of a product is a sum over the inner dimension in parts of [`DEPTH`] terms. A part is one chain
//! of multiply-adds from 0 on, in the order of the terms; parts are added one after the other to what is
//! there. How many rows and columns are computed at a time follows from the registers of the instruction set
//! and changes no bit.

use pulp::WithSimd;
use rayon::prelude::*;

use super::matrix::Matrix;
use super::simd::{Simd, arch};

/// Terms of a part of a sum. Part of the results: another number is other bits. A panel of so many rows stays
/// in a core's first caches.
const DEPTH: usize = 256;
/// Most columns of a panel: three vectors of 16.
const WIDEST: usize = 48;
/// Values from which a matrix is laid out by several threads.
const PARALLEL: usize = 1 << 16;

/// Vectors of a panel: with the rows of a tile, as many as registers hold.
const fn vectors(lanes: usize) -> usize {
    if lanes == 8 { 2 } else { 3 }
}

/// The right operand of products, laid out in panels of columns for the instruction set that it was made
/// with.
pub(crate) struct Packed {
    arch: pulp::Arch,
    /// `[panels, rows, width]`; columns beyond the last are zero.
    data: Vec<f32>,
    rows: usize,
    columns: usize,
    width: usize,
}

struct Width;

impl WithSimd for Width {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        vectors(S::F32_LANES) * S::F32_LANES
    }
}

impl Packed {
    /// Lays out a matrix once for many products.
    pub(crate) fn new(b: Matrix<'_>) -> Self {
        let arch = arch();
        let width = arch.dispatch(Width);
        let mut data = vec![0.0; b.columns.div_ceil(width) * width * b.rows];
        let pack = |(i, panel): (usize, &mut [f32])| {
            let first = i * width;
            arch.dispatch(Pack { b, first, columns: width.min(b.columns - first), panel });
        };
        let panel = width * b.rows.max(1);
        if data.len() < PARALLEL {
            data.chunks_exact_mut(panel).enumerate().for_each(pack);
        } else {
            data.par_chunks_exact_mut(panel).enumerate().for_each(pack);
        }
        Self { arch, data, rows: b.rows, columns: b.columns, width }
    }

    /// Columns that are computed together.
    pub(super) fn width(&self) -> usize {
        self.width
    }
}

/// Lays out one panel: `columns` columns of `b` from `first` on.
struct Pack<'a> {
    b: Matrix<'a>,
    first: usize,
    columns: usize,
    panel: &'a mut [f32],
}

impl WithSimd for Pack<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { b, first, columns, panel } = self;
        let width = vectors(S::F32_LANES) * S::F32_LANES;
        if b.column_stride == 1 {
            for (k, to) in panel.chunks_exact_mut(width).enumerate() {
                let from = &b.data[k * b.row_stride + first..];
                if columns == width {
                    // A length that the compiler knows is no call.
                    to.copy_from_slice(&from[..width]);
                } else {
                    to[..columns].copy_from_slice(&from[..columns]);
                }
            }
            return;
        }
        let mut done = 0;
        while done + 8 <= columns {
            let column = |j: usize| &b.data[(first + done + j) * b.column_stride..][..b.rows];
            columns_of_eight(std::array::from_fn(column), &mut panel[done..], width);
            done += 8;
        }
        for j in done..columns {
            let column = &b.data[(first + j) * b.column_stride..][..b.rows];
            for (k, value) in column.iter().enumerate() {
                panel[k * width + j] = *value;
            }
        }
    }
}

/// Copies eight columns, each one behind the other in memory, to rows of eight that are `width` apart.
#[inline(always)]
fn columns_of_eight(columns: [&[f32]; 8], to: &mut [f32], width: usize) {
    let mut done = 0;
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx") {
        while done + 8 <= columns[0].len() {
            let from = columns.map(|column| column[done..done + 8].first_chunk().expect("eight"));
            // SAFETY: the processor has AVX.
            let rows = unsafe { transposed(from) };
            for (k, row) in rows.iter().enumerate() {
                to[(done + k) * width..][..8].copy_from_slice(row);
            }
            done += 8;
        }
    }
    for k in done..columns[0].len() {
        for (j, column) in columns.iter().enumerate() {
            to[k * width + j] = column[k];
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx")]
fn transposed(from: [&[f32; 8]; 8]) -> [[f32; 8]; 8] {
    use std::arch::x86_64::*;
    let mut rows = [[0.0; 8]; 8];
    for (half, rows) in [0, 4].into_iter().zip(rows.as_chunks_mut::<4>().0) {
        // Values of columns `i` and `i + 4` in the halves of a register.
        let both = |i: usize| {
            // SAFETY: four values from `half` on are within the eight of a column.
            let (low, high) = unsafe {
                (_mm_loadu_ps(from[i].as_ptr().add(half)), _mm_loadu_ps(from[i + 4].as_ptr().add(half)))
            };
            _mm256_insertf128_ps::<1>(_mm256_castps128_ps256(low), high)
        };
        let [a, b, c, d] = [both(0), both(1), both(2), both(3)];
        let (ab_low, ab_high) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
        let (cd_low, cd_high) = (_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
        let all = [
            _mm256_shuffle_ps::<0x44>(ab_low, cd_low),
            _mm256_shuffle_ps::<0xee>(ab_low, cd_low),
            _mm256_shuffle_ps::<0x44>(ab_high, cd_high),
            _mm256_shuffle_ps::<0xee>(ab_high, cd_high),
        ];
        for (row, values) in rows.iter_mut().zip(all) {
            // SAFETY: a row has eight values.
            unsafe { _mm256_storeu_ps(row.as_mut_ptr(), values) };
        }
    }
    rows
}

/// `c = keep * c + scale * a * b`, for the columns of `c` from `first` on; `first` is a multiple of the width
/// of a panel. `b` may have more rows and columns than it takes.
pub(super) struct Product<'a> {
    pub(super) c: &'a mut [f32],
    /// Values from one row of `c` to the next.
    pub(super) stride: usize,
    pub(super) columns: usize,
    pub(super) first: usize,
    pub(super) keep: f32,
    pub(super) scale: f32,
    pub(super) a: Matrix<'a>,
    pub(super) b: &'a Packed,
}

impl Product<'_> {
    pub(super) fn compute(self) {
        let Self { c, stride, columns, first, a, b, .. } = &self;
        assert!(a.columns <= b.rows && *columns <= b.columns && first % b.width == 0, "shapes of a product");
        if a.rows == 0 || first >= columns {
            return;
        }
        assert!((a.rows - 1) * stride + columns <= c.len(), "a product outside its place");
        b.arch.dispatch(self);
    }
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match S::F32_LANES {
            8 => blocks::<S, 6>(simd, self),
            1 => blocks::<S, 4>(simd, self),
            _ => blocks::<S, 8>(simd, self),
        }
    }
}

/// The product in tiles of `R` rows and one panel.
#[inline(always)]
fn blocks<S: Simd, const R: usize>(simd: S, product: Product<'_>) {
    let Product { c, stride, columns, first, keep, scale, a, b } = product;
    let width = vectors(S::F32_LANES) * S::F32_LANES;
    let mut upright = Vec::new();
    let mut from = 0;
    loop {
        let count = DEPTH.min(a.columns - from);
        let keep = if from == 0 { keep } else { 1.0 };
        let is_upright = a.column_stride != 1;
        if is_upright {
            stand::<R>(a, from, count, &mut upright);
        }
        for left in (first..columns).step_by(width) {
            // SAFETY: `Packed` has `rows` rows of `width` values for each panel, and at least as many rows
            // and columns as the product takes: `compute` checked it.
            let panel = unsafe { b.data.as_ptr().add(left * b.rows + from * width) };
            let columns = width.min(columns - left);
            let mut row = 0;
            while row < a.rows {
                // SAFETY: `left < columns <= stride` and `row < a.rows`, and `compute` checked that `c` is as
                // large. `a` was checked by its constructor; `upright` has whole tiles of `R` rows.
                let (tile, values) = unsafe {
                    let c = c.as_mut_ptr().add(row * stride + left);
                    let values = if is_upright {
                        upright.as_ptr().add(row / R * R * count + row % R)
                    } else {
                        a.data.as_ptr().add(row * a.row_stride + from)
                    };
                    (Tile { panel, c, stride, columns, count, keep, scale }, values)
                };
                let step = if is_upright { R } else { a.row_stride };
                let left = a.rows - row;
                // SAFETY: as many rows as are left, at most.
                row += unsafe {
                    if left >= R {
                        tile.rows::<S, R>(simd, values, step, is_upright)
                    } else if R > 4 && left >= 4 {
                        tile.rows::<S, 4>(simd, values, step, is_upright)
                    } else if left >= 2 {
                        tile.rows::<S, 2>(simd, values, step, is_upright)
                    } else {
                        tile.rows::<S, 1>(simd, values, step, is_upright)
                    }
                };
            }
        }
        from += count;
        if from >= a.columns {
            break;
        }
    }
}

/// Lays out `count` columns of `a` from `from` on, whose rows are not contiguous, as tiles `[count, R]`.
#[inline(always)]
fn stand<const R: usize>(a: Matrix<'_>, from: usize, count: usize, to: &mut Vec<f32>) {
    to.resize(a.rows.next_multiple_of(R) * count, 0.0);
    for (i, tile) in to.chunks_exact_mut((R * count).max(1)).enumerate() {
        let first = i * R;
        for (k, to) in tile.as_chunks_mut::<R>().0.iter_mut().enumerate() {
            let values = &a.data[(from + k) * a.column_stride + first..];
            match values.first_chunk::<R>() {
                Some(values) if first + R <= a.rows => *to = *values,
                _ => to[..a.rows - first].copy_from_slice(&values[..a.rows - first]),
            }
        }
    }
}

/// Some rows of a product and the columns of one panel.
#[derive(Clone, Copy)]
struct Tile {
    panel: *const f32,
    c: *mut f32,
    stride: usize,
    columns: usize,
    count: usize,
    keep: f32,
    scale: f32,
}

impl Tile {
    /// Computes `R` rows. Value `k` of row `r` of `a` is at `r * step + k`, or at `k * step + r` where it
    /// stands upright.
    #[inline(always)]
    unsafe fn rows<S: Simd, const R: usize>(
        self,
        simd: S,
        a: *const f32,
        step: usize,
        upright: bool,
    ) -> usize {
        // SAFETY: as for this function.
        unsafe {
            match (self.columns.div_ceil(S::F32_LANES), upright) {
                (3, true) => self.compute::<S, R, 3, true>(simd, a, step),
                (3, false) => self.compute::<S, R, 3, false>(simd, a, step),
                (2, true) => self.compute::<S, R, 2, true>(simd, a, step),
                (2, false) => self.compute::<S, R, 2, false>(simd, a, step),
                (_, true) => self.compute::<S, R, 1, true>(simd, a, step),
                (_, false) => self.compute::<S, R, 1, false>(simd, a, step),
            }
        }
        R
    }

    #[inline(always)]
    #[allow(clippy::needless_range_loop, reason = "rows and vectors are unrolled, and index two arrays")]
    unsafe fn compute<S: Simd, const R: usize, const V: usize, const UPRIGHT: bool>(
        self,
        simd: S,
        a: *const f32,
        step: usize,
    ) {
        let lanes = S::F32_LANES;
        let width = vectors(lanes) * lanes;
        let mut sums = [[simd.splat_f32s(0.0); V]; R];
        // SAFETY: the caller vouches for `R` rows of `count` values at `a`, for `count` rows of `width`
        // values at `panel`, and for `R` rows of `columns` values at `c`.
        unsafe {
            for k in 0..self.count {
                let panel = self.panel.add(k * width);
                let mut b = [simd.splat_f32s(0.0); V];
                for v in 0..V {
                    b[v] = panel.add(v * lanes).cast::<S::f32s>().read_unaligned();
                }
                for r in 0..R {
                    let value = if UPRIGHT { *a.add(k * step + r) } else { *a.add(r * step + k) };
                    let value = simd.splat_f32s(value);
                    for v in 0..V {
                        sums[r][v] = simd.mul_add_f32s(value, b[v], sums[r][v]);
                    }
                }
            }
            let (keep, scale) = (simd.splat_f32s(self.keep), simd.splat_f32s(self.scale));
            if self.columns == V * lanes {
                for r in 0..R {
                    for v in 0..V {
                        let to = self.c.add(r * self.stride + v * lanes).cast::<S::f32s>();
                        to.write_unaligned(if self.keep == 0.0 {
                            simd.mul_f32s(scale, sums[r][v])
                        } else {
                            let kept = simd.mul_f32s(keep, to.read_unaligned());
                            simd.mul_add_f32s(scale, sums[r][v], kept)
                        });
                    }
                }
                return;
            }
            for r in 0..R {
                // A copy: sums whose address is taken would not stay in registers.
                let mut row = [0.0f32; WIDEST];
                for v in 0..V {
                    row.as_mut_ptr().add(v * lanes).cast::<S::f32s>().write_unaligned(sums[r][v]);
                }
                for (j, sum) in row[..self.columns].iter().enumerate() {
                    let to = self.c.add(r * self.stride + j);
                    *to = if self.keep == 0.0 {
                        self.scale * sum
                    } else {
                        self.scale.mul_add(*sum, self.keep * *to)
                    };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::matrix::MatrixMut;
    use super::super::simd::Instructions;
    use super::*;

    fn values(len: usize) -> Vec<f32> {
        (0..len).map(|i| ((i * 7919 % 1013) as f32 - 500.0) / 500.0).collect()
    }

    /// What the module's text says, one value after the other.
    fn plain(c: &mut [f32], (m, n, k): (usize, usize, usize), keep: f32, scale: f32, a: &[f32], b: &[f32]) {
        for (at, c) in c.iter_mut().enumerate().take(m * n) {
            let (i, j) = (at / n, at % n);
            let terms: Vec<usize> = (0..k).collect();
            for (part, terms) in terms.chunks(DEPTH).enumerate() {
                let sum = terms.iter().fold(0.0f32, |sum, l| a[i * k + l].mul_add(b[l * n + j], sum));
                let keep = if part == 0 { keep } else { 1.0 };
                *c = if keep == 0.0 { scale * sum } else { scale.mul_add(sum, keep * *c) };
            }
        }
    }

    #[test]
    fn every_instruction_set_and_layout_gives_the_bits_of_the_definition() {
        for (set, name) in Instructions::ALL {
            if !set.choose() {
                eprintln!("not run: {name}");
                continue;
            }
            for sizes @ (m, n, k) in
                [(1, 1, 1), (5, 7, 9), (13, 37, 300), (17, 96, 64), (8, 48, 256), (23, 50, 513), (3, 20, 0)]
            {
                let (a, b, before) = (values(m * k), values(k * n), values(m * n));
                let turned = |values: &[f32], rows: usize, columns: usize| -> Vec<f32> {
                    (0..values.len()).map(|i| values[i % rows * columns + i / rows]).collect()
                };
                let (at, bt) = (turned(&a, m.max(1), k), turned(&b, k.max(1), n));
                for (keep, scale) in [(0.0, 1.0), (1.0, 1.0), (-4.7, 2.0)] {
                    let mut expected = before.clone();
                    plain(&mut expected, sizes, keep, scale, &a, &b);
                    if k == 0 {
                        expected.iter_mut().for_each(|value| *value *= keep);
                    }
                    for a in [Matrix::new(&a, m, k), Matrix::new(&at, k, m).t()] {
                        for b in [Matrix::new(&b, k, n), Matrix::new(&bt, n, k).t()] {
                            let mut c = before.clone();
                            MatrixMut::new(&mut c, m, n).product(keep, scale, a, b);
                            assert!(c == expected, "{name} {sizes:?} {keep}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_part_of_a_laid_out_matrix_is_as_that_part_alone() {
        let (m, n, k) = (9, 120, 70);
        let (a, b) = (values(m * k), values(k * n));
        let packed = Packed::new(Matrix::new(&b, k, n));
        let (fewer, terms) = (51, 33);
        let a = Matrix::strided(&a, m, terms, k);
        let (mut part, mut alone) = (vec![0.0; m * fewer], vec![0.0; m * fewer]);
        MatrixMut::new(&mut part, m, fewer).product_with(0.0, 1.0, a, &packed);
        MatrixMut::new(&mut alone, m, fewer).set(1.0, a, Matrix::strided(&b, terms, fewer, n));
        assert!(part == alone);
    }

    #[test]
    fn a_symmetric_product_is_the_whole_one() {
        let (n, k) = (150, 40);
        let x = values(n * k);
        let x = Matrix::new(&x, n, k);
        let (mut half, mut whole) = (vec![0.0; n * n], vec![0.0; n * n]);
        MatrixMut::new(&mut half, n, n).symmetric(0.0, 1.5, x, x.t());
        MatrixMut::new(&mut whole, n, n).set(1.5, x, x.t());
        assert!(half == whole);
    }
}
