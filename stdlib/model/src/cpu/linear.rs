//! Products with a weight that is laid out once and used many times: decoding.
//!
//! The weight stands in panels of [`PANEL`] outputs. Each result is one chain of multiply-adds over the
//! inputs, however many rows there are, so that a row's result does not depend on the rows beside it.

use rayon::prelude::*;

use super::simd::{Simd, arch, with_simd};

/// Outputs of a panel.
const PANEL: usize = 32;
/// Multiply-adds from which a product is split over threads.
const PARALLEL: usize = 1 << 21;

/// A weight `[out, in]`, laid out for products with rows.
pub(crate) struct Linear {
    /// `[panels, in, PANEL]`; outputs beyond the last are zero.
    panels: Vec<[f32; PANEL]>,
    inputs: usize,
    outputs: usize,
}

impl Linear {
    /// Lays out `weight` `[outputs, inputs]`.
    pub(crate) fn new(weight: &[f32], outputs: usize, inputs: usize) -> Self {
        let mut panels = vec![[0.0; PANEL]; outputs.div_ceil(PANEL) * inputs];
        for (output, row) in weight.chunks_exact(inputs).enumerate() {
            let panel = &mut panels[output / PANEL * inputs..][..inputs];
            for (to, value) in panel.iter_mut().zip(row) {
                to[output % PANEL] = *value;
            }
        }
        Self { panels, inputs, outputs }
    }

    /// `x · weightᵀ`; `x` is `[rows, in]`, the result `[rows, out]`.
    pub(crate) fn apply(&self, x: &[f32]) -> Vec<f32> {
        let rows = x.len() / self.inputs;
        let mut y = vec![0.0; rows * self.outputs];
        let panels = self.panels.par_chunks_exact(self.inputs);
        if rows * self.inputs * self.outputs < PARALLEL || rayon::current_num_threads() == 1 {
            let mut part = vec![0.0; rows * PANEL];
            for (i, panel) in self.panels.chunks_exact(self.inputs).enumerate() {
                product(panel, x, &mut part);
                self.place(i, &part, &mut y);
            }
        } else {
            let mut parts = vec![0.0; panels.len() * rows * PANEL];
            parts.par_chunks_mut(rows * PANEL).zip(panels).for_each(|(part, panel)| product(panel, x, part));
            for (i, part) in parts.chunks_exact(rows * PANEL).enumerate() {
                self.place(i, part, &mut y);
            }
        }
        y
    }

    /// Copies panel `i`'s results `[rows, PANEL]` to their columns of `y`.
    fn place(&self, i: usize, part: &[f32], y: &mut [f32]) {
        let width = PANEL.min(self.outputs - i * PANEL);
        for (part, y) in part.chunks_exact(PANEL).zip(y.chunks_exact_mut(self.outputs)) {
            y[i * PANEL..][..width].copy_from_slice(&part[..width]);
        }
    }
}

/// Results of one panel, `[rows, PANEL]`. Rows that share a pass over the panel are as many as registers
/// allow.
#[with_simd(product = arch())]
#[inline(always)]
fn product_with<'a, S: Simd>(simd: S, panel: &'a [[f32; PANEL]], x: &'a [f32], out: &'a mut [f32]) {
    let done = match S::F32_LANES {
        16.. => blocks::<S, 8>(simd, panel, x, out),
        _ => blocks::<S, 4>(simd, panel, x, out),
    };
    blocks::<S, 1>(simd, panel, &x[done * panel.len()..], &mut out[done * PANEL..]);
}

/// Results of as many whole blocks of `R` rows as there are; how many rows that is.
#[inline(always)]
fn blocks<S: Simd, const R: usize>(simd: S, panel: &[[f32; PANEL]], x: &[f32], out: &mut [f32]) -> usize {
    let mut done = 0;
    for (x, out) in x.chunks_exact(R * panel.len()).zip(out.chunks_exact_mut(R * PANEL)) {
        rows::<S, R>(simd, panel, x, out);
        done += R;
    }
    done
}

/// Results of `R` rows of one panel, two vectors of outputs at a time so that the sums stay in registers.
#[inline(always)]
fn rows<S: Simd, const R: usize>(simd: S, panel: &[[f32; PANEL]], x: &[f32], out: &mut [f32]) {
    let inputs = panel.len();
    let x: [&[f32]; R] = std::array::from_fn(
        #[inline(always)]
        |r| &x[r * inputs..][..inputs],
    );
    let step = 2 * S::F32_LANES;
    for from in (0..PANEL).step_by(step) {
        let mut sums = [[simd.splat_f32s(0.0); 2]; R];
        for (k, weights) in panel.iter().enumerate() {
            let (weights, _) = S::as_simd_f32s(&weights[from..from + step]);
            for r in 0..R {
                let value = simd.splat_f32s(x[r][k]);
                sums[r][0] = simd.mul_add_f32s(value, weights[0], sums[r][0]);
                sums[r][1] = simd.mul_add_f32s(value, weights[1], sums[r][1]);
            }
        }
        for (out, sums) in out.chunks_exact_mut(PANEL).zip(&sums) {
            let (out, _) = S::as_mut_simd_f32s(&mut out[from..from + step]);
            out.copy_from_slice(sums);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_do_not_depend_on_each_other() {
        for (rows, outputs, inputs) in [(1, 5, 3), (7, 70, 33), (9, 1100, 300)] {
            let values = |len: usize| (0..len).map(|i| (i as f32 * 0.37).sin()).collect::<Vec<f32>>();
            let (x, weight) = (values(rows * inputs), values(outputs * inputs));
            let linear = Linear::new(&weight, outputs, inputs);
            let y = linear.apply(&x);
            for (x, y) in x.chunks_exact(inputs).zip(y.chunks_exact(outputs)) {
                assert_eq!(linear.apply(x), y);
                for (weight, y) in weight.chunks_exact(inputs).zip(y) {
                    let plain: f32 = weight.iter().zip(x).map(|(a, b)| a * b).sum();
                    assert!((plain - y).abs() < 1e-3);
                }
            }
        }
    }
}
