//! Probabilities for rows of features, with scratch memory that is made once.

use kernels::sigmoid::sigmoid_lanes;
use kernels::simd::Simd;
use kernels::{Level, dispatch};

use crate::buffer::Buffer;
use crate::parallel::{Pool, both};
use crate::sweep::{gather_features, output_arrays, propagate};
use crate::tuning::Tunings;
use crate::workspace::GroupLayout;
use crate::{Error, Network, Threads};

/// Computes probabilities of a [`Network`]. After the first call nothing is allocated.
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

/// A thread gets no fewer rows than these.
const LEAST_ROWS: usize = 16;

/// Rows in a group, at most: enough for full tiles, few enough to stay in the cache.
const GROUP_ROWS: usize = 112;

/// The probability to compute from the preactivation a of the output.
#[derive(Clone, Copy)]
enum Class {
    /// y = sigma(a).
    T0,
    /// 1 - y = sigma(-a).
    T1,
}

impl<'a> Predictor<'a> {
    /// A predictor at the best level, on the calling thread.
    pub fn new(network: &'a Network) -> Self {
        let layout = GroupLayout::new(&network.shape, 1, false);
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

    /// Computes many rows on several threads.
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

    /// Writes y = p(t = 0 given x) of each row of `features`, (rows, inputs) in row-major order, to `probabilities`.
    ///
    /// # Errors
    /// If the lengths do not fit.
    pub fn prob_t0(&mut self, features: &[f32], probabilities: &mut [f32]) -> Result<(), Error> {
        self.probabilities(Class::T0, features, probabilities)
    }

    /// Writes 1 - y = p(t = 1 given x) of each row of `features`, (rows, inputs) in row-major order, to `probabilities`.
    /// It is computed as sigma(-a), so that a small probability keeps its digits.
    ///
    /// # Errors
    /// If the lengths do not fit.
    pub fn prob_t1(&mut self, features: &[f32], probabilities: &mut [f32]) -> Result<(), Error> {
        self.probabilities(Class::T1, features, probabilities)
    }

    fn probabilities(&mut self, class: Class, features: &[f32], out: &mut [f32]) -> Result<(), Error> {
        let inputs = self.network.shape.inputs();
        if features.len() != out.len().saturating_mul(inputs) {
            let expected = out.len().saturating_mul(inputs);
            return Err(Error::Length { what: "the slice of features", found: features.len(), expected });
        }
        if out.is_empty() {
            return Ok(());
        }
        let Predictor { network, level, pool, scratch, in_single_calls, in_sessions } = self;
        let tunings = if pool.is_entered() { in_sessions } else { in_single_calls };
        tunings.of(out.len().div_ceil(LEAST_ROWS)).step(|threads| {
            let (layout, groups) = scratch.groups(network, out.len().min(GROUP_ROWS), threads);
            let body = |group: &mut [f32], features: &[f32], out: &mut [f32]| {
                for (features, out) in features.chunks(layout.rows * inputs).zip(out.chunks_mut(layout.rows)) {
                    dispatch!(*level, simd => predict(simd, class, network, layout, group, features, out));
                }
            };
            match threads {
                1 => body(groups, features, out),
                _ => pool.run(|| share_out(threads, layout.stride, inputs, groups, features, out, &body)),
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
    inputs: usize,
    groups: &mut [f32],
    features: &[f32],
    out: &mut [f32],
    body: &(impl Fn(&mut [f32], &[f32], &mut [f32]) + Sync),
) {
    if threads == 1 || out.is_empty() {
        return body(groups, features, out);
    }
    let left = threads / 2;
    let rows = out.len() * left / threads;
    let (left_groups, right_groups) = groups.split_at_mut(left * stride);
    let (left_features, right_features) = features.split_at(rows * inputs);
    let (left_out, right_out) = out.split_at_mut(rows);
    both(
        true,
        || share_out(left, stride, inputs, left_groups, left_features, left_out, body),
        || share_out(threads - left, stride, inputs, right_groups, right_features, right_out, body),
    );
}

/// The probabilities of the rows of one group.
#[inline(always)]
fn predict<S: Simd>(
    simd: S,
    class: Class,
    network: &Network,
    layout: &GroupLayout,
    group: &mut [f32],
    features: &[f32],
    out: &mut [f32],
) {
    gather_features(
        simd,
        layout,
        group,
        features,
        out.len(),
        #[inline(always)]
        |row| row,
    );
    propagate(simd, &network.parameters, network.shape.activation(), layout, group, out.len());
    let [a, y, ..] = output_arrays(layout, group);
    let mut row = 0;
    while row < out.len() {
        let a = simd.load(&a[row..]);
        let a = match class {
            Class::T0 => a,
            Class::T1 => -a,
        };
        simd.store(sigmoid_lanes(simd, a), &mut y[row..]);
        row += S::LANES;
    }
    out.copy_from_slice(&y[..out.len()]);
}
