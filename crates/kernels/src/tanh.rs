//! The hyperbolic tangent.
//!
//! With e = exp(-2 |a|), tanh(|a|) = (1 - e) / (1 + e). Near zero the subtraction would cancel; there, tanh(a) is
//! a + a^3 times a polynomial in a^2 of degree four, found with the Remez algorithm (relative error 4.4e-9).

use crate::dispatch;
use crate::exp::exp_up_to_zero_lanes;
use crate::level::Level;
use crate::simd::{Splat, Vector};
use crate::slice::map;

/// The largest error of [`tanh`] at a level that fuses multiply and add, in units in the last place of the correctly
/// rounded value, over all floats. The exhaustive test enforces it.
pub const MAX_TANH_ERROR_ULPS: f64 = 2.0;

/// Below this magnitude the polynomial serves.
pub(crate) const POLYNOMIAL_BELOW: f32 = 0.625;
/// Of a^3, a^5, ..., a^11.
pub(crate) const COEFFICIENTS: [f32; 5] = [-0.333_332_8, 0.133_314_42, -0.053_739_656, 0.020_638_883, -0.005_704_749_4];

/// tanh(a) of each lane.
#[inline(always)]
pub fn tanh_lanes<S: Splat>(simd: S, a: S::Vector) -> S::Vector {
    let [c1, c2, c3, c4, c5] = COEFFICIENTS;
    let one = simd.splat(1.0);
    let magnitude = a.abs();

    let u = a * a;
    let p = u.mul_add(simd.splat(c5), simd.splat(c4));
    let p = p.mul_add(u, simd.splat(c3));
    let p = p.mul_add(u, simd.splat(c2));
    let p = p.mul_add(u, simd.splat(c1));
    let near = (p * u).mul_add(magnitude, magnitude);

    let e = exp_up_to_zero_lanes(simd, magnitude * simd.splat(-2.0));
    let far = (one - e) / (one + e);

    magnitude.if_less(simd.splat(POLYNOMIAL_BELOW), near, far).with_sign_of(a)
}

/// `z[i] = tanh(a[i])`, within [`MAX_TANH_ERROR_ULPS`] at the levels that fuse. Exact at zero and at the infinities;
/// tanh of a NaN is NaN.
///
/// # Panics
/// If the slices differ in length.
pub fn tanh(level: Level, a: &[f32], z: &mut [f32]) {
    dispatch!(level, simd => map(simd, a, z, #[inline(always)] |a| tanh_lanes(simd, a)))
}
