//! The logistic sigmoid, sigma(a) = 1 / (1 + exp(-a)).
//!
//! With e = exp(-|a|), which never overflows, sigma(a) is 1 / (1 + e) for a >= 0 and e / (1 + e) below: the same number,
//! but it keeps its digits down to the smallest subnormal result.

use crate::dispatch;
use crate::exp::{MODERATE, exp_of_minus_magnitude_lanes, exp_of_moderate_lanes};
use crate::level::Level;
use crate::simd::{Quad, QuadVector, Simd, Splat, Vector};
use crate::slice::map_fours;

/// The largest error of [`sigmoid`] at a level that fuses multiply and add, in units in the last place of the
/// correctly rounded value, over all floats, subnormal results included. The exhaustive test enforces it.
pub const MAX_SIGMOID_ERROR_ULPS: f64 = 2.5;

/// sigma(a) of each lane.
#[inline(always)]
pub fn sigmoid_lanes<S: Splat>(simd: S, a: S::Vector) -> S::Vector {
    sigmoid_from_exp_lanes(simd, a, exp_of_minus_magnitude_lanes(simd, a))
}

/// sigma(a) of each lane, from e = exp(-|a|).
#[inline(always)]
pub fn sigmoid_from_exp_lanes<S: Splat>(simd: S, a: S::Vector, e: S::Vector) -> S::Vector {
    let one = simd.splat(1.0);
    let numerator = a.if_less(simd.splat(0.0), e, one);
    numerator / (one + e)
}

/// The sigmoids of four vectors in step, in fewer steps where all are moderate, as nearly all are.
#[inline(always)]
pub(crate) fn four_sigmoids<S: Simd>(simd: S, a: QuadVector<S::Vector>) -> QuadVector<S::Vector> {
    if !simd.are_within(a.0, MODERATE) {
        return sigmoid_lanes(Quad(simd), a);
    }
    let one = Quad(simd).splat(1.0);
    let e = exp_of_moderate_lanes(Quad(simd), -a.abs());
    a.if_negative(e, one) / (one + e)
}

/// `z[i] = sigma(a[i])`, within [`MAX_SIGMOID_ERROR_ULPS`] at the levels that fuse. Exact at zero (1/2) and at the
/// infinities (0 and 1); sigma of a NaN is NaN.
///
/// # Panics
/// If the slices differ in length.
pub fn sigmoid(level: Level, a: &[f32], z: &mut [f32]) {
    dispatch!(level, simd => map_fours(
        simd,
        a,
        z,
        #[inline(always)]
        |a| four_sigmoids(simd, a),
        #[inline(always)]
        |a| sigmoid_lanes(simd, a),
    ))
}
