//! How fast a core of this machine multiplies matrices: the measure that times of training are foretold by
//! where none was taken.

use std::time::{Duration, Instant};

use crate::cpu::matrix::{Matrix, MatrixMut};

/// Rows and columns: a product that fits into a core's own cache, as training's tasks do.
const SIZE: usize = 192;

/// Floating-point operations a second of one core in products of `f32` matrices, measured for `time`. It is
/// the best of many turns: others disturb and nobody helps.
#[must_use]
pub fn of_core(time: Duration) -> f64 {
    let (a, b) = (vec![0.5; SIZE * SIZE], vec![0.25; SIZE * SIZE]);
    let mut c = vec![0.0; SIZE * SIZE];
    let begun = Instant::now();
    let mut best = f64::INFINITY;
    while begun.elapsed() < time || best.is_infinite() {
        let turn = Instant::now();
        MatrixMut::new(&mut c, SIZE, SIZE).set(
            1.0,
            Matrix::new(&a, SIZE, SIZE),
            Matrix::new(&b, SIZE, SIZE).t(),
        );
        std::hint::black_box(&c);
        best = best.min(turn.elapsed().as_secs_f64());
    }
    2.0 * (SIZE as f64).powi(3) / best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_some_speed() {
        let speed = of_core(Duration::ZERO);
        assert!(speed.is_finite() && speed > 0.0);
    }
}
