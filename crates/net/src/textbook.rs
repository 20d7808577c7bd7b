//! Backpropagation as the book has it: one sample at a time, in four steps, with weights as matrices in book order.
//!
//! This is the path to read. The minibatch path of [`Trainer`](crate::Trainer) computes the same numbers, bit for bit.
//!
//! | step | formula | function |
//! |---|---|---|
//! | 1 | a_i^(l) = sum_j w_ij^(l) z_j^(l-1) + w_i0^(l), z = activation(a) | [`Textbook::propagate`] |
//! | 2 | delta^(L) = sigma(a^(L)) - (1 - t) | [`Textbook::deltas`] |
//! | 3 | delta_i^(l-1) = (sum_j delta_j^(l) w_ji^(l)) dz/da (a_i^(l-1)), for l = L, ..., 2 | [`Textbook::deltas`] |
//! | 4 | dL/dw_ij^(l) = delta_i^(l) z_j^(l-1), dL/dw_i0^(l) = delta_i^(l) | [`Textbook::add_gradient`] |

use kernels::{
    Level, activate, matvec, matvec_transposed, multiply_by_derivative, outer_product, sgd_step, sigmoid, softplus,
};

use crate::{Activation, Dataset, Error, Network, Optimizer, Shape};

/// A network's weights in book order, and the four steps.
#[derive(Clone, Debug)]
pub struct Textbook {
    shape: Shape,
    /// Of layers 1..=L: (outputs, 1 + inputs), the bias first.
    weights: Vec<Vec<f32>>,
    velocities: Vec<Vec<f32>>,
    level: Level,
}

/// What step 1 keeps of one sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Propagation {
    /// z of layers 0..L: the features, then the postactivations of each hidden layer.
    pub z: Vec<Vec<f32>>,
    /// a of layers 1..=L.
    pub a: Vec<Vec<f32>>,
}

impl Propagation {
    /// The preactivation of the output.
    pub fn output_preactivation(&self) -> f32 {
        self.a[self.a.len() - 1][0]
    }
}

impl Textbook {
    /// The weights of `network`, to be computed with at `level`.
    pub fn new(network: &Network, level: Level) -> Self {
        let shape = network.shape().clone();
        let weights: Vec<Vec<f32>> = (1..=shape.layers().len()).map(|layer| network.weights(layer)).collect();
        let velocities = weights.iter().map(|weights| vec![0.0; weights.len()]).collect();
        Textbook { shape, weights, velocities, level }
    }

    /// The network with the weights as they are now.
    ///
    /// # Errors
    /// If a weight is not finite.
    pub fn to_network(&self) -> Result<Network, Error> {
        Network::from_weights(self.shape.clone(), &self.weights)
    }

    /// Step 1: propagates the features `x` of one sample, and keeps every a and z.
    ///
    /// # Panics
    /// If `x` has not the network's number of features.
    pub fn propagate(&self, x: &[f32]) -> Propagation {
        let mut z = vec![x.to_vec()];
        let mut a: Vec<Vec<f32>> = Vec::new();
        for (weights, layer) in self.weights.iter().zip(self.shape.layers()) {
            let mut preactivations = vec![0.0; layer.outputs];
            matvec(self.level, weights, &z[z.len() - 1], &mut preactivations);
            if z.len() < self.weights.len() {
                let mut postactivations = vec![0.0; layer.outputs];
                activate(self.level, self.activation(), &preactivations, &mut postactivations);
                z.push(postactivations);
            }
            a.push(preactivations);
        }
        Propagation { z, a }
    }

    /// The loss of a sample of class `t`: L = (1 - t) softplus(-a) + t softplus(a), in nats.
    pub fn loss(&self, propagation: &Propagation, t: f32) -> f32 {
        let a = propagation.output_preactivation();
        let mut softplus_of = [0.0; 2];
        softplus(self.level, &[-a, a], &mut softplus_of);
        t.mul_add(softplus_of[1], (1.0 - t) * softplus_of[0])
    }

    /// Steps 2 and 3: delta of layers 1..=L.
    pub fn deltas(&self, propagation: &Propagation, t: f32) -> Vec<Vec<f32>> {
        let mut y = [0.0];
        sigmoid(self.level, &[propagation.output_preactivation()], &mut y);
        let mut deltas = vec![vec![y[0] - (1.0 - t)]];
        for l in (1..self.weights.len()).rev() {
            let z = &propagation.z[l];
            let mut delta = vec![0.0; z.len()];
            matvec_transposed(self.level, &self.weights[l], &deltas[0], &mut delta);
            multiply_by_derivative(self.level, self.activation(), z, &mut delta);
            deltas.insert(0, delta);
        }
        deltas
    }

    /// Step 4: adds the sample's gradient to `gradients`, one in book order for each layer.
    pub fn add_gradient(&self, propagation: &Propagation, deltas: &[Vec<f32>], gradients: &mut [Vec<f32>]) {
        for ((delta, z), gradient) in deltas.iter().zip(&propagation.z).zip(gradients) {
            outer_product(self.level, delta, z, gradient);
        }
    }

    /// All four steps for the samples `indices` of `data`, one after the other: the summed gradients in book order, and the
    /// summed loss.
    pub fn gradient(&self, data: &Dataset, indices: &[usize]) -> (Vec<Vec<f32>>, f64) {
        let mut gradients: Vec<Vec<f32>> = self.weights.iter().map(|weights| vec![0.0; weights.len()]).collect();
        let mut loss = 0.0;
        for index in indices {
            let (x, t) = (data.row(*index), data.targets()[*index]);
            let propagation = self.propagate(x);
            let deltas = self.deltas(&propagation, t);
            self.add_gradient(&propagation, &deltas, &mut gradients);
            loss += f64::from(self.loss(&propagation, t));
        }
        (gradients, loss)
    }

    /// One training step with the samples `indices` of `data`. Returns their mean loss before it.
    pub fn step(&mut self, optimizer: Optimizer, data: &Dataset, indices: &[usize]) -> f64 {
        let (gradients, loss) = self.gradient(data, indices);
        let step = optimizer.step(indices.len());
        for ((weights, velocity), gradient) in self.weights.iter_mut().zip(&mut self.velocities).zip(&gradients) {
            sgd_step(self.level, step, gradient, weights, velocity);
        }
        loss / indices.len() as f64
    }

    fn activation(&self) -> Activation {
        self.shape.activation()
    }
}
