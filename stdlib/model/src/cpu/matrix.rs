//! Matrix products on one thread, by the `gemm` crate. Callers split the work.

use gemm::{Parallelism, gemm};
use rayon::prelude::*;

/// Rows of a weight's gradient that one task computes.
const GRADIENT_ROWS: usize = 64;

/// A view of a matrix with any strides.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// `rows` by `columns`, rows one behind the other.
    pub(crate) fn new(data: &'a [f32], rows: usize, columns: usize) -> Self {
        Self::strided(data, rows, columns, columns)
    }

    /// `rows` by `columns`, with `row_stride` values from one row to the next.
    pub(crate) fn strided(data: &'a [f32], rows: usize, columns: usize, row_stride: usize) -> Self {
        assert!(
            columns <= row_stride && within(data.len(), rows, columns, row_stride),
            "matrix outside its data"
        );
        Self { data, rows, columns, row_stride, column_stride: 1 }
    }

    /// The transpose; nothing moves.
    pub(crate) fn t(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }
}

fn within(len: usize, rows: usize, columns: usize, row_stride: usize) -> bool {
    rows == 0 || columns == 0 || (rows - 1) * row_stride + columns <= len
}

/// A matrix to write to, rows `row_stride` values apart.
pub(crate) struct MatrixMut<'a> {
    data: &'a mut [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
}

impl<'a> MatrixMut<'a> {
    /// `rows` by `columns`, rows one behind the other.
    pub(crate) fn new(data: &'a mut [f32], rows: usize, columns: usize) -> Self {
        Self::strided(data, rows, columns, columns)
    }

    /// `rows` by `columns`, with `row_stride` values from one row to the next.
    pub(crate) fn strided(data: &'a mut [f32], rows: usize, columns: usize, row_stride: usize) -> Self {
        assert!(
            columns <= row_stride && within(data.len(), rows, columns, row_stride),
            "matrix outside its data"
        );
        Self { data, rows, columns, row_stride }
    }

    /// `self = scale * a * b`.
    pub(crate) fn set(self, scale: f32, a: Matrix<'_>, b: Matrix<'_>) {
        self.product(0.0, scale, a, b);
    }

    /// `self = keep * self + scale * a * b`.
    pub(crate) fn product(self, keep: f32, scale: f32, a: Matrix<'_>, b: Matrix<'_>) {
        assert!(
            a.columns == b.rows && a.rows == self.rows && b.columns == self.columns,
            "shapes of a product"
        );
        if self.rows == 0 || self.columns == 0 {
            return;
        }
        // SAFETY: the constructors checked that every element of the three views lies inside its slice, the
        // shapes agree, and `self` is borrowed mutably, so it overlaps neither operand.
        unsafe {
            gemm(
                self.rows,
                self.columns,
                a.columns,
                self.data.as_mut_ptr(),
                1,
                self.row_stride as isize,
                keep != 0.0,
                a.data.as_ptr(),
                a.column_stride as isize,
                a.row_stride as isize,
                b.data.as_ptr(),
                b.column_stride as isize,
                b.row_stride as isize,
                keep,
                scale,
                false,
                false,
                false,
                Parallelism::None,
            );
        }
    }
}

/// The gradient of a weight `[out, in]`: `dyᵀ x`, summed over all rows.
pub(crate) struct WeightGradient<'a> {
    /// `[out, in]`, written.
    pub(crate) gradient: &'a mut [f32],
    /// Gradient of the product's result, `[rows, out]`.
    pub(crate) dy: Matrix<'a>,
    /// What the product was taken of, `[rows, in]`.
    pub(crate) x: Matrix<'a>,
    /// Whether to add to what is there.
    pub(crate) accumulate: bool,
}

/// Computes gradients of weights, in parallel over blocks of their rows.
pub(crate) fn weight_gradients<const N: usize>(all: [WeightGradient<'_>; N]) {
    let mut tasks = Vec::new();
    for WeightGradient { gradient, dy, x, accumulate } in all {
        for (i, block) in gradient.chunks_mut(GRADIENT_ROWS * x.columns).enumerate() {
            let rows = block.len() / x.columns;
            let first = i * GRADIENT_ROWS;
            let dy = Matrix { data: &dy.data[first * dy.column_stride..], columns: rows, ..dy };
            tasks.push((block, dy, x, if accumulate { 1.0 } else { 0.0 }));
        }
    }
    tasks.into_par_iter().for_each(|(block, dy, x, keep)| {
        MatrixMut::new(block, dy.columns, x.columns).product(keep, 1.0, dy.t(), x);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(a: &[f32], b: &[f32], m: usize, n: usize, k: usize) -> Vec<f32> {
        let mut c = vec![0.0; m * n];
        for i in 0..m {
            for j in 0..n {
                c[i * n + j] = (0..k).map(|l| a[i * k + l] * b[l * n + j]).sum();
            }
        }
        c
    }

    fn values(len: usize) -> Vec<f32> {
        (0..len).map(|i| ((i * 7919 % 101) as f32 - 50.0) / 50.0).collect()
    }

    fn close(a: &[f32], b: &[f32]) {
        assert_eq!(a.len(), b.len());
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-4), "{a:?} {b:?}");
    }

    #[test]
    fn transposed_and_accumulated() {
        let (m, n, k) = (5, 7, 9);
        let (a, b) = (values(m * k), values(k * n));
        let expected = plain(&a, &b, m, n, k);
        let bt: Vec<f32> = (0..n * k).map(|i| b[i % k * n + i / k]).collect();
        let mut c = vec![0.0; m * n];
        MatrixMut::new(&mut c, m, n).set(1.0, Matrix::new(&a, m, k), Matrix::new(&bt, n, k).t());
        close(&c, &expected);
        MatrixMut::new(&mut c, m, n).product(1.0, 2.0, Matrix::new(&a, m, k), Matrix::new(&b, k, n));
        close(&c, &expected.iter().map(|v| 3.0 * v).collect::<Vec<_>>());
    }

    #[test]
    fn gradient_of_a_weight() {
        let (rows, out, inner) = (11, 70, 6);
        let (dy, x) = (values(rows * out), values(rows * inner));
        let dyt: Vec<f32> = (0..rows * out).map(|i| dy[i % rows * out + i / rows]).collect();
        let mut gradient = vec![0.0; out * inner];
        let (dy, x_view) = (Matrix::new(&dy, rows, out), Matrix::new(&x, rows, inner));
        weight_gradients([WeightGradient { gradient: &mut gradient, dy, x: x_view, accumulate: false }]);
        close(&gradient, &plain(&dyt, &x, out, inner, rows));
    }
}
