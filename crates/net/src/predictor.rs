//! Probabilities for rows of features, with scratch memory that is made once.

use kernels::sigmoid::sigmoid_lanes;
use kernels::simd::Simd;
use kernels::{Level, dispatch};

use crate::buffer::Buffer;
use crate::parallel::{Pool, both};
use crate::sweep::{gather_features, output_arrays, propagate};
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
    layout: GroupLayout,
    numbers: Buffer,
}

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
        Predictor { network, level: Level::best(), pool: Pool::Caller, layout, numbers: Buffer::zeros(0) }
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
        Ok(self)
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
        let threads = self.pool.threads().min(out.len().div_ceil(GROUP_ROWS));
        self.make_room(out.len().min(GROUP_ROWS), threads);
        let (network, layout, level) = (self.network, &self.layout, self.level);
        let group_rows = layout.rows;
        let body = |group: &mut [f32], features: &[f32], out: &mut [f32]| {
            for (features, out) in features.chunks(group_rows * inputs).zip(out.chunks_mut(group_rows)) {
                dispatch!(level, simd => predict(simd, class, network, layout, group, features, out));
            }
        };
        let groups = &mut self.numbers[..threads * layout.stride];
        if threads == 1 {
            body(groups, features, out);
        } else {
            self.pool.run(|| share_out(threads, layout.stride, inputs, groups, features, out, &body));
        }
        Ok(())
    }

    /// Makes the scratch memory large enough for `groups` groups of `rows` rows.
    fn make_room(&mut self, rows: usize, groups: usize) {
        if self.layout.rows < rows {
            self.layout = GroupLayout::new(&self.network.shape, rows, false);
        }
        if self.numbers.len() < groups * self.layout.stride {
            self.numbers = Buffer::zeros(groups * self.layout.stride);
        }
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
