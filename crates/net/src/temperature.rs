//! Temperature scaling: probabilities that are neither too bold nor too timid.
//!
//! A network that has been trained for long says 0.99 where 0.9 would be right. Dividing all preactivations a of the output
//! by one number T, the temperature, changes how sure it is and not what it prefers: with T > 1 it becomes less sure. T is
//! fitted on rows that the network was not trained on, by minimising the log loss. (C. Guo and others: On calibration of
//! modern neural networks, 2017, section 4.2.)
//!
//! Applied, it is no part of a network but a change of its last weights: a is linear in them, so that
//! [`Network::scale_output`](crate::Network::scale_output) by 1/T is all there is to it.
//!
//! ```
//! # use net::{Dataset, Network, Predictor, temperature::Temperature};
//! # let mut network = Network::builder(1).seed(1).build()?;
//! # let held_out = Dataset::new(1, vec![1.0, 2.0, -1.0, 3.0], vec![0.0, 1.0, 1.0, 0.0])?;
//! let mut preactivations = vec![0.0; held_out.rows() * network.shape().outputs()];
//! Predictor::new(&network).preactivations(held_out.features(), &mut preactivations)?;
//! let temperature = Temperature::fit(&preactivations, &held_out)?;
//! network.scale_output(temperature.inverse())?;
//! # Ok::<(), net::Error>(())
//! ```

use crate::elementary::exp;
use crate::{Dataset, Error, TargetKind};

/// A temperature T.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Temperature {
    inverse: f32,
}

/// The least and the greatest 1/T. Rows that are all predicted right would want an infinite one, and predictions that are
/// worse than guessing 0.
const INVERSE_RANGE: (f64, f64) = (1.0 / 20.0, 20.0);

impl Temperature {
    /// The T in 1/20..=20 under which the log loss of `data` is least, given the preactivations of the output for each of its
    /// rows: (rows, outputs), row-major, as of [`Predictor::preactivations`](crate::Predictor::preactivations). Several
    /// labels share one. Targets are taken as they were given, not smoothed, and rows count by their weights.
    ///
    /// The loss is convex in 1/T. Newton's method in f64, kept inside of a bracket, finds where its derivative is 0; sums in
    /// row order and functions of this library's own give the same bits on every machine. T is 1 where no other one is better:
    /// all preactivations are 0, or so great and right that the loss is 0.
    ///
    /// # Errors
    /// If the targets are real numbers, the lengths do not fit or a preactivation is not finite.
    pub fn fit(preactivations: &[f32], data: &Dataset) -> Result<Temperature, Error> {
        let kind = data.target_kind();
        let outputs = kind.outputs();
        if let TargetKind::Values(_) = kind {
            return Err(Error::Data("predictions of real targets are no probabilities and have no temperature".into()));
        }
        if preactivations.len() != data.rows() * outputs {
            let (found, expected) = (preactivations.len(), data.rows() * outputs);
            return Err(Error::Length { what: "the slice of preactivations", found, expected });
        }
        if let Some(at) = preactivations.iter().position(|a| !a.is_finite()) {
            let (row, a) = (at / outputs + 1, preactivations[at]);
            return Err(Error::Data(format!("row {row}: a preactivation of the output is {a}, but must be finite")));
        }
        let derivatives = |s: f64| {
            let mut sum = Derivatives::default();
            for (row, a) in preactivations.chunks_exact(outputs).enumerate() {
                let weight = f64::from(data.weight(row));
                let of_row = match kind {
                    TargetKind::Classes(_) => of_softmax(s, a, data.targets()[row] as usize),
                    _ => of_sigmoids(s, a, &data.targets()[row * outputs..]),
                };
                sum.first += weight * of_row.first;
                sum.second += weight * of_row.second;
            }
            sum
        };
        Ok(Temperature { inverse: root(derivatives) as f32 })
    }

    /// T: above 1, the network was too sure.
    pub fn value(self) -> f64 {
        1.0 / f64::from(self.inverse)
    }

    /// 1/T, what the preactivations of the output have to be multiplied by.
    pub fn inverse(self) -> f32 {
        self.inverse
    }
}

/// The first and second derivative of a loss by s = 1/T.
#[derive(Clone, Copy, Debug, Default)]
struct Derivatives {
    first: f64,
    second: f64,
}

/// Of sum_k (1 - t_k) softplus(-s a_k) + t_k softplus(s a_k): sum_k a_k (y_k - (1 - t_k)), and sum_k a_k^2 y_k (1 - y_k), with
/// y_k = sigma(s a_k).
fn of_sigmoids(s: f64, a: &[f32], t: &[f32]) -> Derivatives {
    let mut sum = Derivatives::default();
    for (a, t) in a.iter().zip(t) {
        let (a, t) = (f64::from(*a), f64::from(*t));
        let e = exp(-(s * a).abs());
        let y = if a >= 0.0 { 1.0 / (1.0 + e) } else { e / (1.0 + e) };
        sum.first += a * (y - (1.0 - t));
        sum.second += a * a * e / ((1.0 + e) * (1.0 + e));
    }
    sum
}

/// Of ln sum_k exp(s a_k) - s a_class: the mean of a under p = softmax(s a), less a_class; and the variance of a under p.
fn of_softmax(s: f64, a: &[f32], class: usize) -> Derivatives {
    let greatest = a.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let below = |a: f32| f64::from(a) - f64::from(greatest);
    let (mut total, mut mean, mut square) = (0.0, 0.0, 0.0);
    for a in a {
        let a = below(*a);
        let e = exp(s * a);
        total += e;
        mean += e * a;
        square += e * a * a;
    }
    mean /= total;
    Derivatives { first: mean - below(a[class]), second: square / total - mean * mean }
}

/// The s in [`INVERSE_RANGE`] where the first derivative is 0, or the end that is nearer to it.
fn root(derivatives: impl Fn(f64) -> Derivatives) -> f64 {
    /// Far below the spacing of f32, to which the root is rounded.
    const RELATIVE_ERROR: f64 = 1e-12;
    let (mut low, mut high) = INVERSE_RANGE;
    let mut s = 1.0;
    let mut here = derivatives(s);
    if here.first == 0.0 {
        return s;
    }
    let end = if here.first < 0.0 { high } else { low };
    if (derivatives(end).first < 0.0) == (here.first < 0.0) {
        return end;
    }
    let mut last_step = high - low;
    loop {
        if here.first < 0.0 {
            low = s;
        } else {
            high = s;
        }
        // Away from the root Newton's steps may leave the bracket or not get shorter; halve the bracket then.
        let newton = s - here.first / here.second;
        let is_good = newton > low && newton < high && (newton - s).abs() <= last_step / 2.0;
        let next = if is_good { newton } else { (low + high) / 2.0 };
        last_step = (next - s).abs();
        if last_step <= RELATIVE_ERROR * s {
            return next;
        }
        s = next;
        here = derivatives(s);
        if here.first == 0.0 {
            return s;
        }
    }
}
