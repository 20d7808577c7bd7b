//! GELU, z = a Phi(a) with the distribution function of the normal distribution (D. Hendrycks and K. Gimpel 2016), and its
//! derivative: the exact form, not the one that replaces Phi by a tanh.
//!
//! With t = |a| and the upper tail Q(t) = 1 - Phi(t), z = max(a, 0) - t Q(t) for both signs, which keeps its digits in the
//! lower tail. Q(t) is exp(-t^2 / 2) R(t), and R falls slowly: with r = 1 / (t + c), c = 4, it is r times a polynomial in u
//! = (t - c) r of degree nine, found with the Remez algorithm for t up to 14.5 (relative error 8.6e-9). So that rounding
//! t^2 does not cost the tail its digits, t is h + (t - h), with h a multiple of 2^-8: h^2 is exact, and half of (t - h) (t
//! + h) is subtracted from the small remainder of the exponential.
//!
//! dz/da = Phi(a) + a phi(a), where phi(t) = exp(-t^2 / 2) / sqrt(2 pi) shares that exponential: it is
//! exp(-t^2 / 2) (R(t) - t / sqrt(2 pi)) for a < 0, and 1 less that above.

use crate::exp::{exp_of_remainder_lanes, remainder_lanes};
use crate::simd::{Splat, Vector};

/// The largest error of GELU at a level that fuses multiply and add, in units in the last place of the correctly rounded
/// value, over all floats, subnormal results included. The exhaustive test enforces it.
pub const MAX_GELU_ERROR_ULPS: f64 = 6.5;

/// The largest error of its derivative at such a level, in units of 2^-24, over all floats. (The derivative has a zero, near
/// which no error relative to it could be small.)
pub const MAX_GELU_DERIVATIVE_ERROR: f64 = 4.0;

/// Beyond this magnitude the tail rounds to zero.
pub(crate) const MOST: f32 = 14.5;
/// Adding it to a number below 16 rounds that number to a multiple of 2^-8 (1.5 x 2^15).
pub(crate) const ROUND_TO_256THS: f32 = 49_152.0;
/// 1 / sqrt(2 pi).
pub(crate) const DENSITY_AT_0: f32 = 0.398_942_3;
/// The number c of the essay above.
pub(crate) const CENTRE: f32 = 4.0;
/// Of 1, u, ..., u^9. At t = 0, where u is -1, the polynomial is exactly 2.
pub(crate) const COEFFICIENTS: [f32; 10] = [
    0.755_285_14,
    -0.607_896_57,
    0.387_136_9,
    -0.186_523_44,
    0.060_403_83,
    -0.007_525_271_7,
    -0.003_512_554_3,
    0.001_569_923_8,
    0.000_179_354_95,
    -0.000_131_971_51,
];

/// z = a Phi(a) of each lane.
#[inline(always)]
pub(crate) fn gelu_lanes<S: Splat>(simd: S, a: S::Vector) -> S::Vector {
    gelu_with_slope_lanes(simd, a).0
}

/// z and dz/da of each lane.
#[inline(always)]
pub(crate) fn gelu_with_slope_lanes<S: Splat>(simd: S, a: S::Vector) -> (S::Vector, S::Vector) {
    let (zero, one) = (simd.splat(0.0), simd.splat(1.0));
    let minus_half = simd.splat(-0.5);
    let t = a.abs().at_most(simd.splat(MOST));

    let whole = simd.splat(ROUND_TO_256THS);
    let h = (t + whole) - whole;
    let (remainder, n) = remainder_lanes(simd, (h * h) * minus_half);
    let remainder = ((t - h) * (t + h)).mul_add(minus_half, remainder);
    let e = exp_of_remainder_lanes(simd, remainder).shrink_by_power_of_two(n);

    let centre = simd.splat(CENTRE);
    let r = one / (t + centre);
    let u = (t - centre) * r;
    let mut p = simd.splat(COEFFICIENTS[9]);
    let mut i = 9;
    while i > 0 {
        i -= 1;
        p = p.mul_add(u, simd.splat(COEFFICIENTS[i]));
    }
    let ratio = p * r;

    let z = (-e).mul_add(t * ratio, a.if_less(zero, zero, a));
    let below = e * t.mul_add(simd.splat(-DENSITY_AT_0), ratio);
    (z, a.if_less(zero, below, one - below))
}
