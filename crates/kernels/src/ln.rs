//! The natural logarithm.
//!
//! With x = 2^n m and m in sqrt(1/2)..sqrt(2), ln(x) = n ln 2 + ln(m); n times the first part of ln 2 is exact (see
//! `exp.rs`). With f = m - 1, which is exact, and s = f / (2 + f), ln(m) = 2 artanh(s) = f - s (f - r), where r is s^2 times
//! a polynomial in s^2 of degree three, found with the Remez algorithm (relative error of artanh 4.8e-12 before its
//! coefficients are rounded). Written like that, all that is rounded on the way is small beside f.

use crate::dispatch;
use crate::exp::{LN_2_HIGH, LN_2_LOW};
use crate::level::Level;
use crate::simd::{Splat, Vector};
use crate::slice::map;

/// The largest error of [`ln`] at a level that fuses multiply and add, in units in the last place of the correctly rounded
/// value, over all floats. The exhaustive test enforces it.
pub const MAX_LN_ERROR_ULPS: f64 = 1.0;

/// Of s^2, s^4, ..., s^8.
pub(crate) const COEFFICIENTS: [f32; 4] = [0.666_666_6, 0.400_003_34, 0.285_373_48, 0.235_814_75];
/// Subnormal numbers are multiplied by 2^24, and then are normal.
pub(crate) const SUBNORMAL_SHIFT: f32 = 24.0;
/// The smallest number above 0, 2^-149.
pub(crate) const SMALLEST: f32 = f32::from_bits(1);

/// ln(x) of each lane.
#[inline(always)]
pub fn ln_lanes<S: Splat>(simd: S, x: S::Vector) -> S::Vector {
    let [c1, c2, c3, c4] = COEFFICIENTS;
    let zero = simd.splat(0.0);
    let normal = simd.splat(f32::MIN_POSITIVE);

    let scaled = x.if_less(normal, x * simd.splat((1 << SUBNORMAL_SHIFT as u32) as f32), x);
    let n = scaled.binary_exponent() - x.if_less(normal, simd.splat(SUBNORMAL_SHIFT), zero);
    let f = scaled.fraction() - simd.splat(1.0);

    let s = f / (simd.splat(2.0) + f);
    let u = s * s;
    let r = u.mul_add(simd.splat(c4), simd.splat(c3));
    let r = r.mul_add(u, simd.splat(c2));
    let r = r.mul_add(u, simd.splat(c1));
    let small = n.mul_add(simd.splat(LN_2_LOW), -(s * (f - r * u)));
    let ln = n.mul_add(simd.splat(LN_2_HIGH), f + small);

    // Exponent and fraction of a NaN mean nothing; 0 x + y is y for finite x.
    let ln = zero.mul_add(x, ln);
    let ln = simd.splat(f32::MAX).if_less(x, x, ln);
    let below = x.if_less(zero, simd.splat(f32::NAN), simd.splat(f32::NEG_INFINITY));
    x.if_less(simd.splat(SMALLEST), below, ln)
}

/// `output[i] = ln(input[i])`, within [`MAX_LN_ERROR_ULPS`] at the levels that fuse. ln of zero is minus infinity, of
/// infinity infinity, of a negative number or a NaN NaN.
///
/// # Panics
/// If the slices differ in length.
pub fn ln(level: Level, input: &[f32], output: &mut [f32]) {
    dispatch!(level, simd => map(simd, input, output, #[inline(always)] |x| ln_lanes(simd, x)))
}
