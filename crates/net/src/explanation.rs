//! One sample on its way through a network and back, with every number that the four steps of [`textbook`](crate::textbook)
//! compute: what training computes, bit for bit, kept to be looked at.

use serde::Serialize;

use crate::gradient_check::{CentralDifferences, WeightIndex};
use crate::textbook::{Propagation, Textbook};
use crate::{Dataset, Error, Level, Network};

/// The numbers of one sample.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// The features, x = z^(0).
    pub x: Vec<f32>,
    /// Layers 1..=L.
    pub layers: Vec<LayerNumbers>,
    /// What the output units are compared with, one number for each, if the sample has a target.
    pub t: Option<Vec<f32>>,
    /// The loss L of the sample, if it has a target.
    pub loss: Option<f32>,
}

/// The numbers of layer l, counted from 1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerNumbers {
    /// l.
    pub layer: usize,
    /// The weights: a row for each unit i, with w_i0 (the bias), w_i1, w_i2, ...
    pub w: Vec<Vec<f32>>,
    /// The preactivation of each unit.
    pub a: Vec<f32>,
    /// The postactivation of each unit; in the output layer, the prediction.
    pub z: Vec<f32>,
    /// What backpropagation adds, if the sample has a target.
    #[serde(flatten)]
    pub backward: Option<BackwardNumbers>,
}

/// The numbers of a layer in steps 2 to 4.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BackwardNumbers {
    /// sum_j delta_j^(l+1) w_ji^(l+1) of each unit i. The output layer has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sum: Option<Vec<f32>>,
    /// dz/da of each unit. The output layer needs none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slope: Option<Vec<f32>>,
    /// delta = dL/da of each unit.
    pub delta: Vec<f32>,
    /// dL/dw, as `w`: a row for each unit i, with dL/dw_i0, dL/dw_i1, dL/dw_i2, ...
    pub gradient: Vec<Vec<f32>>,
}

/// One weight's derivative beside its central difference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Which weight.
    #[serde(flatten)]
    pub weight: WeightIndex,
    /// dL/dw by backpropagation, in f32.
    pub gradient: f32,
    /// The central difference of the loss in f64, [`CentralDifferences::of`]; none where a step crosses the kink of a ReLU.
    pub difference: Option<f64>,
    /// How far the two are from each other, as a part of the larger magnitude; 0 if both are 0.
    pub relative_error: Option<f64>,
}

impl Explanation {
    /// Step 1 alone, for the features `x` of a sample without a target.
    ///
    /// # Errors
    /// If `x` has not the network's number of features.
    pub fn forward(network: &Network, level: Level, x: &[f32]) -> Result<Self, Error> {
        let expected = network.shape().inputs();
        if x.len() != expected {
            return Err(Error::Length { what: "the sample", found: x.len(), expected });
        }
        let textbook = Textbook::new(network, level);
        Ok(Self::propagated(network, &textbook, &textbook.propagate(x)))
    }

    /// All four steps for the sample `row` of `data`, counted from 0; as if it were the only one, with weight 1.
    ///
    /// # Errors
    /// If the data does not fit the network.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn of_sample(network: &Network, level: Level, data: &Dataset, row: usize) -> Result<Self, Error> {
        data.check_fits(network.shape())?;
        let textbook = Textbook::new(network, level);
        let propagation = textbook.propagate(data.row(row));
        let t = data.target_vector(row);
        let deltas = textbook.deltas(&propagation, &t, 1.0);
        let mut explanation = Self::propagated(network, &textbook, &propagation);
        let mut gradients: Vec<Vec<f32>> =
            network.shape().layers().map(|layer| vec![0.0; layer.outputs * (1 + layer.inputs)]).collect();
        textbook.add_gradient(&propagation, &deltas, &mut gradients);
        for (index, (layer, gradient)) in explanation.layers.iter_mut().zip(&gradients).enumerate() {
            let after = deltas.get(index + 1);
            layer.backward = Some(BackwardNumbers {
                sum: after.map(|after| textbook.backpropagated(index + 1, after)),
                slope: after.map(|_| propagation.slopes[index].clone()),
                delta: deltas[index].clone(),
                gradient: rows(gradient, layer.a.len()),
            });
        }
        explanation.loss = Some(textbook.loss(&propagation, &t));
        explanation.t = Some(t);
        Ok(explanation)
    }

    fn propagated(network: &Network, textbook: &Textbook, propagation: &Propagation) -> Self {
        let hidden = propagation.z[1..].iter().cloned();
        let z = hidden.chain([textbook.predictions(propagation)]);
        let layers = propagation.a.iter().zip(z).zip(1..).map(|((a, z), layer)| {
            let w = rows(&network.weights(layer), a.len());
            LayerNumbers { layer, w, a: a.clone(), z, backward: None }
        });
        Explanation { x: propagation.z[0].clone(), layers: layers.collect(), t: None, loss: None }
    }

    /// The outputs of layer l, counted from 0: x = z^(0), then the layers' postactivations.
    ///
    /// # Panics
    /// If there is no such layer.
    pub fn z(&self, layer: usize) -> &[f32] {
        layer.checked_sub(1).map_or(&self.x, |before| &self.layers[before].z)
    }

    /// dL/dw of some weights beside their central differences.
    ///
    /// # Panics
    /// If there is no such weight, or the sample has no target.
    pub fn compare(
        &self,
        differences: &CentralDifferences<'_>,
        weights: impl IntoIterator<Item = WeightIndex>,
    ) -> Vec<Comparison> {
        let compare = |weight: WeightIndex| {
            let backward = self.layers[weight.layer - 1].backward.as_ref().expect("a sample with a target");
            let gradient = backward.gradient[weight.unit - 1][weight.input];
            let difference = differences.of(weight);
            let relative_error = difference.map(|difference| {
                let (error, size) = (f64::from(gradient) - difference, f64::from(gradient).abs().max(difference.abs()));
                if error == 0.0 { 0.0 } else { error.abs() / size }
            });
            Comparison { weight, gradient, difference, relative_error }
        };
        weights.into_iter().map(compare).collect()
    }
}

/// A layer's numbers in book order, cut into the rows of its units.
fn rows(numbers: &[f32], units: usize) -> Vec<Vec<f32>> {
    numbers.chunks_exact(numbers.len() / units).map(<[f32]>::to_vec).collect()
}
