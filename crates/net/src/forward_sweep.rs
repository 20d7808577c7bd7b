//! The forward sweep over many rows: predictions and losses, with scratch memory that is made once.

use kernels::sigmoid::sigmoid_lanes;
use kernels::simd::Simd;
use kernels::softmax::shifted_exponentials_lanes;
use kernels::{Level, dispatch};

use crate::buffer::Buffer;
use crate::loss::{LossSum, losses_and_deltas};
use crate::parallel::{Pool, both};
use crate::sweep::{gather_features, propagate};
use crate::tuning::Tunings;
use crate::workspace::{GroupLayout, OutputArrays};
use crate::{Dataset, Network, OutputLayer};

/// Scratch memory, and the choices of threads.
#[derive(Debug)]
pub(crate) struct ForwardSweep {
    scratch: Scratch,
    /// The choices of threads in single calls, and in sessions, where threads pay for less work.
    in_single_calls: Tunings,
    in_sessions: Tunings,
    /// Of each row.
    losses: Vec<f32>,
}

/// A thread gets no fewer rows than these.
const LEAST_ROWS: usize = 16;

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

    /// The name of its method, and the output layer that makes it.
    pub(crate) fn needs(self) -> (&'static str, OutputLayer) {
        match self {
            Prediction::ProbT0 => ("prob_t0", OutputLayer::Sigmoid),
            Prediction::ProbT1 => ("prob_t1", OutputLayer::Sigmoid),
            Prediction::ClassProbabilities => ("class_probabilities", OutputLayer::Softmax),
            Prediction::Means => ("means", OutputLayer::Identity),
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
        let layout = GroupLayout::new(&network.shape, 1, false);
        let tunings = Tunings::new(threads);
        ForwardSweep {
            scratch: Scratch { layout, numbers: Buffer::zeros(0) },
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
        let ForwardSweep { scratch, in_single_calls, in_sessions, .. } = self;
        let tunings = if pool.is_entered() { in_sessions } else { in_single_calls };
        tunings.of(count.div_ceil(LEAST_ROWS)).step(|threads| {
            let (layout, groups) = scratch.groups(network, count.min(GROUP_ROWS), threads);
            let body = |group: &mut [f32], mut rows: Rows<'_>, mut count: usize| {
                while count > layout.rows {
                    let [now, rest] = rows.split(layout.rows, count);
                    dispatch!(level, simd => sweep(simd, prediction, network, layout, group, data, (now, layout.rows)));
                    (rows, count) = (rest, count - layout.rows);
                }
                dispatch!(level, simd => sweep(simd, prediction, network, layout, group, data, (rows, count)));
            };
            match threads {
                1 => body(groups, rows, count),
                _ => pool.run(|| share_out(threads, layout.stride, groups, rows, count, &body)),
            }
        });
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
            self.layout = GroupLayout::new(&network.shape, rows, false);
        }
        if self.numbers.len() < groups * self.layout.stride {
            self.numbers = Buffer::zeros(groups * self.layout.stride);
        }
        (&self.layout, &mut self.numbers[..groups * self.layout.stride])
    }
}

/// Cuts the rows into as many parts as there are threads.
fn share_out(
    threads: usize,
    stride: usize,
    groups: &mut [f32],
    rows: Rows<'_>,
    count: usize,
    body: &(impl Fn(&mut [f32], Rows<'_>, usize) + Sync),
) {
    if threads == 1 {
        return body(groups, rows, count);
    }
    let left = threads / 2;
    let left_count = count * left / threads;
    let (left_groups, right_groups) = groups.split_at_mut(left * stride);
    let [left_rows, right_rows] = rows.split(left_count, count);
    both(
        true,
        || share_out(left, stride, left_groups, left_rows, left_count, body),
        || share_out(threads - left, stride, right_groups, right_rows, count - left_count, body),
    );
}

/// What is asked about the rows of one group.
#[inline(always)]
fn sweep<S: Simd>(
    simd: S,
    prediction: Prediction,
    network: &Network,
    layout: &GroupLayout,
    group: &mut [f32],
    data: Option<&Dataset>,
    (rows, samples): (Rows<'_>, usize),
) {
    let Rows { features, predictions, first, losses } = rows;
    gather_features(
        simd,
        layout,
        group,
        features,
        samples,
        #[inline(always)]
        |row| row,
    );
    propagate(simd, &network.parameters, network.shape.activation(), layout, group, samples);
    let (_, mut arrays) = layout.output_arrays(group);
    // In functions of their own, so that neither costs the other one registers.
    if let (Some(data), [_, ..]) = (data, &losses[..]) {
        simd.vectorize(
            #[inline(always)]
            || write_losses(simd, network, &mut arrays, data, first, losses),
        );
    }
    if !predictions.is_empty() {
        simd.vectorize(
            #[inline(always)]
            || write_predictions(simd, prediction, network, arrays, predictions),
        );
    }
}

/// The losses of the rows from `first` on, from the preactivations of the output.
#[inline(always)]
fn write_losses<S: Simd>(
    simd: S,
    network: &Network,
    arrays: &mut OutputArrays<'_>,
    data: &Dataset,
    first: usize,
    losses: &mut [f32],
) {
    let rows = arrays.losses.len();
    let mut indices = [0; GROUP_ROWS];
    let indices = &mut indices[..losses.len()];
    let mut row = 0;
    while row < indices.len() {
        indices[row] = first + row;
        row += 1;
    }
    data.gather_targets(indices, rows, arrays.t);
    let OutputArrays { a, t, losses: all_losses, deltas } = arrays;
    let arrays = OutputArrays { a, t, losses: all_losses, deltas };
    losses_and_deltas(simd, network.shape.output_layer(), data.smoothing(), network.shape.outputs(), arrays);
    losses.copy_from_slice(&all_losses[..losses.len()]);
}

/// The predictions of some rows, from the preactivations of the output.
#[inline(always)]
fn write_predictions<S: Simd>(
    simd: S,
    prediction: Prediction,
    network: &Network,
    arrays: OutputArrays<'_>,
    predictions: &mut [f32],
) {
    let outputs = network.shape.outputs();
    let samples = predictions.len() / outputs;
    let OutputArrays { a, losses, deltas: y, .. } = arrays;
    let rows = losses.len();
    let columns = match prediction {
        Prediction::ProbT0 => sigmoids(simd, (outputs, rows, samples), a, y, false),
        Prediction::ProbT1 => sigmoids(simd, (outputs, rows, samples), a, y, true),
        Prediction::ClassProbabilities => softmaxes(simd, (outputs, rows, samples), a, y),
        Prediction::Means => a,
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
fn sigmoids<'a, S: Simd>(
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
