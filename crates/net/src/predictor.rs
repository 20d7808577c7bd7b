//! Predictions for rows of features, with scratch memory that is made once.

use kernels::sigmoid::sigmoid_lanes;
use kernels::simd::Simd;
use kernels::softmax::shifted_exponentials_lanes;
use kernels::{Level, dispatch};

use crate::buffer::Buffer;
use crate::parallel::{Pool, both};
use crate::sweep::{Keep, gather_features, propagate, propagate_on};
use crate::tuning::Tunings;
use crate::workspace::{GroupLayout, OutputArrays, Purpose};
use crate::{Error, Network, OutputLayer, Threads};

/// Computes predictions of a [`Network`], those that its [`OutputLayer`] makes: [`prob_t0`](Self::prob_t0) and
/// [`prob_t1`](Self::prob_t1), [`class_probabilities`](Self::class_probabilities) or [`means`](Self::means). After the first
/// call nothing is allocated.
///
/// A row gives the same bits alone and among others, and with any number of threads.
#[derive(Debug)]
pub struct Predictor<'a> {
    network: &'a Network,
    level: Level,
    pool: Pool,
    scratch: Scratch,
    /// The choices of threads in single calls, and in sessions, where threads pay for less work.
    in_single_calls: Tunings,
    in_sessions: Tunings,
}

/// A thread gets no fewer rows than these. Up to so many rows, the threads share out the units of each layer.
const LEAST_ROWS: usize = 16;

/// A network with fewer weights has predicted a row before another core has heard of it.
const LEAST_WEIGHTS: usize = 64 * 1024;

/// Rows in a group, at most: enough for full tiles, few enough to stay in the cache.
const GROUP_ROWS: usize = 112;

/// What to compute from the preactivations a of the output.
#[derive(Clone, Copy)]
enum Prediction {
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
    /// The name of its method, and the output layer that makes it, if not all do.
    fn needs(self) -> Option<(&'static str, OutputLayer)> {
        match self {
            Prediction::ProbT0 => Some(("prob_t0", OutputLayer::Sigmoid)),
            Prediction::ProbT1 => Some(("prob_t1", OutputLayer::Sigmoid)),
            Prediction::ClassProbabilities => Some(("class_probabilities", OutputLayer::Softmax)),
            Prediction::Means => Some(("means", OutputLayer::Identity)),
            Prediction::Preactivations => None,
        }
    }
}

impl<'a> Predictor<'a> {
    /// A predictor at the best level, on the calling thread.
    pub fn new(network: &'a Network) -> Self {
        let layout = GroupLayout::new(&network.shape, 1, Purpose::Predictions);
        let scratch = Scratch { layout, numbers: Buffer::zeros(0) };
        let (pool, tunings) = (Pool::Caller, Tunings::new(1));
        Predictor {
            network,
            level: Level::best(),
            pool,
            scratch,
            in_single_calls: tunings.clone(),
            in_sessions: tunings,
        }
    }

    /// Computes at `level`.
    pub fn with_level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// Computes on several threads: many rows, or the units of wide layers.
    ///
    /// # Errors
    /// If the threads cannot be had.
    pub fn with_threads(mut self, threads: Threads) -> Result<Self, Error> {
        self.pool = Pool::new(threads)?;
        self.in_single_calls = Tunings::new(self.pool.threads());
        self.in_sessions = self.in_single_calls.clone();
        Ok(self)
    }

    /// Runs `body` with the threads called together once, rather than in each call. They look for work all the while, and
    /// leave their cores to nobody: for many short calls in a row.
    pub fn session<R: Send>(&mut self, body: impl FnOnce(&mut Self) -> R + Send) -> R {
        let pool = self.pool.enter();
        self.in_sessions.doubt();
        let result = pool.run(|| body(self));
        self.pool = pool;
        result
    }

    /// Writes y = p(t = 0 given x) of each row of `features`, (rows, inputs) in row-major order, to `probabilities`; of
    /// several labels, p(t_k = 0 given x), (rows, labels) in row-major order.
    ///
    /// # Errors
    /// If the lengths do not fit, or the output layer is not of sigmoids.
    pub fn prob_t0(&mut self, features: &[f32], probabilities: &mut [f32]) -> Result<(), Error> {
        self.predict(Prediction::ProbT0, features, probabilities)
    }

    /// Writes 1 - y = p(t = 1 given x) of each row of `features`, (rows, inputs) in row-major order, to `probabilities`.
    /// It is computed as sigma(-a), so that a small probability keeps its digits. Of several labels, p(t_k = 1 given x),
    /// (rows, labels) in row-major order.
    ///
    /// # Errors
    /// As [`Predictor::prob_t0`].
    pub fn prob_t1(&mut self, features: &[f32], probabilities: &mut [f32]) -> Result<(), Error> {
        self.predict(Prediction::ProbT1, features, probabilities)
    }

    /// Writes p(class k given x) of each row of `features`, (rows, inputs) in row-major order, to `probabilities`: (rows,
    /// classes), row-major.
    ///
    /// # Errors
    /// If the lengths do not fit, or the output layer is no softmax.
    pub fn class_probabilities(&mut self, features: &[f32], probabilities: &mut [f32]) -> Result<(), Error> {
        self.predict(Prediction::ClassProbabilities, features, probabilities)
    }

    /// Writes the means of the real targets given each row of `features`, (rows, inputs) in row-major order, to `means`:
    /// (rows, outputs), row-major.
    ///
    /// # Errors
    /// If the lengths do not fit, or the output layer is not the identity.
    pub fn means(&mut self, features: &[f32], means: &mut [f32]) -> Result<(), Error> {
        self.predict(Prediction::Means, features, means)
    }

    /// Writes the preactivations a_k of the output units, whatever the output layer, for each row of `features`, (rows, inputs)
    /// in row-major order, to `preactivations`: (rows, outputs), row-major. Those of a sigmoid are logits of p(t = 0).
    ///
    /// # Errors
    /// If the lengths do not fit.
    pub fn preactivations(&mut self, features: &[f32], preactivations: &mut [f32]) -> Result<(), Error> {
        self.predict(Prediction::Preactivations, features, preactivations)
    }

    fn predict(&mut self, prediction: Prediction, features: &[f32], out: &mut [f32]) -> Result<(), Error> {
        let (inputs, outputs) = (self.network.shape.inputs(), self.network.shape.outputs());
        let output_layer = self.network.shape.output_layer();
        if let Some((asked, needed)) = prediction.needs()
            && output_layer != needed
        {
            return Err(Error::Prediction { asked, output_layer });
        }
        let rows = out.len() / outputs;
        if !out.len().is_multiple_of(outputs) {
            let expected = features.len() / inputs * outputs;
            return Err(Error::Length { what: "the slice of predictions", found: out.len(), expected });
        }
        if features.len() != rows.saturating_mul(inputs) {
            let expected = rows.saturating_mul(inputs);
            return Err(Error::Length { what: "the slice of features", found: features.len(), expected });
        }
        if out.is_empty() {
            return Ok(());
        }
        let Predictor { network, level, pool, scratch, in_single_calls, in_sessions } = self;
        let tunings = if pool.is_entered() { in_sessions } else { in_single_calls };
        let shares_layers = rows <= LEAST_ROWS;
        let parts = match shares_layers {
            true if network.parameters.count() < LEAST_WEIGHTS => 1,
            true => network.parameters.most_panels(),
            false => rows.div_ceil(LEAST_ROWS),
        };
        tunings.of(rows, parts).step(|threads| {
            let groups = if shares_layers { 1 } else { threads };
            let (layout, groups) = scratch.groups(network, rows.min(GROUP_ROWS), groups);
            let body = |group: &mut [f32], features: &[f32], out: &mut [f32]| {
                let groups = features.chunks(layout.rows * inputs).zip(out.chunks_mut(layout.rows * outputs));
                for (features, out) in groups {
                    dispatch!(*level, simd => predict(simd, prediction, network, layout, group, features, out));
                }
            };
            match threads {
                1 => body(groups, features, out),
                _ if shares_layers => pool.run(|| {
                    let (parameters, activation) = (&network.parameters, network.shape.activation());
                    dispatch!(*level, simd => gather_rows(simd, layout, groups, features, rows));
                    propagate_on((*level, threads), parameters, activation, layout, groups, rows);
                    dispatch!(*level, simd => finish(simd, prediction, layout, groups, out));
                }),
                _ => pool.run(|| share_out(threads, layout.stride, (inputs, outputs), groups, features, out, &body)),
            }
        });
        Ok(())
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
            self.layout = GroupLayout::new(&network.shape, rows, Purpose::Predictions);
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
    (inputs, outputs): (usize, usize),
    groups: &mut [f32],
    features: &[f32],
    out: &mut [f32],
    body: &(impl Fn(&mut [f32], &[f32], &mut [f32]) + Sync),
) {
    if threads == 1 || out.is_empty() {
        return body(groups, features, out);
    }
    let left = threads / 2;
    let rows = out.len() / outputs * left / threads;
    let (left_groups, right_groups) = groups.split_at_mut(left * stride);
    let (left_features, right_features) = features.split_at(rows * inputs);
    let (left_out, right_out) = out.split_at_mut(rows * outputs);
    both(
        true,
        || share_out(left, stride, (inputs, outputs), left_groups, left_features, left_out, body),
        || share_out(threads - left, stride, (inputs, outputs), right_groups, right_features, right_out, body),
    );
}

/// The predictions for the rows of one group.
#[inline(always)]
fn predict<S: Simd>(
    simd: S,
    prediction: Prediction,
    network: &Network,
    layout: &GroupLayout,
    group: &mut [f32],
    features: &[f32],
    out: &mut [f32],
) {
    let samples = out.len() / network.shape.outputs();
    gather_rows(simd, layout, group, features, samples);
    propagate(simd, &network.parameters, network.shape.activation(), layout, group, samples, Keep::Postactivations);
    finish(simd, prediction, layout, group, out);
}

/// Writes the features into the group.
#[inline(always)]
fn gather_rows<S: Simd>(simd: S, layout: &GroupLayout, group: &mut [f32], features: &[f32], samples: usize) {
    gather_features(
        simd,
        layout,
        group,
        features,
        samples,
        #[inline(always)]
        |row| row,
    );
}

/// The predictions from the preactivations of the output.
#[inline(always)]
fn finish<S: Simd>(simd: S, prediction: Prediction, layout: &GroupLayout, group: &mut [f32], out: &mut [f32]) {
    let rows = layout.rows;
    let outputs = layout.units[layout.units.len() - 1];
    let samples = out.len() / outputs;
    let (_, OutputArrays { a, deltas: y, .. }) = layout.output_arrays(group);
    let columns = match prediction {
        Prediction::ProbT0 => sigmoids(simd, (outputs, rows, samples), a, y, false),
        Prediction::ProbT1 => sigmoids(simd, (outputs, rows, samples), a, y, true),
        Prediction::ClassProbabilities => softmaxes(simd, (outputs, rows, samples), a, y),
        Prediction::Means | Prediction::Preactivations => a,
    };
    if outputs == 1 {
        return out.copy_from_slice(&columns[..samples]);
    }
    for (sample, out) in out.chunks_exact_mut(outputs).enumerate() {
        for (unit, out) in out.iter_mut().enumerate() {
            *out = columns[unit * rows + sample];
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
