//! Is the gradient right? Two questions, answered layer by layer: does backpropagation in f64 agree with central
//! differences of the loss, and does the f32 gradient that training uses agree with the f64 one?

use std::fmt;

use kernels::{Dropout, Level};
use serde::Serialize;

use crate::by_samples::Groups;
use crate::parallel::Team;
use crate::random::Random;
use crate::weight_sweep::{BookOrder, backpropagate};
use crate::workspace::{Purpose, Workspace};
use crate::{Dataset, Error, Network};

mod central_differences;
mod plain;
mod rounding_errors;

pub use central_differences::CentralDifferences;
use central_differences::ROUNDING_OF_DIFFERENCE;
use plain::weight_of;
use rounding_errors::RoundingErrors;

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

/// Gradients, or sums of them, of each layer in book order, (outputs, 1 + inputs).
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
    let mut chosen = Vec::new();
    data.choose("a gradient", indices, &mut chosen)?;
    let indices = &chosen[..];
    let purpose = if dropout.is_some() { Purpose::TrainingWithDropout } else { Purpose::Training };
    let mut workspace = Workspace::new(shape, indices.len(), Team::ALONE, purpose);
    let groups = Groups { level, data, dropout, indices, samples: indices.len(), sums: &[], squares: false };
    let Workspace { layout, numbers, .. } = &mut workspace;
    let loss = groups.sweep_to_the_last(network, layout, numbers);
    let mut gradients: Gradients<f32> = shape.layers().map(|l| vec![0.0; l.outputs * (1 + l.inputs)]).collect();
    let parameters = &network.parameters;
    let step_four = BookOrder { parameters, gradients: &mut gradients };
    backpropagate(level, (&parameters.layers, shape.activation()), layout, numbers, indices.len(), step_four);
    Ok((gradients, loss))
}
