//! The optimiser's update of one slice of weights from the gradient.
//!
//! [`Sgd`] is the update that the matrix kernels apply while a sum is in a register. A [`Step`] is any of them, applied to
//! gradients in memory; where both can do the same, they give the same bits.
//!
//! **What decays ends at 0.** Without a gradient, a velocity, a mean or a decaying weight shrinks from step to step; it would
//! become subnormal, and stay so for ever, since the product with 0.9 of the least ones rounds to themselves. To compute with
//! subnormal numbers takes many processors a hundred cycles more. So what is kept, and a weight where weights decay, is 0 instead
//! of a subnormal number.

use crate::dispatch;
use crate::level::Level;
use crate::simd::{Simd, Splat, Vector};

/// One step of stochastic gradient descent, w <- w - learning_rate v with v = g, or with the velocity
/// v <- momentum v + g where there is momentum (B. T. Polyak 1964), and g the mean gradient. A subnormal v is 0.
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
        let velocity = normal_or_zero(simd, velocity.mul_add(simd.splat(self.momentum), gradient));
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

/// The numbers, or 0 in place of subnormal ones; NaN stays NaN.
#[inline(always)]
fn normal_or_zero<S: Splat>(simd: S, x: S::Vector) -> S::Vector {
    x.abs().if_less(simd.splat(f32::MIN_POSITIVE), simd.splat(0.0), x)
}

/// One step of an optimiser: from the mean gradient g, a [`Rule`] makes a direction d, and
/// w <- keep w - learning_rate d. Where weights decay, a subnormal w is 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// How the gradient becomes the direction.
    pub rule: Rule,
    /// The step length; not negative.
    pub learning_rate: f32,
    /// What makes g of the gradient summed over the minibatch.
    pub scale: f32,
    /// What is left of a weight before the step: less than 1 where weights decay (I. Loshchilov and F. Hutter 2019).
    pub keep: f32,
}

/// How a gradient g becomes a direction d, with the numbers that are kept for each weight from step to step: 0 where they would
/// be subnormal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// d = g without momentum; else v <- momentum v + g and d = v (B. T. Polyak 1964).
    Sgd {
        /// How much of the velocity stays, in 0..1; at 0 no velocity is kept.
        momentum: f32,
    },
    /// v <- momentum v + g, d = g + momentum v (Y. Nesterov 1983, as written by I. Sutskever and others 2013).
    Nesterov {
        /// How much of the velocity stays, in 0..1.
        momentum: f32,
    },
    /// s <- rho s + (1 - rho) g^2, d = g / (sqrt(s) + epsilon) (T. Tieleman and G. Hinton 2012).
    RmsProp {
        /// How much of the mean square stays, in 0..1.
        rho: f32,
        /// 1 - rho.
        fresh: f32,
        /// Keeps d small where all gradients were; positive.
        epsilon: f32,
    },
    /// m <- beta_1 m + (1 - beta_1) g, v <- beta_2 v + (1 - beta_2) g^2, and with both divided by 1 - beta^t after t steps,
    /// d = m / (sqrt(v) + epsilon) (D. P. Kingma and J. Ba 2015).
    Adam {
        /// How much of m and of v stays, in 0..1.
        beta: [f32; 2],
        /// 1 - beta of both.
        fresh: [f32; 2],
        /// 1 / (1 - beta^t) of both.
        correction: [f32; 2],
        /// Keeps d small where all gradients were; positive.
        epsilon: f32,
    },
}

impl Rule {
    /// Numbers that are kept for each weight.
    #[inline(always)]
    pub fn slots(self) -> usize {
        match self {
            Rule::Sgd { momentum: 0.0 } => 0,
            Rule::Sgd { .. } | Rule::Nesterov { .. } | Rule::RmsProp { .. } => 1,
            Rule::Adam { .. } => 2,
        }
    }

    /// The direction and the numbers to keep; of `kept`, those beyond the slots have no meaning.
    #[inline(always)]
    fn direction_lanes<S: Splat>(
        self,
        simd: S,
        gradient: S::Vector,
        kept: [S::Vector; 2],
    ) -> (S::Vector, [S::Vector; 2]) {
        match self {
            Rule::Sgd { momentum: 0.0 } => (gradient, kept),
            Rule::Sgd { momentum } => {
                let velocity = normal_or_zero(simd, kept[0].mul_add(simd.splat(momentum), gradient));
                (velocity, [velocity, kept[1]])
            }
            Rule::Nesterov { momentum } => {
                let velocity = normal_or_zero(simd, kept[0].mul_add(simd.splat(momentum), gradient));
                (velocity.mul_add(simd.splat(momentum), gradient), [velocity, kept[1]])
            }
            Rule::RmsProp { rho, fresh, epsilon } => {
                let square = kept[0].mul_add(simd.splat(rho), simd.splat(fresh) * gradient * gradient);
                let square = normal_or_zero(simd, square);
                (gradient / (square.sqrt() + simd.splat(epsilon)), [square, kept[1]])
            }
            Rule::Adam { beta, fresh, correction, epsilon } => {
                let mean = kept[0].mul_add(simd.splat(beta[0]), simd.splat(fresh[0]) * gradient);
                let square = kept[1].mul_add(simd.splat(beta[1]), simd.splat(fresh[1]) * gradient * gradient);
                let (mean, square) = (normal_or_zero(simd, mean), normal_or_zero(simd, square));
                let root = (square * simd.splat(correction[1])).sqrt();
                (mean * simd.splat(correction[0]) / (root + simd.splat(epsilon)), [mean, square])
            }
        }
    }
}

impl Step {
    /// The new weights and the numbers to keep, from the gradient summed over the minibatch.
    #[inline(always)]
    pub(crate) fn step_lanes<S: Splat>(
        self,
        simd: S,
        gradient_sum: S::Vector,
        weight: S::Vector,
        kept: [S::Vector; 2],
    ) -> (S::Vector, [S::Vector; 2]) {
        let (direction, kept) = self.rule.direction_lanes(simd, gradient_sum * simd.splat(self.scale), kept);
        let weight = direction.mul_add(simd.splat(-self.learning_rate), weight * simd.splat(self.keep));
        (if self.keep == 1.0 { weight } else { normal_or_zero(simd, weight) }, kept)
    }
}

/// Updates `weights`, and the numbers that the rule keeps for each, with the gradient summed over a minibatch.
///
/// # Panics
/// If the slices differ in length; of `kept`, those beyond the rule's slots may be empty.
pub fn update_weights(level: Level, step: Step, gradient_sum: &[f32], weights: &mut [f32], kept: [&mut [f32]; 2]) {
    dispatch!(level, simd => update_weights_lanes(simd, step, gradient_sum, weights, kept))
}

#[inline(always)]
fn update_weights_lanes<S: Simd>(
    simd: S,
    step: Step,
    gradient_sum: &[f32],
    weights: &mut [f32],
    kept: [&mut [f32]; 2],
) {
    assert_eq!(gradient_sum.len(), weights.len(), "the gradient and the weights differ in length");
    let slots = step.rule.slots();
    for numbers in &kept[..slots] {
        assert_eq!(numbers.len(), weights.len(), "the numbers kept and the weights differ in length");
    }
    let mut at = 0;
    while at < weights.len() {
        let end = weights.len().min(at + S::LANES);
        let load = |from: &[f32]| simd.load_partial(&from[at..end]);
        let mut vectors = [simd.splat(0.0); 2];
        for slot in 0..slots {
            vectors[slot] = load(kept[slot]);
        }
        let (weight, vectors) = step.step_lanes(simd, load(gradient_sum), load(weights), vectors);
        simd.store_partial(weight, &mut weights[at..end]);
        for slot in 0..slots {
            simd.store_partial(vectors[slot], &mut kept[slot][at..end]);
        }
        at = end;
    }
}
