//! softplus(a) = ln(1 + exp(a)), the loss of one sigmoid output as a function of its preactivation.
//!
//! With e = exp(-|a|), softplus(a) = max(a, 0) + ln(1 + e), and ln(1 + e) = 2 artanh(s) with s = e / (2 + e) <= 1/3. Of
//! artanh, s + s^3 times a polynomial in s^2 of degree four is enough (found with the Remez algorithm, relative error
//! 1.1e-10), and it keeps its digits where e is tiny.

use crate::dispatch;
use crate::exp::exp_of_minus_magnitude_lanes;
use crate::level::Level;
use crate::simd::{Splat, Vector};
use crate::slice::map;

/// The largest error of [`softplus`] at a level that fuses multiply and add, in units in the last place of the
/// correctly rounded value, over all floats. The exhaustive test enforces it.
pub const MAX_SOFTPLUS_ERROR_ULPS: f64 = 3.0;

/// Of s^3, s^5, ..., s^11.
pub(crate) const COEFFICIENTS: [f32; 5] = [0.333_333_37, 0.199_994_44, 0.143_083_07, 0.107_152_805, 0.121_451_475];

/// softplus(a) of each lane.
#[inline(always)]
pub fn softplus_lanes<S: Splat>(simd: S, a: S::Vector) -> S::Vector {
    softplus_from_exp_lanes(simd, a, exp_of_minus_magnitude_lanes(simd, a))
}

/// softplus(a) of each lane, from e = exp(-|a|).
#[inline(always)]
pub fn softplus_from_exp_lanes<S: Splat>(simd: S, a: S::Vector, e: S::Vector) -> S::Vector {
    let [c1, c2, c3, c4, c5] = COEFFICIENTS;
    let zero = simd.splat(0.0);
    let two = simd.splat(2.0);

    let s = e / (two + e);
    let u = s * s;
    let p = u.mul_add(simd.splat(c5), simd.splat(c4));
    let p = p.mul_add(u, simd.splat(c3));
    let p = p.mul_add(u, simd.splat(c2));
    let p = p.mul_add(u, simd.splat(c1));
    let artanh = (p * u).mul_add(s, s);
    artanh.mul_add(two, a.if_less(zero, zero, a))
}

/// `output[i] = ln(1 + exp(input[i]))`, within [`MAX_SOFTPLUS_ERROR_ULPS`] at the levels that fuse. softplus of a NaN is
/// NaN, of minus infinity 0, of infinity infinity.
///
/// # Panics
/// If the slices differ in length.
pub fn softplus(level: Level, input: &[f32], output: &mut [f32]) {
    dispatch!(level, simd => map(simd, input, output, #[inline(always)] |a| softplus_lanes(simd, a)))
}
