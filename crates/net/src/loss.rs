//! The negative log likelihood of one sigmoid output, from its preactivation a.
//!
//! With y = sigma(a) = p(t = 0), L = -(1 - t) ln y - t ln(1 - y) = (1 - t) softplus(-a) + t softplus(a): no logarithm of zero
//! can occur. Its derivative, step 2 of backpropagation, is delta = dL/da = sigma(a) - (1 - t).

use kernels::sigmoid::sigmoid_lanes;
use kernels::simd::{Simd, Vector};
use kernels::softplus::softplus_lanes;

/// The loss of each lane.
#[inline(always)]
fn loss_lanes<S: Simd>(simd: S, a: S::Vector, t: S::Vector) -> S::Vector {
    let of_class_0 = softplus_lanes(simd, -a);
    let of_class_1 = softplus_lanes(simd, a);
    t.mul_add(of_class_1, (simd.splat(1.0) - t) * of_class_0)
}

/// delta of each lane: prediction minus target, both of p(t = 0).
#[inline(always)]
fn delta_lanes<S: Simd>(simd: S, a: S::Vector, t: S::Vector) -> S::Vector {
    sigmoid_lanes(simd, a) - (simd.splat(1.0) - t)
}

/// Losses and deltas of samples with preactivations `a` and classes `t`. All slices are as long, and a multiple of the
/// widest vector.
#[inline(always)]
pub(crate) fn losses_and_deltas<S: Simd>(simd: S, a: &[f32], t: &[f32], losses: &mut [f32], deltas: &mut [f32]) {
    let classes = a.chunks_exact(S::LANES).zip(t.chunks_exact(S::LANES));
    let results = losses.chunks_exact_mut(S::LANES).zip(deltas.chunks_exact_mut(S::LANES));
    for ((a, t), (loss, delta)) in classes.zip(results) {
        let (a, t) = (simd.load(a), simd.load(t));
        simd.store(loss_lanes(simd, a, t), loss);
        simd.store(delta_lanes(simd, a, t), delta);
    }
}
