//! Is the gradient right? Two questions, answered layer by layer: does backpropagation in f64 agree with central
//! differences of the loss, and does the f32 gradient that training uses agree with the f64 one?

use std::fmt;

use kernels::reference::{self, Real};
use kernels::{Activation, Dropout, Level, dispatch};
use serde::Serialize;

use crate::loss::LossSum;
use crate::random::Random;
use crate::sweep::{WeightSweep, sample_sweep};
use crate::workspace::{Purpose, Workspace};
use crate::{Dataset, Error, Network, OutputLayer};

/// Which weight: w_ij of layer l. Displayed as `w_3,17^(2)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct WeightIndex {
    /// The layer l, counted from 1 as in the book.
    pub layer: usize,
    /// The unit i of that layer, counted from 1.
    pub unit: usize,
    /// The unit j of the layer before, counted from 1; 0 is the bias.
    pub input: usize,
}

impl WeightIndex {
    /// The weight at a place of a layer in book order.
    fn new(layer: usize, place: usize, inputs: usize) -> Self {
        WeightIndex { layer: layer + 1, unit: place / (1 + inputs) + 1, input: place % (1 + inputs) }
    }
}

impl fmt::Display for WeightIndex {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&format!("w_{},{}^({})", self.unit, self.input, self.layer))
    }
}

/// What the check found in one layer. Errors and bounds are relative to the largest magnitude in the layer's gradient.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LayerCheck {
    /// The layer, counted from 1 as in the book.
    pub layer: usize,
    /// Its weights and biases, each of which the f32 gradient is checked for.
    pub weights: usize,
    /// Those that were compared with central differences.
    pub compared: usize,
    /// The largest magnitude of the layer's f64 gradient.
    pub largest: f64,
    /// The worst relative error of backpropagation in f64 against central differences; NaN if one is no number.
    pub backpropagation_error: f64,
    /// Where that is.
    pub backpropagation_worst: WeightIndex,
    /// What central differences cannot tell from 0: the rounding of the loss, divided by the step. Large where a layer is
    /// saturated and its whole gradient is tiny.
    pub resolution: f64,
    /// The worst relative error of the f32 gradient against the f64 one; NaN if one is no number.
    pub single_precision_error: f64,
    /// Where that is.
    pub single_precision_worst: WeightIndex,
    /// What that error may be at most: a running error analysis of this network on this data.
    pub single_precision_bound: f64,
    /// Weights left out, because a step of the difference crossed the kink of a ReLU.
    pub at_a_kink: usize,
}

impl LayerCheck {
    /// Whether both gradients are right: the f64 one agrees with central differences to one part in a million, or as far
    /// as these can tell, and the f32 one with it within its bound.
    pub fn passes(&self) -> bool {
        self.backpropagation_error <= self.backpropagation_bound()
            && self.single_precision_error <= self.single_precision_bound
    }

    /// What the relative error of backpropagation in f64 may be at most.
    pub fn backpropagation_bound(&self) -> f64 {
        1e-6 + self.resolution
    }
}

/// The gradients of the mean loss over `data`, each layer in book order, (outputs, 1 + inputs).
pub type Gradients<T> = Vec<Vec<T>>;

/// The first of the random streams that choose the weights to compare; each layer has its own.
const CHOICE_STREAMS: u64 = 1 << 40;

/// Checks the gradient of the mean loss over `data`, and reports on each layer.
///
/// Each weight takes four evaluations of what depends on it: meant for small networks and few rows.
///
/// # Errors
/// If the data does not fit the network.
pub fn check(network: &Network, data: &Dataset, level: Level) -> Result<Vec<LayerCheck>, Error> {
    check_within(network, data, level, f64::INFINITY, 0)
}

/// The same, but compares only some weights of each layer with central differences: as many as about so many
/// `multiply_adds` allow, and at least one. `seed` chooses which, evenly spread over the layer.
///
/// # Errors
/// If the data does not fit the network.
pub fn check_within(
    network: &Network,
    data: &Dataset,
    level: Level,
    multiply_adds: f64,
    seed: u64,
) -> Result<Vec<LayerCheck>, Error> {
    check_some(network, data, level, None, (multiply_adds, seed))
}

/// The check of all weights of a network in which each row of `data` has lost the units that `dropout` drops, of the sample at
/// its position.
///
/// # Errors
/// As [`check`].
pub fn check_with_dropout(
    network: &Network,
    data: &Dataset,
    level: Level,
    dropout: Dropout,
) -> Result<Vec<LayerCheck>, Error> {
    check_some(network, data, level, Some(dropout), (f64::INFINITY, 0))
}

fn check_some(
    network: &Network,
    data: &Dataset,
    level: Level,
    dropout: Option<Dropout>,
    (multiply_adds, seed): (f64, u64),
) -> Result<Vec<LayerCheck>, Error> {
    let single = mean_gradient(network, data, level, dropout)?;
    let differences = CentralDifferences::with_dropout(network, data, dropout)?;
    let exact = differences.plain.gradient(data);
    let bounds = RoundingErrors::new(&differences.plain, data);
    let mut checks = Vec::new();
    for layer in 0..exact.len() {
        let (weights, inputs) = (exact[layer].len(), differences.plain.inputs[layer]);
        let largest = exact[layer].iter().fold(0.0, |largest: f64, g| largest.max(g.abs()));
        let relative = |error: f64| if error == 0.0 { 0.0 } else { error / largest };
        let index = |place| WeightIndex::new(layer, place, inputs);
        let mut check = LayerCheck {
            layer: layer + 1,
            weights,
            compared: 0,
            largest,
            backpropagation_error: 0.0,
            backpropagation_worst: index(0),
            resolution: relative(bounds.loss * ROUNDING_OF_DIFFERENCE),
            single_precision_error: 0.0,
            single_precision_worst: index(0),
            single_precision_bound: relative(bounds.gradients[layer].iter().fold(0.0, |most: f64, e| most.max(*e))),
            at_a_kink: 0,
        };
        for place in 0..weights {
            let error = relative((f64::from(single[layer][place]) - exact[layer][place]).abs());
            if is_worse(error, check.single_precision_error) {
                (check.single_precision_error, check.single_precision_worst) = (error, index(place));
            }
        }
        let most = multiply_adds / exact.len() as f64 / differences.multiply_adds(layer);
        for place in choice(weights, most as usize, &mut Random::new(seed, CHOICE_STREAMS + layer as u64)) {
            let Some(difference) = differences.at(layer, place) else {
                check.at_a_kink += 1;
                continue;
            };
            check.compared += 1;
            let error = relative((difference - exact[layer][place]).abs());
            if is_worse(error, check.backpropagation_error) {
                (check.backpropagation_error, check.backpropagation_worst) = (error, index(place));
            }
        }
        checks.push(check);
    }
    Ok(checks)
}

/// Whether an error is worse than another one: an error that is no number is worse than any number.
fn is_worse(error: f64, worst: f64) -> bool {
    error > worst || error.is_nan()
}

/// At most so many of the numbers 0..`count`, and at least one, ascending: one from each of equal stretches.
fn choice(count: usize, most: usize, random: &mut Random) -> impl Iterator<Item = usize> {
    let chosen = most.clamp(1, count);
    let start = move |stretch: usize| (stretch as u128 * count as u128 / chosen as u128) as usize;
    (0..chosen).map(move |stretch| {
        let length = u32::try_from(start(stretch + 1) - start(stretch)).unwrap_or(u32::MAX);
        start(stretch) + if length == 1 { 0 } else { random.below(length) as usize }
    })
}

/// The f32 gradient of the mean loss over `data`, from the kernels that training uses.
///
/// # Errors
/// If the data does not fit the network.
pub fn gradient(network: &Network, data: &Dataset, level: Level) -> Result<Gradients<f32>, Error> {
    mean_gradient(network, data, level, None)
}

fn mean_gradient(
    network: &Network,
    data: &Dataset,
    level: Level,
    dropout: Option<Dropout>,
) -> Result<Gradients<f32>, Error> {
    let all: Vec<usize> = (0..data.rows()).collect();
    let (mut gradients, _) = summed_gradient_with_dropout(network, data, &all, level, dropout)?;
    let scale = 1.0 / weight_of(data) as f32;
    gradients.iter_mut().flatten().for_each(|sum| *sum *= scale);
    Ok(gradients)
}

/// The weights of all samples together.
fn weight_of(data: &Dataset) -> f64 {
    (0..data.rows()).map(|row| f64::from(data.weight(row))).sum()
}

/// The gradient summed over the samples `indices` of `data`, from the kernels that training uses, and the summed loss, both
/// weighted.
///
/// # Errors
/// If the data does not fit the network, or there are no such samples.
pub fn summed_gradient(
    network: &Network,
    data: &Dataset,
    indices: &[usize],
    level: Level,
) -> Result<(Gradients<f32>, f64), Error> {
    summed_gradient_with_dropout(network, data, indices, level, None)
}

fn summed_gradient_with_dropout(
    network: &Network,
    data: &Dataset,
    indices: &[usize],
    level: Level,
    dropout: Option<Dropout>,
) -> Result<(Gradients<f32>, f64), Error> {
    let shape = network.shape();
    data.check_fits(shape)?;
    if indices.is_empty() || indices.iter().any(|index| *index >= data.rows()) {
        return Err(Error::Data("a gradient needs at least one sample, and only samples of the data set".into()));
    }
    let purpose = if dropout.is_some() { Purpose::TrainingWithDropout } else { Purpose::Training };
    let mut workspace = Workspace::new(shape, indices.len(), 1, purpose);
    let (parameters, layout) = (&network.parameters, &workspace.layout);
    let group = &mut workspace.numbers;
    dispatch!(level, simd => sample_sweep(simd, network, layout, group, data, (indices, 0), dropout));
    let (_, arrays) = layout.output_arrays(group);
    let mut loss = LossSum::default();
    loss.add(data, indices, arrays.losses);

    let mut gradients: Gradients<f32> = shape.layers().map(|l| vec![0.0; l.outputs * (1 + l.inputs)]).collect();
    let sweep = WeightSweep {
        layers: &parameters.layers,
        layout: &workspace.layout,
        minibatch: workspace.minibatch(indices.len()),
    };
    dispatch!(level, simd => sweep.book_order(simd, &mut gradients));
    Ok((gradients, loss.sum))
}

/// The wider step of the central differences, for weights up to 1 in magnitude. What the series leaves, h^4 / 480 times the fifth
/// derivative, is below 1e-7 of the first one even where a weight's input is 1,000, as dropout and a few layers can make it.
const STEP: f64 = 5e-5;

/// The rounding of an extrapolated difference, in roundings of the loss divided by the wider step: one of its difference, and
/// two of the narrower one's, of which the one counts a third and the other four thirds.
const ROUNDING_OF_DIFFERENCE: f64 = (1.0 + 4.0 * 2.0) / 3.0 / STEP;

/// What the output units are compared with in sample `row`.
fn targets(data: &Dataset, row: usize) -> Vec<f64> {
    data.target_vector(row).into_iter().map(f64::from).collect()
}

/// The network in f64, in plain loops.
struct Plain {
    activation: Activation,
    output_layer: OutputLayer,
    /// Inputs of each layer.
    inputs: Vec<usize>,
    weights: Gradients<f64>,
    dropout: Option<Dropout>,
}

impl Plain {
    fn new(network: &Network, dropout: Option<Dropout>) -> Self {
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
    fn factor(&self, row: usize, layer: usize, unit: usize) -> f64 {
        self.dropout.map_or(1.0, |dropout| f64::from(dropout.of_layer(layer, row).of_sample(0).of_unit(unit)))
    }

    /// dz/da of such a unit, at the preactivation a.
    fn slope(&self, row: usize, layer: usize, unit: usize, a: f64) -> f64 {
        self.factor(row, layer, unit) * reference::derivative(self.activation, a)
    }

    /// z of hidden layer `layer`, counted from 1, in row `row`.
    fn postactivations(&self, row: usize, layer: usize, a: &[f64]) -> Vec<f64> {
        let units = a.iter().enumerate();
        units.map(|(unit, a)| self.factor(row, layer, unit) * reference::activate(self.activation, *a)).collect()
    }

    /// a and z of each layer, for one sample.
    fn propagate(&self, x: &[f32], row: usize) -> (Gradients<f64>, Gradients<f64>) {
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
    fn sample_loss(&self, a: &[f64], t: &[f64]) -> f64 {
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
    fn output_deltas(&self, a: &[f64], t: &[f64]) -> Vec<f64> {
        let y = self.predictions(a);
        match self.output_layer {
            OutputLayer::Sigmoid => y.iter().zip(t).map(|(y, t)| y - (1.0 - t)).collect(),
            OutputLayer::Softmax | OutputLayer::Identity => y.iter().zip(t).map(|(y, t)| y - t).collect(),
        }
    }

    fn predictions(&self, a: &[f64]) -> Vec<f64> {
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

    fn gradient(&self, data: &Dataset) -> Gradients<f64> {
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
}

/// dL/dw of single weights by central differences, in f64, with L the mean loss over some data.
pub struct CentralDifferences<'a> {
    plain: Plain,
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

    fn with_dropout(network: &Network, data: &'a Dataset, dropout: Option<Dropout>) -> Result<Self, Error> {
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

    /// Multiply-adds that one difference takes, about.
    pub fn multiply_adds(&self, layer: usize) -> f64 {
        let above: usize = self.plain.weights[layer + 1..].iter().map(Vec::len).sum();
        4.0 * self.data.rows() as f64 * (self.plain.inputs[layer] + above) as f64
    }

    fn at(&self, layer: usize, place: usize) -> Option<f64> {
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

impl Plain {
    /// a of the layers from `layer` on, for the sample `row`, with another value of one of its weights. `a` is what it would be without, and `z` is
    /// that of the layer before: nothing but one unit changes in the layer itself, and nothing before it.
    fn changed_preactivations(
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

/// How far rounding may carry the f64 loss and the f32 gradient from their exact values: a running error analysis
/// (N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2002), to first order, with the gradient's bound doubled
/// for what is left out.
struct RoundingErrors {
    /// Of the f64 mean loss.
    loss: f64,
    /// Of the f32 mean gradient, each layer in book order.
    gradients: Gradients<f64>,
}

/// The unit roundoffs of the two precisions.
const SINGLE: f64 = f32::EPSILON as f64 / 2.0;
const DOUBLE: f64 = f64::EPSILON / 2.0;

/// Roundings of a chain's step: two where multiply and add are not fused.
const ROUNDINGS_PER_STEP: f64 = 2.0;

/// The relative error of sigmoid and tanh, in unit roundoffs: four units in the last place, portable level included.
const FUNCTION_ROUNDINGS: f64 = 8.0;

/// That of SiLU and GELU: seven units; and of GELU in f64, whose tail is found by a series.
const ROUNDINGS_OF_GELU: f64 = 14.0;
const ROUNDINGS_OF_F64_GELU: f64 = 64.0;

/// The error of the derivatives of SiLU and GELU, in unit roundoffs, and the most that these change by per change of a
/// (GELU's second derivative, 2 phi(0) at 0).
const SLOPE_ROUNDINGS: f64 = 5.0;
const STEEPEST_SLOPE: f64 = 0.8;

impl RoundingErrors {
    fn new(plain: &Plain, data: &Dataset) -> Self {
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
                let roundings = if u == DOUBLE { ROUNDINGS_OF_F64_GELU } else { ROUNDINGS_OF_GELU };
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
