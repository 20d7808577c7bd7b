//! The exponential function.
//!
//! With n = round(x log2 e) and r = x - n ln 2, exp(x) = 2^n exp(r) and |r| <= ln(2) / 2. ln 2 is subtracted in two
//! parts (W. J. Cody and W. Waite, Software Manual for the Elementary Functions, 1980): n times the first is exact.
//! exp(r) is 1 + r + r^2 times a polynomial of degree four, found with the Remez algorithm for the least relative error
//! (3.1e-9 before its coefficients are rounded).

use crate::dispatch;
use crate::level::Level;
use crate::simd::{Splat, Vector};
use crate::slice::map;

/// The largest error of [`exp`] at a level that fuses multiply and add, in units in the last place of the correctly
/// rounded value, over all floats. The exhaustive test enforces it.
pub const MAX_EXP_ERROR_ULPS: f64 = 1.0;

/// Beyond it exp(x) rounds to infinity.
pub(crate) const HIGH: f32 = 89.0;
/// Below it exp(x) rounds to zero: half of the smallest subnormal number is 2^-150 = exp(-103.97).
pub(crate) const LOW: f32 = -104.0;
/// From minus it on, exp(x) is a normal number, and so is 2^n: n is no less than -124.
pub(crate) const MODERATE: f32 = 86.0;
/// Adding it to a number smaller than 2^22 in magnitude rounds that number to a whole one (1.5 x 2^23).
pub(crate) const ROUND_TO_WHOLE: f32 = 12_582_912.0;
/// The first ten bits of ln 2, so that n times it is exact.
pub(crate) const LN_2_HIGH: f32 = 355.0 / 512.0;
/// ln 2 less [`LN_2_HIGH`].
pub(crate) const LN_2_LOW: f32 = -2.121_944_4e-4;
/// Of r^2, r^3, ..., r^6.
pub(crate) const COEFFICIENTS: [f32; 5] = [0.499_999_94, 0.166_665_2, 0.041_668_4, 0.008_368_851, 0.001_381_432];

/// exp(x) of each lane.
#[inline(always)]
pub fn exp_lanes<S: Splat>(simd: S, x: S::Vector) -> S::Vector {
    let (r, n) = remainder_lanes(simd, x.at_most(simd.splat(HIGH)).at_least(simd.splat(LOW)));
    exp_of_remainder_lanes(simd, r).scale_by_power_of_two(n)
}

/// exp(x) of each lane, for x up to 0.
#[inline(always)]
pub(crate) fn exp_up_to_zero_lanes<S: Splat>(simd: S, x: S::Vector) -> S::Vector {
    let (r, n) = remainder_lanes(simd, x.at_least(simd.splat(LOW)));
    exp_of_remainder_lanes(simd, r).shrink_by_power_of_two(n)
}

/// exp(x) of each lane, for x in -[`MODERATE`]..=0, in fewer steps: nothing is to be clamped, and no result is subnormal.
#[inline(always)]
pub(crate) fn exp_of_moderate_lanes<S: Splat>(simd: S, x: S::Vector) -> S::Vector {
    let whole = whole_lanes(simd, x);
    exp_of_remainder_lanes(simd, remainder_of_lanes(simd, x, whole).0).raise_exponent(whole)
}

/// r and n of each lane, for x in -160..=[`HIGH`].
#[inline(always)]
pub(crate) fn remainder_lanes<S: Splat>(simd: S, x: S::Vector) -> (S::Vector, S::Vector) {
    remainder_of_lanes(simd, x, whole_lanes(simd, x))
}

/// [`ROUND_TO_WHOLE`] + n of each lane.
#[inline(always)]
fn whole_lanes<S: Splat>(simd: S, x: S::Vector) -> S::Vector {
    x.mul_add(simd.splat(std::f32::consts::LOG2_E), simd.splat(ROUND_TO_WHOLE))
}

/// r and n of each lane, from [`ROUND_TO_WHOLE`] + n.
#[inline(always)]
fn remainder_of_lanes<S: Splat>(simd: S, x: S::Vector, whole: S::Vector) -> (S::Vector, S::Vector) {
    let n = whole - simd.splat(ROUND_TO_WHOLE);
    let r = n.mul_add(simd.splat(-LN_2_HIGH), x);
    (n.mul_add(simd.splat(-LN_2_LOW), r), n)
}

/// exp(r) of each lane, for a remainder r.
#[inline(always)]
pub(crate) fn exp_of_remainder_lanes<S: Splat>(simd: S, r: S::Vector) -> S::Vector {
    let [c2, c3, c4, c5, c6] = COEFFICIENTS;
    let one = simd.splat(1.0);
    let p = r.mul_add(simd.splat(c6), simd.splat(c5));
    let p = p.mul_add(r, simd.splat(c4));
    let p = p.mul_add(r, simd.splat(c3));
    let p = p.mul_add(r, simd.splat(c2));
    let p = p.mul_add(r, one);
    p.mul_add(r, one)
}

/// exp(-|a|) of each lane, in 0..=1.
#[inline(always)]
pub fn exp_of_minus_magnitude_lanes<S: Splat>(simd: S, a: S::Vector) -> S::Vector {
    exp_up_to_zero_lanes(simd, -a.abs())
}

/// `output[i] = exp(input[i])`, within [`MAX_EXP_ERROR_ULPS`] at the levels that fuse. exp of a NaN is NaN, of minus
/// infinity 0.
///
/// # Panics
/// If the slices differ in length.
pub fn exp(level: Level, input: &[f32], output: &mut [f32]) {
    dispatch!(level, simd => map(simd, input, output, #[inline(always)] |x| exp_lanes(simd, x)))
}
