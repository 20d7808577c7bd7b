//! The negative log likelihood of one sigmoid output, from its preactivation a.
//!
//! With y = sigma(a) = p(t = 0), L = -(1 - t) ln y - t ln(1 - y) = (1 - t) softplus(-a) + t softplus(a): no logarithm of zero
//! can occur. Its derivative, step 2 of backpropagation, is delta = dL/da = sigma(a) - (1 - t).

use kernels::sigmoid::sigmoid_from_exp_lanes;
use kernels::simd::{Simd, Vector};
use kernels::softplus::softplus_from_exp_lanes;

/// Losses and deltas (prediction minus target, both of p(t = 0)) of samples with preactivations `a` and classes `t`. All
/// slices are as long, and a multiple of the widest vector.
#[inline(always)]
pub(crate) fn losses_and_deltas<S: Simd>(simd: S, a: &[f32], t: &[f32], losses: &mut [f32], deltas: &mut [f32]) {
    let one = simd.splat(1.0);
    let mut at = 0;
    while at < a.len() {
        let (a, t) = (simd.load(&a[at..]), simd.load(&t[at..]));
        // The sigmoid and both softplus share the one exponential.
        let e = kernels::exp::exp_of_minus_magnitude_lanes(simd, a);
        let of_class_0 = softplus_from_exp_lanes(simd, -a, e);
        let of_class_1 = softplus_from_exp_lanes(simd, a, e);
        simd.store(t.mul_add(of_class_1, (one - t) * of_class_0), &mut losses[at..]);
        simd.store(sigmoid_from_exp_lanes(simd, a, e) - (one - t), &mut deltas[at..]);
        at += S::LANES;
    }
}
