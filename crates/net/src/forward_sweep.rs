//! The forward sweep over many rows: predictions and losses, with scratch memory that is made once.

use kernels::matrix::Table;
use kernels::sigmoid::sigmoid_lanes;
use kernels::simd::Simd;
use kernels::softmax::shifted_exponentials_lanes;
use kernels::{Level, dispatch};

use crate::buffer::Buffer;
use crate::by_samples::cut_groups;
use crate::by_units::ByUnits;
use crate::layer;
use crate::loss::{LossSum, losses_and_deltas};
use crate::parallel::{Pool, Shares, Team, share_out};
use crate::row_sweep::RowSweep;
use crate::sample_sweep::{Keep, gather_features, propagate};
use crate::tuning::{Kind, Tunings};
use crate::workspace::{GroupLayout, OutputArrays, Purpose};
use crate::{Dataset, Network, OutputLayer};

/// Scratch memory, and the choices of threads.
#[derive(Debug)]
pub(crate) struct ForwardSweep {
    scratch: Scratch,
    row: RowSweep,
    /// The choices of threads in single calls, and in sessions, where threads pay for less work.
    in_single_calls: Tunings,
    in_sessions: Tunings,
    /// Of each row.
    losses: Vec<f32>,
}

/// A thread gets no fewer rows than these. Up to so many rows, the threads share out the units of each layer.
const LEAST_ROWS: usize = 16;

/// A network with fewer weights has predicted a row before another core has heard of it.
pub(crate) const LEAST_WEIGHTS: usize = 64 * 1024;

/// Rows in a group, at most: enough for full tiles, few enough to stay in the cache.
const GROUP_ROWS: usize = 112;

/// What to compute from the preactivations a of the output.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Prediction {
    /// y = sigma(a).
    ProbT0,
    /// 1 - y = sigma(-a).
    ProbT1,
    /// softmax(a).
    ClassProbabilities,
    /// a.
    Means,
    /// a, whatever the output layer.
    Preactivations,
}

impl Prediction {
    /// The natural one of an output layer; of sigmoids, p(t = 1).
    pub(crate) fn of(output_layer: OutputLayer) -> Prediction {
        match output_layer {
            OutputLayer::Sigmoid => Prediction::ProbT1,
            OutputLayer::Softmax => Prediction::ClassProbabilities,
            OutputLayer::Identity => Prediction::Means,
        }
    }

    /// The name of its method, and the output layer that makes it, if not all do.
    pub(crate) fn needs(self) -> Option<(&'static str, OutputLayer)> {
        match self {
            Prediction::ProbT0 => Some(("prob_t0", OutputLayer::Sigmoid)),
            Prediction::ProbT1 => Some(("prob_t1", OutputLayer::Sigmoid)),
            Prediction::ClassProbabilities => Some(("class_probabilities", OutputLayer::Softmax)),
            Prediction::Means => Some(("means", OutputLayer::Identity)),
            Prediction::Preactivations => None,
        }
    }
}

/// Some rows, and where to write what is asked about each.
pub(crate) struct Rows<'a> {
    /// (rows, inputs).
    pub features: &'a [f32],
    /// (rows, outputs); empty if there is nothing to predict.
    pub predictions: &'a mut [f32],
    /// Where the rows stand in a data set, and their losses; empty if no losses are asked for.
    pub first: usize,
    pub losses: &'a mut [f32],
}

impl<'a> Rows<'a> {
    /// The first `left` of `rows` rows, and the other ones.
    fn split(self, left: usize, rows: usize) -> [Rows<'a>; 2] {
        let Rows { features, predictions, first, losses } = self;
        let (left_features, right_features) = features.split_at(features.len() / rows * left);
        let middle = predictions.len() / rows * left;
        let (left_predictions, right_predictions) = predictions.split_at_mut(middle);
        let middle = losses.len() / rows * left;
        let (left_losses, right_losses) = losses.split_at_mut(middle);
        [
            Rows { features: left_features, predictions: left_predictions, first, losses: left_losses },
            Rows {
                features: right_features,
                predictions: right_predictions,
                first: first + left,
                losses: right_losses,
            },
        ]
    }
}

impl ForwardSweep {
    /// For `network`, on up to so many threads.
    pub(crate) fn new(network: &Network, threads: usize) -> Self {
        let layout = GroupLayout::new(&network.shape, 1, Purpose::Predictions, Shares::Samples);
        let tunings = Tunings::new(threads);
        ForwardSweep {
            scratch: Scratch { layout, numbers: Buffer::zeros(0) },
            row: RowSweep::new(&network.shape),
            in_single_calls: tunings.clone(),
            in_sessions: tunings,
            losses: Vec::new(),
        }
    }

    /// The losses of all rows of `data`, summed in their order, and the `prediction` for each if there is room for it.
    pub(crate) fn losses(
        &mut self,
        context: (&Network, Level, &Pool),
        data: &Dataset,
        prediction: Prediction,
        predictions: &mut [f32],
    ) -> LossSum {
        let mut losses = std::mem::take(&mut self.losses);
        losses.resize(data.rows(), 0.0);
        let rows = Rows { features: data.features(), predictions, first: 0, losses: &mut losses };
        self.run(context, prediction, Some(data), rows);
        let sum = LossSum::of(data, &losses);
        self.losses = losses;
        sum
    }

    /// The threads have been called together for many calls.
    pub(crate) fn doubt(&mut self) {
        self.in_sessions.doubt();
    }

    /// Makes the `prediction` for the rows, if they have room for it, and computes their losses, if they have room for
    /// those; then the rows are rows of `data`.
    pub(crate) fn run(
        &mut self,
        (network, level, pool): (&Network, Level, &Pool),
        prediction: Prediction,
        data: Option<&Dataset>,
        rows: Rows<'_>,
    ) {
        let count = rows.features.len() / network.shape.inputs();
        let ForwardSweep { scratch, row, in_single_calls, in_sessions, .. } = self;
        let is_plain_row = count == 1 && data.is_none();
        let shares_layers = count <= LEAST_ROWS;
        let parts = match shares_layers {
            true if network.parameters.count() < LEAST_WEIGHTS => 1,
            true => network.parameters.most_panels(),
            false => count.div_ceil(LEAST_ROWS),
        };
        if is_plain_row && (parts == 1 || pool.threads() == 1) {
            return row.run((network, level), prediction, rows.features, rows.predictions);
        }
        let level = network.shape.level(level);
        let tunings = if pool.is_entered() { in_sessions } else { in_single_calls };
        let asked = Asked { prediction, output_layer: network.shape.output_layer(), data };
        let sweep_rows = |Team { threads, .. }| {
            let groups = if shares_layers { 1 } else { threads };
            let (layout, groups) = scratch.groups(network, count.min(GROUP_ROWS), groups);
            let body = |group: &mut [f32], mut rows: Rows<'_>, mut count: usize| {
                while count > layout.rows {
                    let [now, rest] = rows.split(layout.rows, count);
                    sweep(level, asked, network, layout, group, (now, layout.rows));
                    (rows, count) = (rest, count - layout.rows);
                }
                sweep(level, asked, network, layout, group, (rows, count));
            };
            match threads {
                1 if is_plain_row => row.run((network, level), prediction, rows.features, rows.predictions),
                1 => body(groups, rows, count),
                _ if shares_layers => pool.run(|| {
                    let (hidden, ends) = layout.parts_mut(groups);
                    let Network { parameters, shape } = network;
                    let by_units =
                        ByUnits { level, threads, shape, layout, samples: count, keep: Keep::Postactivations };
                    by_units.propagate_rows(parameters, (hidden, ends), rows.features);
                    dispatch!(level, simd => answer(simd, asked, layout, ends, rows));
                }),
                _ => pool.run(|| {
                    // As many parts of the rows as there are threads.
                    share_out(
                        0..threads,
                        (groups, rows, count),
                        &|(groups, rows, count), threads, middle| {
                            let left = middle - threads.start;
                            let left_count = count * left / threads.len();
                            let [left_rows, right_rows] = rows.split(left_count, count);
                            let [left_groups, right_groups] = cut_groups(groups, layout, left);
                            let right = (right_groups, right_rows, count - left_count);
                            ((left_groups, left_rows, left_count), Some(right))
                        },
                        &|_, (group, rows, count)| body(group, rows, count),
                    )
                }),
            }
        };
        match pool.is_nested() {
            true => sweep_rows(Team::ALONE),
            false => tunings.of(count, &[Kind { shares: Shares::Samples, parts }]).step(sweep_rows),
        }
    }
}

/// Scratch memory for some groups of rows.
#[derive(Debug)]
struct Scratch {
    layout: GroupLayout,
    numbers: Buffer,
}

impl Scratch {
    /// Memory for `groups` groups of up to `rows` rows, made larger if need be.
    fn groups(&mut self, network: &Network, rows: usize, groups: usize) -> (&GroupLayout, &mut [f32]) {
        if self.layout.rows < rows {
            self.layout = GroupLayout::new(&network.shape, rows, Purpose::Predictions, Shares::Samples);
        }
        let length = groups * self.layout.stride();
        if self.numbers.len() < length {
            self.numbers = Buffer::zeros(length);
        }
        (&self.layout, &mut self.numbers[..length])
    }
}

/// What is asked about rows.
#[derive(Clone, Copy)]
struct Asked<'a> {
    prediction: Prediction,
    output_layer: OutputLayer,
    /// Where the targets of the rows are, if losses are asked for.
    data: Option<&'a Dataset>,
}

/// Answers what is asked about the rows of one group.
fn sweep(
    level: Level,
    asked: Asked<'_>,
    network: &Network,
    layout: &GroupLayout,
    group: &mut [f32],
    (rows, samples): (Rows<'_>, usize),
) {
    let (parameters, activation) = (&network.parameters, network.shape.activation());
    let (hidden, ends) = layout.parts_mut(group);
    dispatch!(level, simd => {
        let first = parameters.layer(0);
        let features = Table::new(rows.features, network.shape.inputs());
        // Wide layers read the rows where they are, unless those are in each other's way.
        let from = if layout.layers() > 1 && !first.shape().is_narrow() && !features.rows_collide() {
            let (_, z_out, _) = layout.z_and_slopes(hidden, 1);
            layer::forward_features(simd, first, activation, features, samples, z_out);
            1
        } else {
            gather_rows(simd, layout, ends, rows.features, samples);
            0
        };
        propagate(simd, parameters, activation, layout, (hidden, ends), samples, (from, Keep::Postactivations));
        answer(simd, asked, layout, ends, rows);
    });
}

/// Writes the features into the ends of a group.
#[inline(always)]
fn gather_rows<S: Simd>(simd: S, layout: &GroupLayout, ends: &mut [f32], features: &[f32], samples: usize) {
    gather_features(
        simd,
        layout,
        ends,
        features,
        samples,
        #[inline(always)]
        |row| row,
    );
}

/// Losses and predictions from the preactivations of the output.
#[inline(always)]
fn answer<S: Simd>(simd: S, asked: Asked<'_>, layout: &GroupLayout, ends: &mut [f32], rows: Rows<'_>) {
    let Asked { prediction, output_layer, data } = asked;
    let Rows { predictions, first, losses, .. } = rows;
    let outputs = layout.units[layout.units.len() - 1];
    let mut arrays = layout.output_arrays(ends);
    if let Some(data) = data {
        // In a function of its own, so that it costs predictions no registers.
        simd.vectorize(
            #[inline(always)]
            || write_losses(simd, output_layer, outputs, &mut arrays, data, first, losses),
        );
    }
    if !predictions.is_empty() {
        write_predictions(simd, prediction, outputs, arrays, predictions);
    }
}

/// The losses of the rows from `first` on. The preactivations stay.
#[inline(always)]
fn write_losses<S: Simd>(
    simd: S,
    output_layer: OutputLayer,
    outputs: usize,
    arrays: &mut OutputArrays<'_>,
    data: &Dataset,
    first: usize,
    losses: &mut [f32],
) {
    let mut indices = [0; GROUP_ROWS];
    let indices = &mut indices[..losses.len()];
    let mut row = 0;
    while row < indices.len() {
        indices[row] = (first + row) as u32;
        row += 1;
    }
    let OutputArrays { a, t, losses: of_group, deltas } = arrays;
    data.gather_targets(indices, of_group.len(), t);
    let arrays = OutputArrays { a, t, losses: of_group, deltas };
    losses_and_deltas(simd, output_layer, data.smoothing(), outputs, arrays);
    losses.copy_from_slice(&of_group[..losses.len()]);
}

/// The predictions for the rows.
#[inline(always)]
fn write_predictions<S: Simd>(
    simd: S,
    prediction: Prediction,
    outputs: usize,
    arrays: OutputArrays<'_>,
    predictions: &mut [f32],
) {
    let samples = predictions.len() / outputs;
    let OutputArrays { a, losses, deltas: y, .. } = arrays;
    let rows = losses.len();
    let columns = match prediction {
        Prediction::ProbT0 => sigmoids(simd, (outputs, rows, samples), a, y, false),
        Prediction::ProbT1 => sigmoids(simd, (outputs, rows, samples), a, y, true),
        Prediction::ClassProbabilities => softmaxes(simd, (outputs, rows, samples), a, y),
        Prediction::Means | Prediction::Preactivations => a,
    };
    if outputs == 1 {
        return predictions.copy_from_slice(&columns[..samples]);
    }
    for (sample, predictions) in predictions.chunks_exact_mut(outputs).enumerate() {
        for (unit, prediction) in predictions.iter_mut().enumerate() {
            *prediction = columns[unit * rows + sample];
        }
    }
}

/// sigma(a), or sigma(-a) if `negated`, of all columns.
#[inline(always)]
pub(crate) fn sigmoids<'a, S: Simd>(
    simd: S,
    (outputs, rows, samples): (usize, usize, usize),
    a: &[f32],
    y: &'a mut [f32],
    negated: bool,
) -> &'a [f32] {
    for unit in 0..outputs {
        let mut row = 0;
        while row < samples {
            let a = simd.load(&a[unit * rows + row..]);
            let a = if negated { -a } else { a };
            simd.store(sigmoid_lanes(simd, a), &mut y[unit * rows + row..]);
            row += S::LANES;
        }
    }
    y
}

/// softmax(a) over the columns.
#[inline(always)]
fn softmaxes<'a, S: Simd>(
    simd: S,
    (outputs, rows, samples): (usize, usize, usize),
    a: &[f32],
    y: &'a mut [f32],
) -> &'a [f32] {
    let mut row = 0;
    while row < samples {
        let (_, sum) = shifted_exponentials_lanes(simd, a, (outputs, rows, row), y);
        let mut unit = 0;
        while unit < outputs {
            let place = unit * rows + row;
            simd.store(simd.load(&y[place..]) / sum, &mut y[place..]);
            unit += 1;
        }
        row += S::LANES;
    }
    y
}
