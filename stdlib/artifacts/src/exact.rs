//! Functions whose results are the same bits on every processor and system.
//!
//! The standard library's `ln`, `cos` and the like come from the system's C library, which has several of
//! each and chooses by processor. These are compiled from one source (musl's, by the crate `libm`) without
//! contracted multiply-adds. What becomes a weight, an order or a score goes through them.

/// The natural logarithm.
#[must_use]
pub fn ln(x: f64) -> f64 {
    libm::log(x)
}

/// The natural logarithm, in single precision.
#[must_use]
pub fn ln_f32(x: f32) -> f32 {
    libm::logf(x)
}

/// e to the power of `x`.
#[must_use]
pub fn exp(x: f64) -> f64 {
    libm::exp(x)
}

/// e to the power of `x`, in single precision.
#[must_use]
pub fn exp_f32(x: f32) -> f32 {
    libm::expf(x)
}

/// The cosine.
#[must_use]
pub fn cos(x: f64) -> f64 {
    libm::cos(x)
}

/// The sine.
#[must_use]
pub fn sin(x: f64) -> f64 {
    libm::sin(x)
}

/// `x` to the power of `y`.
#[must_use]
pub fn pow(x: f64, y: f64) -> f64 {
    libm::pow(x, y)
}

/// `x` to the power of `n`, by squaring: the order of the multiplications is this one.
#[must_use]
pub fn powi(x: f64, n: u32) -> f64 {
    let (mut result, mut square, mut left) = (1.0, x, n);
    while left > 0 {
        if left & 1 == 1 {
            result *= square;
        }
        square *= square;
        left >>= 1;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bits of one argument each, for every system that the tests run on.
    #[test]
    fn bits_are_what_they_were() {
        let found = [ln(3.7), exp(-1.3), cos(101.7), sin(77.3), pow(10_000.0, -0.37), powi(0.95, 1001)];
        let single = [ln_f32(3.7), exp_f32(-1.3)];
        assert_eq!(found.map(f64::to_bits), DOUBLE, "{found:?}");
        assert_eq!(single.map(f32::to_bits), SINGLE, "{single:?}");
    }

    #[test]
    fn they_are_the_functions_they_say() {
        for i in 1..1000 {
            let x = f64::from(i) * 0.173;
            let close = |a: f64, b: f64| assert!((a - b).abs() <= 1e-14 * b.abs().max(1.0), "{x}: {a} {b}");
            close(ln(x), x.ln());
            close(exp(-x), (-x).exp());
            close(cos(x), x.cos());
            close(sin(x), x.sin());
            close(pow(x, -0.3), x.powf(-0.3));
            close(powi(0.999, i), 0.999f64.powf(f64::from(i)));
        }
    }

    const DOUBLE: [u64; 6] = [
        0x3ff4_eeee_650a_e550,
        0x3fd1_7129_308c_e281,
        0x3fd9_06cc_6b8c_3e5a,
        0x3fee_435f_ac43_08d4,
        0x3fa0_f433_ab7d_b926,
        0x3b4e_6343_9d77_f00e,
    ];
    const SINGLE: [u32; 2] = [0x3fa7_7773, 0x3e8b_894a];
}
