//! The network and its gradient in f64, in plain loops: what central differences are taken of, and f32 is compared with.

use kernels::reference;
use kernels::{Activation, Dropout};

use super::Gradients;
use crate::{Dataset, Network, OutputLayer};

/// The weights of all samples together.
pub(super) fn weight_of(data: &Dataset) -> f64 {
    (0..data.rows()).map(|row| f64::from(data.weight(row))).sum()
}

/// What the output units are compared with in sample `row`.
pub(super) fn targets(data: &Dataset, row: usize) -> Vec<f64> {
    data.target_vector(row).into_iter().map(f64::from).collect()
}

/// The network in f64, in plain loops.
pub(super) struct Plain {
    pub(super) activation: Activation,
    pub(super) output_layer: OutputLayer,
    /// Inputs of each layer.
    pub(super) inputs: Vec<usize>,
    pub(super) weights: Gradients<f64>,
    pub(super) dropout: Option<Dropout>,
}

impl Plain {
    pub(super) fn new(network: &Network, dropout: Option<Dropout>) -> Self {
        let shape = network.shape();
        let weights =
            (1..=shape.layers().len()).map(|layer| network.weights(layer).into_iter().map(f64::from).collect());
        Plain {
            activation: shape.activation(),
            output_layer: shape.output_layer(),
            inputs: shape.layers().map(|layer| layer.inputs).collect(),
            weights: weights.collect(),
            dropout,
        }
    }

    /// What unit `unit`, counted from 0, of hidden layer `layer`, counted from 1, is multiplied by in row `row`.
    pub(super) fn factor(&self, row: usize, layer: usize, unit: usize) -> f64 {
        self.dropout.map_or(1.0, |dropout| f64::from(dropout.of_layer(layer, row).of_sample(0).of_unit(unit)))
    }

    /// dz/da of such a unit, at the preactivation a.
    pub(super) fn slope(&self, row: usize, layer: usize, unit: usize, a: f64) -> f64 {
        self.factor(row, layer, unit) * reference::derivative(self.activation, a)
    }

    /// z of hidden layer `layer`, counted from 1, in row `row`.
    pub(super) fn postactivations(&self, row: usize, layer: usize, a: &[f64]) -> Vec<f64> {
        let units = a.iter().enumerate();
        units.map(|(unit, a)| self.factor(row, layer, unit) * reference::activate(self.activation, *a)).collect()
    }

    /// a and z of each layer, for one sample.
    pub(super) fn propagate(&self, x: &[f32], row: usize) -> (Gradients<f64>, Gradients<f64>) {
        let mut z: Gradients<f64> = vec![x.iter().copied().map(f64::from).collect()];
        let mut a = Vec::new();
        for (weights, inputs) in self.weights.iter().zip(&self.inputs) {
            let mut preactivations = vec![0.0; weights.len() / (1 + inputs)];
            reference::matvec(weights, &z[z.len() - 1], &mut preactivations);
            // The last layer's z is not used.
            z.push(self.postactivations(row, z.len(), &preactivations));
            a.push(preactivations);
        }
        (a, z)
    }

    /// The loss of one sample, from the preactivations of the output.
    pub(super) fn sample_loss(&self, a: &[f64], t: &[f64]) -> f64 {
        let pairs = a.iter().zip(t);
        match self.output_layer {
            OutputLayer::Sigmoid => {
                pairs.map(|(a, t)| (1.0 - t) * reference::softplus(-a) + t * reference::softplus(*a)).sum()
            }
            OutputLayer::Softmax => {
                let (greatest, sum) = reference::shifted_exponentials(a, &mut vec![0.0; a.len()]);
                pairs.fold(greatest + sum.ln(), |loss, (a, t)| loss - t * a)
            }
            OutputLayer::Identity => pairs.map(|(a, t)| (a - t) * (a - t) / 2.0).sum(),
        }
    }

    /// Its derivatives by those preactivations.
    pub(super) fn output_deltas(&self, a: &[f64], t: &[f64]) -> Vec<f64> {
        let y = self.predictions(a);
        match self.output_layer {
            OutputLayer::Sigmoid => y.iter().zip(t).map(|(y, t)| y - (1.0 - t)).collect(),
            OutputLayer::Softmax | OutputLayer::Identity => y.iter().zip(t).map(|(y, t)| y - t).collect(),
        }
    }

    pub(super) fn predictions(&self, a: &[f64]) -> Vec<f64> {
        match self.output_layer {
            OutputLayer::Sigmoid => a.iter().map(|a| reference::sigmoid(*a)).collect(),
            OutputLayer::Softmax => {
                let mut p = vec![0.0; a.len()];
                reference::softmax(a, &mut p);
                p
            }
            OutputLayer::Identity => a.to_vec(),
        }
    }

    pub(super) fn gradient(&self, data: &Dataset) -> Gradients<f64> {
        let mut gradients: Gradients<f64> = self.weights.iter().map(|weights| vec![0.0; weights.len()]).collect();
        for row in 0..data.rows() {
            let (a, z) = self.propagate(data.row(row), row);
            let last = a.len() - 1;
            let mut delta = self.output_deltas(&a[last], &targets(data, row));
            delta.iter_mut().for_each(|delta| *delta *= f64::from(data.weight(row)));
            for layer in (0..=last).rev() {
                reference::outer_product(&delta, &z[layer], &mut gradients[layer]);
                if layer > 0 {
                    let mut before = vec![0.0; self.inputs[layer]];
                    reference::matvec_transposed(&self.weights[layer], &delta, &mut before);
                    for (unit, (delta, a)) in before.iter_mut().zip(&a[layer - 1]).enumerate() {
                        *delta *= self.slope(row, layer, unit, *a);
                    }
                    delta = before;
                }
            }
        }
        let weight = weight_of(data);
        gradients.iter_mut().flatten().for_each(|sum| *sum /= weight);
        gradients
    }

    /// a of the layers from `layer` on, for the sample `row`, with another value of one of its weights. `a` is what it
    /// would be without, and `z` is that of the layer before: nothing but one unit changes in the layer itself, and nothing
    /// before it.
    pub(super) fn changed_preactivations(
        &self,
        row: usize,
        (layer, place): (usize, usize),
        value: f64,
        a: &[f64],
        z: &[f64],
    ) -> Gradients<f64> {
        let length = 1 + self.inputs[layer];
        let unit = place / length;
        let mut weights = self.weights[layer][unit * length..][..length].to_vec();
        weights[place % length] = value;
        let mut changed = vec![a.to_vec()];
        reference::matvec(&weights, z, &mut changed[0][unit..=unit]);
        for weights in &self.weights[layer + 1..] {
            let z = self.postactivations(row, layer + changed.len(), &changed[changed.len() - 1]);
            let mut a = vec![0.0; weights.len() / (1 + z.len())];
            reference::matvec(weights, &z, &mut a);
            changed.push(a);
        }
        changed
    }
}
