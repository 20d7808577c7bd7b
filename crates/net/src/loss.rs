//! The losses, and their derivatives by the preactivations of the output: step 2 of backpropagation. [`OutputLayer`] has
//! the table of formulas.
//!
//! All numbers are columns: that of unit k and row s of a group is at `k * rows + s`. Vectors run across the samples, so
//! that a sum over the units is a chain in their order, in one lane.

use kernels::ln::ln_lanes;
use kernels::sigmoid::sigmoid_from_exp_lanes;
use kernels::simd::{Simd, Vector};
use kernels::softmax::shifted_exponentials_lanes;
use kernels::softplus::softplus_from_exp_lanes;
use serde::{Deserialize, Serialize};

use crate::dataset::Smoothing;
use crate::workspace::OutputArrays;
use crate::{Dataset, OutputLayer};

/// The losses of some samples together, in f64 and in their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LossSum {
    /// Each loss times its sample's weight, added up.
    pub sum: f64,
    /// The weights, added up.
    pub weight: f64,
}

impl LossSum {
    /// The losses of all samples of `data`.
    pub(crate) fn of(data: &Dataset, losses: &[f32]) -> LossSum {
        let mut all = LossSum::default();
        for (row, loss) in losses.iter().enumerate() {
            let weight = data.weight(row);
            all.sum += weighted(weight, *loss);
            all.weight += f64::from(weight);
        }
        all
    }

    /// The mean loss; 0 if no sample counts.
    pub(crate) fn mean(self) -> f64 {
        if self.weight == 0.0 { 0.0 } else { self.sum / self.weight }
    }
}

/// Adds the losses of the samples `indices` of `data`, each times its sample's weight, to `sum`.
pub(crate) fn add_losses(sum: &mut f64, data: &Dataset, indices: &[u32], losses: &[f32]) {
    match data.weights() {
        None => {
            for loss in &losses[..indices.len()] {
                *sum += f64::from(*loss);
            }
        }
        Some(weights) => {
            for (loss, index) in losses.iter().zip(indices) {
                *sum += weighted(weights[*index as usize], *loss);
            }
        }
    }
}

/// A loss times its sample's weight. A sample that does not count may have any loss.
#[inline(always)]
fn weighted(weight: f32, loss: f32) -> f64 {
    if weight > 0.0 { f64::from(weight) * f64::from(loss) } else { 0.0 }
}

/// A delta of the output times its sample's weight. A sample that does not count may have any delta.
#[inline(always)]
pub(crate) fn weighted_delta(weight: f32, delta: f32) -> f32 {
    if weight > 0.0 { weight * delta } else { 0.0 }
}

/// Writes the losses of all rows, and the deltas of `units` output units.
#[inline(always)]
pub(crate) fn losses_and_deltas<S: Simd>(
    simd: S,
    output_layer: OutputLayer,
    smoothing: Smoothing,
    units: usize,
    arrays: OutputArrays<'_>,
) {
    match output_layer {
        OutputLayer::Sigmoid => log_loss(simd, units, arrays),
        OutputLayer::Softmax => cross_entropy(simd, smoothing, units, arrays),
        OutputLayer::Identity => squared_error(simd, units, arrays),
    }
}

/// L = sum_k (1 - t_k) softplus(-a_k) + t_k softplus(a_k), and delta_k = sigma(a_k) - (1 - t_k).
#[inline(always)]
fn log_loss<S: Simd>(simd: S, units: usize, arrays: OutputArrays<'_>) {
    let OutputArrays { a, t, losses, deltas } = arrays;
    let rows = losses.len();
    let one = simd.splat(1.0);
    let mut at = 0;
    while at < rows {
        let mut loss = simd.splat(0.0);
        let mut unit = 0;
        while unit < units {
            let place = unit * rows + at;
            let (a, t) = (simd.load(&a[place..]), simd.load(&t[place..]));
            // The sigmoid and both softplus share the one exponential.
            let e = kernels::exp::exp_of_minus_magnitude_lanes(simd, a);
            let of_class_0 = softplus_from_exp_lanes(simd, -a, e);
            let of_class_1 = softplus_from_exp_lanes(simd, a, e);
            loss = loss + t.mul_add(of_class_1, (one - t) * of_class_0);
            simd.store(sigmoid_from_exp_lanes(simd, a, e) - (one - t), &mut deltas[place..]);
            unit += 1;
        }
        simd.store(loss, &mut losses[at..]);
        at += S::LANES;
    }
}

/// With m the greatest a_k and s = sum_k exp(a_k - m): L = ln s - sum_k t_k (a_k - m), and delta_k = exp(a_k - m) / s - t_k.
/// The one column of `t` holds the class of each sample; t_k is `smoothing.on` for it, and `smoothing.off` for the others.
#[inline(always)]
fn cross_entropy<S: Simd>(simd: S, smoothing: Smoothing, units: usize, arrays: OutputArrays<'_>) {
    let OutputArrays { a, t, losses, deltas } = arrays;
    let rows = losses.len();
    let (on, off) = (simd.splat(smoothing.on), simd.splat(smoothing.off));
    let mut at = 0;
    while at < rows {
        let class = simd.load(&t[at..]);
        let (greatest, sum) = shifted_exponentials_lanes(simd, a, (units, rows, at), deltas);
        let mut of_targets = simd.splat(0.0);
        let mut unit = 0;
        while unit < units {
            let place = unit * rows + at;
            let k = simd.splat(unit as f32);
            let t = class.if_less(k, off, k.if_less(class, off, on));
            of_targets = t.mul_add(simd.load(&a[place..]) - greatest, of_targets);
            simd.store(simd.load(&deltas[place..]) / sum - t, &mut deltas[place..]);
            unit += 1;
        }
        simd.store(ln_lanes(simd, sum) - of_targets, &mut losses[at..]);
        at += S::LANES;
    }
}

/// L = sum_k (a_k - t_k)^2 / 2, and delta_k = a_k - t_k.
#[inline(always)]
fn squared_error<S: Simd>(simd: S, units: usize, arrays: OutputArrays<'_>) {
    let OutputArrays { a, t, losses, deltas } = arrays;
    let rows = losses.len();
    let half = simd.splat(0.5);
    let mut at = 0;
    while at < rows {
        let mut loss = simd.splat(0.0);
        let mut unit = 0;
        while unit < units {
            let place = unit * rows + at;
            let delta = simd.load(&a[place..]) - simd.load(&t[place..]);
            loss = (half * delta).mul_add(delta, loss);
            simd.store(delta, &mut deltas[place..]);
            unit += 1;
        }
        simd.store(loss, &mut losses[at..]);
        at += S::LANES;
    }
}
