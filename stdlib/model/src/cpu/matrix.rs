//! Views of matrices, and their products on one thread. Callers split the work.

use rayon::prelude::*;

pub(crate) use super::product::Packed;
use super::product::Product;

/// Rows of a weight's gradient that one task computes.
const GRADIENT_ROWS: usize = 64;

/// A view of a matrix with any strides.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    pub(super) data: &'a [f32],
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) row_stride: usize,
    pub(super) column_stride: usize,
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

    /// Whether both are one view.
    fn is(&self, other: Self) -> bool {
        std::ptr::eq(self.data, other.data)
            && [self.rows, self.columns, self.row_stride, self.column_stride]
                == [other.rows, other.columns, other.row_stride, other.column_stride]
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
        self.product_with(keep, scale, a, &Packed::new(b));
    }

    /// `self = scale * a * b`, with a part of `b`: see [`MatrixMut::product_with`].
    pub(crate) fn set_with(self, scale: f32, a: Matrix<'_>, b: &Packed) {
        self.product_with(0.0, scale, a, b);
    }

    /// `self = keep * self + scale * a * b`, with as many of the first rows and columns of `b` as it takes.
    pub(crate) fn product_with(self, keep: f32, scale: f32, a: Matrix<'_>, b: &Packed) {
        assert!(a.rows == self.rows, "shapes of a product");
        let Self { data: c, columns, row_stride: stride, .. } = self;
        Product { c, stride, columns, first: 0, keep, scale, a, b }.compute();
    }

    /// As [`MatrixMut::product`], where the result and what is there are symmetric: half of it is computed
    /// and the other half copied, to the same bits.
    pub(crate) fn symmetric(self, keep: f32, scale: f32, a: Matrix<'_>, b: Matrix<'_>) {
        let n = self.rows;
        assert!(n == self.columns && a.rows == n && b.columns == n, "shapes of a symmetric product");
        let Self { data: c, row_stride: stride, .. } = self;
        let b = &Packed::new(b);
        for first in (0..n).step_by(b.width()) {
            let rows = b.width().min(n - first);
            let c = &mut c[first * stride..];
            let a = Matrix { data: &a.data[first * a.row_stride..], rows, ..a };
            Product { c, stride, columns: n, first, keep, scale, a, b }.compute();
        }
        for i in 1..n {
            let (above, below) = c.split_at_mut(i * stride);
            for (j, value) in below[..i].iter_mut().enumerate() {
                *value = above[j * stride + i];
            }
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
    // What several products are taken of is laid out once.
    let mut inputs: Vec<(Matrix<'_>, Packed)> = Vec::new();
    let places: Vec<usize> = all
        .iter()
        .map(|gradient| {
            let x = gradient.x;
            inputs.iter().position(|(other, _)| other.is(x)).unwrap_or_else(|| {
                inputs.push((x, Packed::new(x)));
                inputs.len() - 1
            })
        })
        .collect();
    let mut tasks = Vec::new();
    for (WeightGradient { gradient, dy, x, accumulate }, place) in all.into_iter().zip(places) {
        for (i, block) in gradient.chunks_mut(GRADIENT_ROWS * x.columns).enumerate() {
            let rows = block.len() / x.columns;
            let first = i * GRADIENT_ROWS;
            let dy = Matrix { data: &dy.data[first * dy.column_stride..], columns: rows, ..dy };
            tasks.push((block, dy, &inputs[place].1, if accumulate { 1.0 } else { 0.0 }, x.columns));
        }
    }
    tasks.into_par_iter().for_each(|(block, dy, x, keep, columns)| {
        MatrixMut::new(block, dy.columns, columns).product_with(keep, 1.0, dy.t(), x);
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
