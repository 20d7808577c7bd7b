//! Softmax, the probabilities of K classes: p_k = exp(a_k) / (sum over j of exp(a_j)).
//!
//! The greatest preactivation m is subtracted from all: exp(a_k - m) does not overflow, and its sum, which is added up in
//! the order of k, lies in 1..=K. The logarithm of the first sum is m + ln of the second.

use crate::dispatch;
use crate::exp::exp_lanes;
use crate::level::Level;
use crate::simd::{Simd, Vector};
use crate::slice::map;

/// Of one sample: `e[k] = exp(a[k] - m)` with the greatest preactivation m. Returns m and the sum of all e.
///
/// # Panics
/// If the slices differ in length.
pub fn shifted_exponentials(level: Level, a: &[f32], e: &mut [f32]) -> (f32, f32) {
    let greatest = a.iter().fold(f32::NEG_INFINITY, |greatest, a| if *a < greatest { greatest } else { *a });
    dispatch!(level, simd => {
        let m = crate::simd::Splat::splat(simd, greatest);
        map(simd, a, e, #[inline(always)] |a| exp_lanes(simd, a - m))
    });
    (greatest, e.iter().fold(0.0, |sum, e| sum + e))
}

/// Of as many samples as a vector has lanes: writes `e[k * stride + at..] = exp(a - m)`, with `a` at the same places, for
/// each class k < `classes`. Returns m and the sum of all e of each sample.
///
/// # Panics
/// If the places lie outside of the slices.
#[inline(always)]
pub fn shifted_exponentials_lanes<S: Simd>(
    simd: S,
    a: &[f32],
    (classes, stride, at): (usize, usize, usize),
    e: &mut [f32],
) -> (S::Vector, S::Vector) {
    let mut greatest = simd.splat(f32::NEG_INFINITY);
    let mut class = 0;
    while class < classes {
        greatest = simd.load(&a[class * stride + at..]).at_least(greatest);
        class += 1;
    }
    let mut sum = simd.splat(0.0);
    let mut class = 0;
    while class < classes {
        let place = class * stride + at;
        let exponential = exp_lanes(simd, simd.load(&a[place..]) - greatest);
        simd.store(exponential, &mut e[place..]);
        sum = sum + exponential;
        class += 1;
    }
    (greatest, sum)
}
