//! The optimiser's update of one slice of weights from the gradient.

use crate::dispatch;
use crate::level::Level;
use crate::simd::{Simd, Vector};

/// One step of stochastic gradient descent, w <- w - learning_rate v with v = g, or with the velocity
/// v <- momentum v + g where there is momentum (B. T. Polyak 1964), and g the mean gradient.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// The step length; positive.
    pub learning_rate: f32,
    /// How much of the velocity stays, in 0..1; at 0 no velocity is kept.
    pub momentum: f32,
    /// What makes a mean of the summed gradient: 1 over the samples in the minibatch.
    pub scale: f32,
}

impl Sgd {
    /// The new weights and velocity of each lane where there is momentum, from the gradient summed over the minibatch.
    #[inline(always)]
    pub(crate) fn step_lanes<S: Simd>(
        self,
        simd: S,
        gradient_sum: S::Vector,
        weight: S::Vector,
        velocity: S::Vector,
    ) -> (S::Vector, S::Vector) {
        let gradient = gradient_sum * simd.splat(self.scale);
        let velocity = velocity.mul_add(simd.splat(self.momentum), gradient);
        (velocity.mul_add(simd.splat(-self.learning_rate), weight), velocity)
    }

    /// The new weights of each lane where the momentum is 0.
    #[inline(always)]
    pub(crate) fn plain_lanes<S: Simd>(self, simd: S, gradient_sum: S::Vector, weight: S::Vector) -> S::Vector {
        let gradient = gradient_sum * simd.splat(self.scale);
        gradient.mul_add(simd.splat(-self.learning_rate), weight)
    }
}

/// Updates `weights`, and `velocity` where there is momentum, with the gradient summed over a minibatch.
///
/// # Panics
/// If the slices differ in length; `velocity` may be empty where the momentum is 0.
pub fn sgd_step(level: Level, sgd: Sgd, gradient_sum: &[f32], weights: &mut [f32], velocity: &mut [f32]) {
    dispatch!(level, simd => sgd_step_lanes(simd, sgd, gradient_sum, weights, velocity))
}

#[inline(always)]
fn sgd_step_lanes<S: Simd>(simd: S, sgd: Sgd, gradient_sum: &[f32], weights: &mut [f32], velocity: &mut [f32]) {
    assert_eq!(gradient_sum.len(), weights.len(), "the gradient and the weights differ in length");
    if sgd.momentum == 0.0 {
        crate::slice::update(
            simd,
            weights,
            gradient_sum,
            #[inline(always)]
            |weight, gradient| sgd.plain_lanes(simd, gradient, weight),
        );
        return;
    }
    assert_eq!(velocity.len(), weights.len(), "the velocity and the weights differ in length");
    let chunks = weights.chunks_mut(S::LANES).zip(velocity.chunks_mut(S::LANES)).zip(gradient_sum.chunks(S::LANES));
    for ((weights, velocity), gradient) in chunks {
        if weights.len() == S::LANES {
            let (weight, v) = sgd.step_lanes(simd, simd.load(gradient), simd.load(weights), simd.load(velocity));
            simd.store(weight, weights);
            simd.store(v, velocity);
        } else {
            let gradient = simd.load_partial(gradient);
            let (weight, v) = sgd.step_lanes(simd, gradient, simd.load_partial(weights), simd.load_partial(velocity));
            simd.store_partial(weight, weights);
            simd.store_partial(v, velocity);
        }
    }
}
