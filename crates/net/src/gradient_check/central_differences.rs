//! dL/dw by central differences of the loss, in f64.

use kernels::reference::Real;
use kernels::{Activation, Dropout};

use super::plain::{Plain, targets, weight_of};
use super::rounding_errors::RoundingErrors;
use super::{Gradients, WeightIndex};
use crate::{Dataset, Error, Network};

/// The wider step of the central differences, for weights up to 1 in magnitude. What the series leaves, h^4 / 480 times the
/// fifth derivative, is below 1e-7 of the first one even where a weight's input is 1,000, as dropout and a few layers can
/// make it.
const STEP: f64 = 5e-5;

/// The rounding of an extrapolated difference, in roundings of the loss divided by the wider step: one of its difference, and
/// two of the narrower one's, of which the one counts a third and the other four thirds.
pub(super) const ROUNDING_OF_DIFFERENCE: f64 = (1.0 + 4.0 * 2.0) / 3.0 / STEP;

/// dL/dw of single weights by central differences, in f64, with L the mean loss over some data.
pub struct CentralDifferences<'a> {
    pub(super) plain: Plain,
    data: &'a Dataset,
    /// a and z of each layer, for each sample.
    propagated: Vec<(Gradients<f64>, Gradients<f64>)>,
}

impl<'a> CentralDifferences<'a> {
    /// Of this network on this data.
    ///
    /// # Errors
    /// If the data does not fit the network.
    pub fn new(network: &Network, data: &'a Dataset) -> Result<Self, Error> {
        Self::with_dropout(network, data, None)
    }

    pub(super) fn with_dropout(network: &Network, data: &'a Dataset, dropout: Option<Dropout>) -> Result<Self, Error> {
        data.check_fits(network.shape())?;
        let plain = Plain::new(network, dropout);
        let propagated = (0..data.rows()).map(|row| plain.propagate(data.row(row), row)).collect();
        Ok(CentralDifferences { plain, data, propagated })
    }

    /// dL/dw as D(h) = (L(w + h) - L(w - h)) / 2h at h = 5e-5 max(1, |w|) and at half of it, extrapolated to h = 0:
    /// (4 D(h/2) - D(h)) / 3 (L. F. Richardson, 1911). Nothing where a ReLU changes sides between the four.
    ///
    /// # Panics
    /// If there is no such weight.
    pub fn of(&self, weight: WeightIndex) -> Option<f64> {
        let (layer, row) = (weight.layer - 1, 1 + self.plain.inputs[weight.layer - 1]);
        assert!(weight.input < row, "an input of the layer");
        self.at(layer, (weight.unit - 1) * row + weight.input)
    }

    /// The smallest magnitude that a difference can tell from 0: a bound of its rounding.
    pub fn resolution(&self) -> f64 {
        RoundingErrors::new(&self.plain, self.data).loss * ROUNDING_OF_DIFFERENCE
    }

    /// Multiply-adds that one difference of a weight of this layer, counted from 0, takes, about.
    pub(crate) fn multiply_adds(&self, layer: usize) -> f64 {
        let above: usize = self.plain.weights[layer + 1..].iter().map(Vec::len).sum();
        4.0 * self.data.rows() as f64 * (self.plain.inputs[layer] + above) as f64
    }

    pub(super) fn at(&self, layer: usize, place: usize) -> Option<f64> {
        let w = self.plain.weights[layer][place];
        let difference = |h: f64| {
            let (above, sides_above) = self.loss(layer, place, w + h);
            let (below, sides_below) = self.loss(layer, place, w - h);
            let slope = (above - below) / ((w + h) - (w - h));
            (sides_above == sides_below).then_some((slope, sides_above))
        };
        let h = STEP * w.magnitude().max(1.0);
        let ((wide, sides), (narrow, sides_narrow)) = (difference(h)?, difference(h / 2.0)?);
        (sides == sides_narrow).then_some((4.0 * narrow - wide) / 3.0)
    }

    /// The mean loss with another value of one weight, and which hidden units of which samples, from its layer on, lie above
    /// the kink of a ReLU.
    fn loss(&self, layer: usize, place: usize, value: f64) -> (f64, Vec<bool>) {
        let (mut sum, mut above) = (0.0, Vec::new());
        for (row, (a, z)) in self.propagated.iter().enumerate() {
            let a = self.plain.changed_preactivations(row, (layer, place), value, &a[layer], &z[layer]);
            let (output, hidden) = a.split_last().expect("an output");
            sum += f64::from(self.data.weight(row)) * self.plain.sample_loss(output, &targets(self.data, row));
            if self.plain.activation == Activation::Relu {
                above.extend(hidden.iter().flatten().map(|a| *a > 0.0));
            }
        }
        (sum / weight_of(self.data), above)
    }
}
