//! How large the errors of a gradient may be: a running error analysis of a network on some data.

use kernels::reference;
use kernels::{Activation, gelu, silu};

use super::Gradients;
use super::plain::{Plain, targets, weight_of};
use crate::{Dataset, OutputLayer};

/// How far rounding may carry the f64 loss and the f32 gradient from their exact values: a running error analysis
/// (N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2002), to first order, with the gradient's bound doubled
/// for what is left out.
pub(super) struct RoundingErrors {
    /// Of the f64 mean loss.
    pub(super) loss: f64,
    /// Of the f32 mean gradient, each layer in book order.
    pub(super) gradients: Gradients<f64>,
}

/// The unit roundoffs of the two precisions.
const SINGLE: f64 = f32::EPSILON as f64 / 2.0;
const DOUBLE: f64 = f64::EPSILON / 2.0;

/// Roundings of a chain's step: two where multiply and add are not fused.
const ROUNDINGS_PER_STEP: f64 = 2.0;

/// The relative error of sigmoid and tanh, in unit roundoffs: four units in the last place, portable level included.
const FUNCTION_ROUNDINGS: f64 = 8.0;

/// Those of SiLU and GELU: what the kernels state, one more at the portable level; and of both in f64, where GELU's tail is
/// found by a series.
const ROUNDINGS_OF_SILU: f64 = 2.0 * (silu::MAX_SILU_ERROR_ULPS + 1.0);
const ROUNDINGS_OF_GELU: f64 = 2.0 * (gelu::MAX_GELU_ERROR_ULPS + 1.0);
const ROUNDINGS_IN_F64: f64 = 64.0;

/// The error of the derivatives of SiLU and GELU, in unit roundoffs, and the most that these change by per change of a
/// (GELU's second derivative, 2 phi(0) at 0).
const SLOPE_ROUNDINGS: f64 = 5.0;
const STEEPEST_SLOPE: f64 = 0.8;

impl RoundingErrors {
    pub(super) fn new(plain: &Plain, data: &Dataset) -> Self {
        let mut errors = RoundingErrors {
            loss: 0.0,
            gradients: plain.weights.iter().map(|weights| vec![0.0; weights.len()]).collect(),
        };
        let mut magnitudes = errors.gradients.clone();
        let (rows, whole) = (data.rows() as f64, weight_of(data));
        for row in 0..data.rows() {
            let (a, z) = plain.propagate(data.row(row), row);
            let (t, weight) = (targets(data, row), f64::from(data.weight(row)));
            let (output, output_errors) = (&a[a.len() - 1], plain.forward_errors(&a, &z, row, DOUBLE).0);
            let output_errors = output_errors.last().expect("an output");
            errors.loss += weight * plain.loss_error(output, output_errors, &t, rows) / whole;
            errors.add_sample(plain, (&a, &z, row), (&t, weight), &mut magnitudes);
        }
        for (error, magnitude) in errors.gradients.iter_mut().flatten().zip(magnitudes.iter().flatten()) {
            // The chain over the samples, then the scaling to a mean, of which a sum of weights is rounded first.
            let of_mean = if data.weights().is_some() { 3.0 } else { 2.0 };
            *error += (ROUNDINGS_PER_STEP * rows + of_mean) * SINGLE * magnitude;
            *error *= 2.0 / whole;
        }
        errors
    }

    /// Adds what one sample contributes to the errors of the gradient, and to the magnitudes of its terms.
    fn add_sample(
        &mut self,
        plain: &Plain,
        (a, z, row): (&Gradients<f64>, &Gradients<f64>, usize),
        (t, weight): (&[f64], f64),
        magnitudes: &mut Gradients<f64>,
    ) {
        let (a_errors, z_errors) = plain.forward_errors(a, z, row, SINGLE);
        let last = a.len() - 1;
        let mut delta = plain.output_deltas(&a[last], t);
        let mut delta_error = plain.prediction_errors(&a[last], &a_errors[last]);
        for (error, delta) in delta_error.iter_mut().zip(&mut delta) {
            // The subtraction and, if need be, the weight are rounded.
            let roundings = if weight == 1.0 { 1.0 } else { 2.0 };
            *error = weight * (*error + roundings * SINGLE * delta.abs());
            *delta *= weight;
        }
        for layer in (0..=last).rev() {
            let inputs = plain.inputs[layer];
            for (i, (d, e)) in delta.iter().zip(&delta_error).enumerate() {
                let at = i * (1 + inputs);
                self.gradients[layer][at] += e;
                magnitudes[layer][at] += d.abs();
                for j in 0..inputs {
                    let (z, z_error) = (z[layer][j].abs(), z_errors[layer][j]);
                    self.gradients[layer][at + 1 + j] += d.abs() * z_error + z * e + e * z_error;
                    magnitudes[layer][at + 1 + j] += (d * z).abs();
                }
            }
            if layer == 0 {
                return;
            }
            let (mut before, mut before_error) = (vec![0.0; inputs], vec![0.0; inputs]);
            for j in 0..inputs {
                let (mut sum, mut size, mut sum_error) = (0.0, 0.0, 0.0);
                for (i, (d, e)) in delta.iter().zip(&delta_error).enumerate() {
                    let weight = plain.weights[layer][i * (1 + inputs) + 1 + j];
                    sum += weight * d;
                    size += (weight * d).abs();
                    sum_error += weight.abs() * e;
                }
                sum_error += ROUNDINGS_PER_STEP * delta.len() as f64 * SINGLE * size;
                let slope = plain.slope(row, layer, j, a[layer - 1][j]);
                let slope_error = plain.slope_error(row, (layer, j), a[layer - 1][j], a_errors[layer - 1][j]);
                before[j] = sum * slope;
                before_error[j] = sum.abs() * slope_error
                    + slope.abs() * sum_error
                    + slope_error * sum_error
                    + SINGLE * before[j].abs();
            }
            (delta, delta_error) = (before, before_error);
        }
    }
}

impl Plain {
    /// A bound of the error of one sample's f64 loss in a sum of `rows`, from those of the output's preactivations.
    fn loss_error(&self, a: &[f64], a_errors: &[f64], t: &[f64], rows: f64) -> f64 {
        let roundings = FUNCTION_ROUNDINGS + a.len() as f64 + rows;
        let (slopes, size): (Vec<f64>, f64) = match self.output_layer {
            OutputLayer::Sigmoid => (vec![1.0; a.len()], a.iter().map(|a| reference::softplus(a.abs())).sum()),
            // The greatest preactivation, the logarithm, and the target's preactivations are added up.
            OutputLayer::Softmax => {
                let greatest = a.iter().fold(0.0f64, |most, a| most.max(a.abs()));
                (vec![1.0; a.len()], 2.0 * greatest + (a.len() as f64).ln())
            }
            OutputLayer::Identity => {
                let deltas = self.output_deltas(a, t);
                (deltas.iter().zip(a_errors).map(|(d, e)| d.abs() + e).collect(), self.sample_loss(a, t))
            }
        };
        let carried: f64 = slopes.iter().zip(a_errors).map(|(slope, error)| slope * error).sum();
        carried + roundings * DOUBLE * size
    }

    /// Bounds of the errors of the f32 predictions, from those of the output's preactivations.
    fn prediction_errors(&self, a: &[f64], a_errors: &[f64]) -> Vec<f64> {
        let y = self.predictions(a);
        match self.output_layer {
            OutputLayer::Sigmoid => {
                let pairs = y.iter().zip(a_errors);
                pairs.map(|(y, error)| y * (1.0 - y) * error + FUNCTION_ROUNDINGS * SINGLE * y).collect()
            }
            // The relative error of p_k is that of exp(a_k - m), an absolute one of its argument, and that of the sum, which
            // is the mean of those of its terms.
            OutputLayer::Softmax => {
                let greatest = a.iter().fold(f64::NEG_INFINITY, |greatest, a| greatest.max(*a));
                let of_arguments = a.iter().zip(a_errors).map(|(a, error)| error + SINGLE * (greatest - a));
                let of_arguments: Vec<f64> = of_arguments.collect();
                let of_sum: f64 = y.iter().zip(&of_arguments).map(|(p, error)| p * error).sum();
                let roundings = 2.0 * FUNCTION_ROUNDINGS + a.len() as f64 + 1.0;
                y.iter().zip(&of_arguments).map(|(p, error)| p * (error + of_sum + roundings * SINGLE)).collect()
            }
            OutputLayer::Identity => a_errors.to_vec(),
        }
    }

    /// A bound of the error of an f32 activation's derivative, after dropout, from that of the preactivation `a`.
    fn slope_error(&self, row: usize, (layer, unit): (usize, usize), a: f64, a_error: f64) -> f64 {
        let factor = self.factor(row, layer, unit);
        let (z, slope) = (reference::activate(self.activation, a), reference::derivative(self.activation, a));
        let z_error = self.activation_error(a, a_error, SINGLE);
        let error = match self.activation {
            Activation::Sigmoid => (1.0 - 2.0 * z).abs() * z_error + 2.0 * SINGLE * slope,
            Activation::Tanh => 2.0 * z.abs() * z_error + SINGLE * (1.0 + slope),
            // On the wrong side of the kink the slope is off by 1.
            Activation::Relu if a.abs() <= a_error => 1.0,
            Activation::Relu => 0.0,
            Activation::Silu | Activation::Gelu => STEEPEST_SLOPE * a_error + SLOPE_ROUNDINGS * SINGLE,
        };
        factor * error + self.dropout.map_or(0.0, |_| SINGLE * factor * (slope.abs() + error))
    }

    /// A bound of the error of an activation, before dropout, from that of the preactivation `a`.
    fn activation_error(&self, a: f64, a_error: f64, u: f64) -> f64 {
        let (z, slope) = (reference::activate(self.activation, a), reference::derivative(self.activation, a));
        match self.activation {
            Activation::Relu => a_error,
            // The slope changes by less than twice the error within the error.
            Activation::Sigmoid | Activation::Tanh => {
                a_error * (slope + 2.0 * a_error).min(1.0) + FUNCTION_ROUNDINGS * u * z.abs()
            }
            Activation::Silu | Activation::Gelu => {
                let roundings = match self.activation {
                    _ if u == DOUBLE => ROUNDINGS_IN_F64,
                    Activation::Silu => ROUNDINGS_OF_SILU,
                    _ => ROUNDINGS_OF_GELU,
                };
                a_error * (slope.abs() + STEEPEST_SLOPE * a_error) + roundings * u * z.abs()
            }
        }
    }

    /// Bounds of the errors of a and z, computed with unit roundoff `u`.
    fn forward_errors(
        &self,
        a: &Gradients<f64>,
        z: &Gradients<f64>,
        row: usize,
        u: f64,
    ) -> (Gradients<f64>, Gradients<f64>) {
        let mut a_errors: Gradients<f64> = Vec::new();
        let mut z_errors = vec![vec![0.0; self.inputs[0]]];
        for (layer, (weights, inputs)) in self.weights.iter().zip(&self.inputs).enumerate() {
            let before = &z_errors[layer];
            let errors: Vec<f64> = weights
                .chunks_exact(1 + inputs)
                .map(|row| {
                    let terms = row[1..].iter().zip(&z[layer]).zip(before);
                    let (size, carried) = terms.fold((row[0].abs(), 0.0), |(size, carried), ((w, z), e)| {
                        (size + (w * z).abs(), carried + w.abs() * e)
                    });
                    carried + ROUNDINGS_PER_STEP * (1 + inputs) as f64 * u * size
                })
                .collect();
            let of_activation = a[layer].iter().zip(&errors).enumerate().map(|(unit, (a, error))| {
                let of_factor = self.dropout.map_or(0.0, |_| u * z[layer + 1][unit].abs());
                self.factor(row, layer + 1, unit) * self.activation_error(*a, *error, u) + of_factor
            });
            z_errors.push(of_activation.collect());
            a_errors.push(errors);
        }
        (a_errors, z_errors)
    }
}
