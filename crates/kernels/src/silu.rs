//! SiLU, z = a sigma(a) (D. Hendrycks and K. Gimpel 2016; S. Elfwing and others 2018), and its derivative.
//!
//! With e = exp(-|a|) and r = 1 / (1 + e), sigma(a) is r for a >= 0 and e r below. Where a is negative, a e is made of the
//! parts of the exponential, a p before it is scaled by 2^n, so that it keeps its digits where e itself is subnormal or 0.
//! dz/da = sigma(a) + z (1 - sigma(a)).

use crate::exp::{exp_of_remainder_lanes, remainder_lanes};
use crate::simd::{Splat, Vector};

/// The largest error of SiLU at a level that fuses multiply and add, in units in the last place of the correctly rounded
/// value, over all floats, subnormal results included. The exhaustive test enforces it.
pub const MAX_SILU_ERROR_ULPS: f64 = 4.0;

/// The largest error of its derivative at such a level, in units of 2^-24, over all floats. (The derivative has a zero, near
/// which no error relative to it could be small.)
pub const MAX_SILU_DERIVATIVE_ERROR: f64 = 4.0;

/// Below it z rounds to zero.
pub(crate) const LOWEST: f32 = -110.0;

/// z = a sigma(a) of each lane.
#[inline(always)]
pub(crate) fn silu_lanes<S: Splat>(simd: S, a: S::Vector) -> S::Vector {
    silu_with_slope_lanes(simd, a).0
}

/// z and dz/da of each lane.
#[inline(always)]
pub(crate) fn silu_with_slope_lanes<S: Splat>(simd: S, a: S::Vector) -> (S::Vector, S::Vector) {
    let (zero, one) = (simd.splat(0.0), simd.splat(1.0));
    let x = (-a.abs()).at_least(simd.splat(LOWEST));
    let (remainder, n) = remainder_lanes(simd, x);
    let p = exp_of_remainder_lanes(simd, remainder);
    let e = p.shrink_by_power_of_two(n);
    let r = one / (one + e);
    let z = a.if_less(zero, (x * p).shrink_by_power_of_two(n), a) * r;
    let (sigma, rest) = (a.if_less(zero, e, one) * r, a.if_less(zero, one, e) * r);
    // Where a is infinite, 0 times it must not become NaN.
    let bounded = z.at_most(simd.splat(-LOWEST));
    (z, bounded.mul_add(rest, sigma))
}
