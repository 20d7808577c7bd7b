//! Backpropagation as the book has it: one sample at a time, in four steps, with weights as matrices in book order.
//!
//! This is the path to read. The minibatch path of [`Trainer`](crate::Trainer) computes the same numbers, bit for bit.
//!
//! | step | formula | function |
//! |---|---|---|
//! | 1 | a_i^(l) = sum_j w_ij^(l) z_j^(l-1) + w_i0^(l), z = activation(a) | [`Textbook::propagate`] |
//! | 2 | delta^(L) = sigma(a^(L)) - (1 - t), or as [`OutputLayer`] has it | [`Textbook::deltas`] |
//! | 3 | delta_i^(l-1) = (sum_j delta_j^(l) w_ji^(l)) dz/da (a_i^(l-1)), for l = L, ..., 2 | [`Textbook::deltas`] |
//! | 4 | dL/dw_ij^(l) = delta_i^(l) z_j^(l-1), dL/dw_i0^(l) = delta_i^(l) | [`Textbook::add_gradient`] |

use kernels::matrix::PANEL;
use kernels::{
    Dropout, Level, Slope, Step, activate, derivative, ln, matvec, matvec_transposed, multiply_by_derivative,
    outer_product, shifted_exponentials, sigmoid, softplus, update_weights,
};

use crate::loss::weighted_delta;
use crate::optimizer::{Progress, clipped};
use crate::{Activation, Dataset, Error, Network, Optimizer, OutputLayer, Shape, TrainingOptions};

/// A network's weights in book order, and the four steps.
#[derive(Clone, Debug)]
pub struct Textbook {
    shape: Shape,
    /// Of layers 1..=L: (outputs, 1 + inputs), the bias first.
    weights: Vec<Vec<f32>>,
    /// What the optimiser keeps: two numbers for each weight, of which it may use fewer.
    kept: Vec<[Vec<f32>; 2]>,
    progress: Progress,
    level: Level,
}

/// What step 1 keeps of one sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Propagation {
    /// z of layers 0..L: the features, then the postactivations of each hidden layer. Dropout has its part in them.
    pub z: Vec<Vec<f32>>,
    /// dz/da of the hidden layers 1..L.
    pub slopes: Vec<Vec<f32>>,
    /// a of layers 1..=L.
    pub a: Vec<Vec<f32>>,
}

impl Propagation {
    /// The preactivation of the first output unit, or of the only one.
    pub fn output_preactivation(&self) -> f32 {
        self.output_preactivations()[0]
    }

    /// The preactivations of the output units.
    pub fn output_preactivations(&self) -> &[f32] {
        &self.a[self.a.len() - 1]
    }
}

impl Textbook {
    /// The weights of `network`, to be computed with at `level`.
    pub fn new(network: &Network, level: Level) -> Self {
        let shape = network.shape().clone();
        let weights: Vec<Vec<f32>> = (1..=shape.layers().len()).map(|layer| network.weights(layer)).collect();
        let kept = weights.iter().map(|weights| [vec![0.0; weights.len()], vec![0.0; weights.len()]]).collect();
        Textbook { shape, weights, kept, progress: Progress::new(), level }
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
        self.propagate_with_dropout(x, None)
    }

    /// The same, but some units are dropped: those that `dropout` drops of the sample at this position in its minibatch.
    ///
    /// # Panics
    /// As [`Textbook::propagate`].
    pub fn propagate_with_dropout(&self, x: &[f32], dropout: Option<(Dropout, usize)>) -> Propagation {
        let mut z = vec![x.to_vec()];
        let mut slopes = Vec::new();
        let mut a: Vec<Vec<f32>> = Vec::new();
        for (weights, layer) in self.weights.iter().zip(self.shape.layers()) {
            let mut preactivations = vec![0.0; layer.outputs];
            matvec(self.level, weights, &z[z.len() - 1], &mut preactivations);
            if z.len() < self.weights.len() {
                let (mut postactivations, mut derivatives) = (vec![0.0; layer.outputs], vec![0.0; layer.outputs]);
                activate(self.level, self.activation(), &preactivations, &mut postactivations);
                derivative(self.level, self.activation(), &preactivations, &mut derivatives);
                if let Some((dropout, position)) = dropout {
                    let factors = dropout.of_layer(z.len(), 0).of_sample(position);
                    for (unit, (z, slope)) in postactivations.iter_mut().zip(&mut derivatives).enumerate() {
                        *z *= factors.of_unit(unit);
                        *slope *= factors.of_unit(unit);
                    }
                }
                z.push(postactivations);
                slopes.push(derivatives);
            }
            a.push(preactivations);
        }
        Propagation { z, slopes, a }
    }

    /// The loss of a sample with the targets `t`, one for each output unit ([`Dataset::target_vector`]). With one sigmoid,
    /// L = (1 - t) softplus(-a) + t softplus(a), in nats; [`OutputLayer`] has the others.
    ///
    /// # Panics
    /// If `t` has not one number for each output unit.
    pub fn loss(&self, propagation: &Propagation, t: &[f32]) -> f32 {
        let a = propagation.output_preactivations();
        assert_eq!(t.len(), a.len(), "a target for each output unit");
        match self.shape.output_layer() {
            OutputLayer::Sigmoid => a.iter().zip(t).fold(0.0, |sum, (a, t)| {
                let mut softplus_of = [0.0; 2];
                softplus(self.level, &[-a, *a], &mut softplus_of);
                sum + t.mul_add(softplus_of[1], (1.0 - t) * softplus_of[0])
            }),
            OutputLayer::Softmax => {
                let (greatest, sum) = shifted_exponentials(self.level, a, &mut vec![0.0; a.len()]);
                let mut ln_of = [0.0];
                ln(self.level, &[sum], &mut ln_of);
                ln_of[0] - a.iter().zip(t).fold(0.0, |sum, (a, t)| t.mul_add(a - greatest, sum))
            }
            OutputLayer::Identity => a.iter().zip(t).fold(0.0, |sum, (a, t)| (0.5 * (a - t)).mul_add(a - t, sum)),
        }
    }

    /// z^(L), what the output units predict, as [`OutputLayer`] has it: with one sigmoid, y = p(t = 0 given x).
    pub fn predictions(&self, propagation: &Propagation) -> Vec<f32> {
        let a = propagation.output_preactivations();
        let mut z = vec![0.0; a.len()];
        match self.shape.output_layer() {
            OutputLayer::Sigmoid => sigmoid(self.level, a, &mut z),
            OutputLayer::Softmax => {
                let (_, sum) = shifted_exponentials(self.level, a, &mut z);
                z.iter_mut().for_each(|e| *e /= sum);
            }
            OutputLayer::Identity => z.copy_from_slice(a),
        }
        z
    }

    /// Step 2: delta of layer L, "prediction minus target", for the targets `t` as in [`Textbook::loss`].
    ///
    /// # Panics
    /// As [`Textbook::loss`].
    pub fn output_deltas(&self, propagation: &Propagation, t: &[f32]) -> Vec<f32> {
        assert_eq!(t.len(), self.shape.outputs(), "a target for each output unit");
        let pairs = self.predictions(propagation).into_iter().zip(t);
        match self.shape.output_layer() {
            OutputLayer::Sigmoid => pairs.map(|(y, t)| y - (1.0 - t)).collect(),
            OutputLayer::Softmax | OutputLayer::Identity => pairs.map(|(y, t)| y - t).collect(),
        }
    }

    /// The sum of step 3 for each unit i of the hidden layer `l`, counted from 1: sum_j delta_j^(l+1) w_ji^(l+1).
    ///
    /// # Panics
    /// If there is no such hidden layer, or `deltas` has not one number for each unit of the layer after it.
    pub fn backpropagated(&self, l: usize, deltas: &[f32]) -> Vec<f32> {
        assert!((1..self.weights.len()).contains(&l), "a hidden layer");
        let mut sums = vec![0.0; self.shape.hidden()[l - 1]];
        matvec_transposed(self.level, &self.weights[l], deltas, &mut sums);
        sums
    }

    /// Steps 2 and 3: delta of layers 1..=L, for the targets `t` as in [`Textbook::loss`]. Those of layer L are multiplied by
    /// the sample's `weight` ([`Dataset::weight`]), 1 if it has none; with a weight of 0 they are 0.
    ///
    /// # Panics
    /// As [`Textbook::loss`].
    pub fn deltas(&self, propagation: &Propagation, t: &[f32], weight: f32) -> Vec<Vec<f32>> {
        let mut deltas = vec![self.output_deltas(propagation, t)];
        deltas[0].iter_mut().for_each(|delta| *delta = weighted_delta(weight, *delta));
        for l in (1..self.weights.len()).rev() {
            let mut delta = self.backpropagated(l, &deltas[0]);
            multiply_by_derivative(self.level, Slope::Kept, &propagation.slopes[l - 1], &mut delta);
            deltas.insert(0, delta);
        }
        deltas
    }

    /// Step 4: adds the sample's gradient to `gradients`, one in book order for each layer.
    ///
    /// # Panics
    /// If a gradient has another number of weights than its layer.
    pub fn add_gradient(&self, propagation: &Propagation, deltas: &[Vec<f32>], gradients: &mut [Vec<f32>]) {
        for ((delta, z), gradient) in deltas.iter().zip(&propagation.z).zip(gradients) {
            outer_product(self.level, delta, z, gradient);
        }
    }

    /// All four steps for the samples `indices` of `data`, one after the other: the summed gradients in book order, and the
    /// summed loss, both weighted.
    ///
    /// # Panics
    /// If the data has another number of inputs or other targets than the network, or no such sample.
    pub fn gradient(&self, data: &Dataset, indices: &[usize]) -> (Vec<Vec<f32>>, f64) {
        self.gradient_with_dropout(data, indices, None)
    }

    /// The same with the units left out that `dropout` drops.
    ///
    /// # Panics
    /// As [`Textbook::gradient`].
    pub fn gradient_with_dropout(
        &self,
        data: &Dataset,
        indices: &[usize],
        dropout: Option<Dropout>,
    ) -> (Vec<Vec<f32>>, f64) {
        if let Err(error) = data.check_fits(&self.shape) {
            panic!("{error}");
        }
        let mut gradients: Vec<Vec<f32>> = self.weights.iter().map(|weights| vec![0.0; weights.len()]).collect();
        let mut loss = 0.0;
        for (position, index) in indices.iter().enumerate() {
            let (x, t, weight) = (data.row(*index), data.target_vector(*index), data.weight(*index));
            let propagation = self.propagate_with_dropout(x, dropout.map(|dropout| (dropout, position)));
            let deltas = self.deltas(&propagation, &t, weight);
            self.add_gradient(&propagation, &deltas, &mut gradients);
            if weight > 0.0 {
                loss += f64::from(weight) * f64::from(self.loss(&propagation, &t));
            }
        }
        (gradients, loss)
    }

    /// One training step with the samples `indices` of `data`. Returns their mean loss before it.
    ///
    /// # Panics
    /// As [`Textbook::gradient`].
    pub fn step(&mut self, optimizer: Optimizer, data: &Dataset, indices: &[usize]) -> f64 {
        self.step_with(&TrainingOptions { optimizer, ..TrainingOptions::default() }, data, indices)
    }

    /// The same with all that the options say of a step: the optimiser, its schedule, weight decay, clipping and
    /// dropout. Options that [`Trainer::new`](crate::Trainer::new) refuses give numbers without a meaning.
    ///
    /// # Panics
    /// As [`Textbook::gradient`], or if the probability of dropout is 1 or more.
    pub fn step_with(&mut self, options: &TrainingOptions, data: &Dataset, indices: &[usize]) -> f64 {
        let dropout = self.progress.dropout(options);
        let (gradients, loss) = self.gradient_with_dropout(data, indices, dropout);
        let weight: f64 = indices.iter().map(|index| f64::from(data.weight(*index))).sum();
        if weight == 0.0 {
            return 0.0;
        }
        let mut step = self.progress.next(options, weight);
        if let Some(most) = options.clip_norm {
            step = clipped(step, most, self.squared_norm(&gradients), weight);
        }
        let bias_step = Step { keep: 1.0, ..step };
        let parameters = self.weights.iter_mut().zip(&mut self.kept).zip(&gradients).zip(self.shape.layers());
        for (((weights, [first, second]), gradient), layer) in parameters {
            let row = 1 + layer.inputs;
            let kept = first.chunks_exact_mut(row).zip(second.chunks_exact_mut(row));
            let rows = weights.chunks_exact_mut(row).zip(gradient.chunks_exact(row)).zip(kept);
            for ((weights, gradient), (first, second)) in rows {
                let (bias, weights) = weights.split_at_mut(1);
                let (first_of_bias, first) = first.split_at_mut(1);
                let (second_of_bias, second) = second.split_at_mut(1);
                update_weights(self.level, bias_step, &gradient[..1], bias, [first_of_bias, second_of_bias]);
                update_weights(self.level, step, &gradient[1..], weights, [first, second]);
            }
        }
        loss / weight
    }

    /// The squared length of the summed gradient: unit by unit in pieces of [`PANEL`] inputs, the first one with the bias.
    fn squared_norm(&self, gradients: &[Vec<f32>]) -> f64 {
        let mut norm = 0.0;
        for (gradient, layer) in gradients.iter().zip(self.shape.layers()) {
            for row in gradient.chunks_exact(1 + layer.inputs) {
                for (piece, weights) in row[1..].chunks(PANEL).enumerate() {
                    let bias = if piece == 0 { &row[..1] } else { &[] };
                    norm += bias.iter().chain(weights).fold(0.0, |sum, g| sum + f64::from(*g) * f64::from(*g));
                }
            }
        }
        norm
    }

    fn activation(&self) -> Activation {
        self.shape.activation()
    }
}
