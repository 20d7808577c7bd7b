//! Elementary functions in f64 for the few numbers that are not a kernel's work: factors of a schedule, losses as metrics, a
//! temperature. They come from additions, multiplications and divisions alone, so that they have the same bits on every
//! machine, which libm's have not.

use std::f64::consts::{LN_2, PI, SQRT_2};

/// x^n for whole n, by squaring.
pub(crate) fn whole_power(mut x: f64, mut n: u64) -> f64 {
    let mut power = 1.0;
    while n > 0 {
        if n % 2 == 1 {
            power *= x;
        }
        x *= x;
        n /= 2;
    }
    power
}

/// c_0 + c_1 x + c_2 x^2 + ..., for coefficients that are each a multiple of the one before:
/// `ratio(k)` is c_k / c_(k-1), and c_0 is 1.
#[inline(always)]
fn series(x: f64, terms: u32, ratio: impl Fn(f64) -> f64) -> f64 {
    (1..=terms).rev().fold(1.0, |sum, k| 1.0 + x * ratio(f64::from(k)) * sum)
}

/// The natural logarithm of x > 0 (finite and not subnormal), from that of its exponent and the series of artanh; within
/// 5e-16 of it, relatively.
pub(crate) fn ln(x: f64) -> f64 {
    const MANTISSA: u64 = (1 << 52) - 1;
    // x = m 2^n, with m in sqrt(1/2)..=sqrt(2).
    let mut n = ((x.to_bits() >> 52) as i32 - 1023) as f64;
    let mut m = f64::from_bits(x.to_bits() & MANTISSA | 1.0_f64.to_bits());
    if m > SQRT_2 {
        (m, n) = (m / 2.0, n + 1.0);
    }
    let s = (m - 1.0) / (m + 1.0);
    n * LN_2 + 2.0 * s * series(s * s, 14, |k| (2.0 * k - 1.0) / (2.0 * k + 1.0))
}

/// exp(x) of x <= 0, by halving x and squaring the result, which doubles its relative error: that is below 1e-15 (1 - x).
pub(crate) fn exp(x: f64) -> f64 {
    // exp(-746) rounds to 0.
    let (mut x, mut squarings) = (x.max(-746.0), 0);
    while x < -0.5 {
        (x, squarings) = (x / 2.0, squarings + 1);
    }
    let mut power = series(x, 16, |k| 1.0 / k);
    for _ in 0..squarings {
        power *= power;
    }
    power
}

/// cos(pi x) of x in 0..=1, from its series in 0..=pi/2.
pub(crate) fn cos_of_pi_times(x: f64) -> f64 {
    if x > 0.5 {
        return -cos_of_pi_times(1.0 - x);
    }
    let a = PI * x;
    series(-(a * a), 12, |k| 1.0 / ((2.0 * k - 1.0) * (2.0 * k)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cosine_is_that_of_the_standard_library() {
        for i in 0..=1000 {
            let x = f64::from(i) / 1000.0;
            // 1 is added to it.
            let error = cos_of_pi_times(x) - (PI * x).cos();
            assert!(error.abs() < 1e-15, "cosine: {error:e} off at {x}");
        }
    }

    #[test]
    fn powers_are_those_of_the_standard_library() {
        assert_eq!(whole_power(0.5, 77), 0.5f64.powi(77));
        assert!((whole_power(0.9, 77) / 0.9f64.powi(77) - 1.0).abs() < 2e-14);
        for i in 0..=70_000 {
            let x = -f64::from(i) / 100.0;
            let error = (exp(x) / x.exp() - 1.0).abs();
            assert!(error < 1e-15 * (1.0 - x), "exp({x}) is {:e}, not {:e}", exp(x), x.exp());
        }
        assert_eq!(exp(f64::NEG_INFINITY), 0.0);
    }

    /// Within a few roundings of the standard library's, near 1 as well.
    #[test]
    fn a_logarithm_is_that_of_the_standard_library() {
        let near_1 = (-1000..=1000).map(|i| 1.0 + f64::from(i) * 1e-9);
        let spread = (-70_000..=70_000).map(|i| (f64::from(i) / 100.0).exp());
        let floats = (0..1 << 16).map(|i| f64::from(f32::from_bits(0x3400_0000 + (i << 11))));
        for x in near_1.chain(spread).chain(floats) {
            let (found, expected) = (ln(x), x.ln());
            assert!((found - expected).abs() <= 5e-16 * expected.abs(), "ln({x}) is {found}, not {expected}");
        }
        assert_eq!(ln(1.0), 0.0);
    }
}
