//! What was measured, as it is written to JSON. Units are part of the names; shares are fractions; a GFLOP is 10^9
//! additions and multiplications, a gigabyte 10^9 bytes. What was not measured is `null`.

use serde::{Deserialize, Serialize};

use crate::machine::Machine;

/// The version of this format: it grows when a field changes its name or its meaning, not when one is added.
pub const FORMAT: u32 = 1;

/// Everything that one run has measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// [`FORMAT`].
    pub format: u32,
    /// The version of this crate.
    pub version: String,
    /// When the run began, in UTC, as in RFC 3339.
    pub date: String,
    /// Whether the build was optimised without checks for development.
    pub release_build: bool,
    /// Whether only one size of each kernel was measured.
    pub quick: bool,
    /// How long each measurement took, or longer where one run takes longer.
    pub seconds_per_measurement: f64,
    /// Where.
    pub machine: Machine,
    /// What one core can compute at most, at each level.
    pub peaks: Vec<Peak>,
    /// How fast numbers are read.
    pub reading: Vec<Reading>,
    /// How far cores are from each other, if several threads were measured.
    pub round_trip: Option<RoundTrip>,
    /// The kernels, on one thread.
    pub kernels: Vec<Kernel>,
    /// Training, an epoch at a time.
    pub training: Vec<Throughput>,
    /// Predicting one row, on one thread.
    pub one_row: Vec<Latency>,
    /// Predicting many rows in one call.
    pub many_rows: Vec<Throughput>,
}

/// The fused multiply-adds of one core on registers: the fastest burst of the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Peak {
    /// The SIMD level.
    pub level: String,
    /// Two operations for each lane of a multiply-add.
    pub gflop_per_second: f64,
}

/// Reading a buffer again and again, at the best level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// Where the buffer lies, such as `L1` or `memory`.
    pub place: String,
    /// The buffer of each thread.
    pub bytes_per_thread: usize,
    /// Threads that read at the same time.
    pub threads: usize,
    /// All threads together.
    pub gigabytes_per_second: f64,
}

/// A cache line's way from one thread to another and back, measured before each network that runs on several threads: where
/// other programs, or other virtual machines, move threads from core to core, it changes within a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoundTrip {
    /// Of all these measurements the shortest one.
    pub least_nanoseconds: f64,
    /// The middle one.
    pub median_nanoseconds: f64,
    /// The longest one.
    pub most_nanoseconds: f64,
}

impl RoundTrip {
    /// Of these measurements, in nanoseconds, if there are any.
    pub fn of(mut nanoseconds: Vec<f64>) -> Option<Self> {
        nanoseconds.sort_by(f64::total_cmp);
        Some(RoundTrip {
            least_nanoseconds: *nanoseconds.first()?,
            median_nanoseconds: nanoseconds[nanoseconds.len() / 2],
            most_nanoseconds: *nanoseconds.last()?,
        })
    }
}

/// A kernel at one size and level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kernel {
    /// Which kind of work it does.
    pub kind: Kind,
    /// Its name, as in the crate `kernels`.
    pub kernel: String,
    /// What it works on.
    pub size: String,
    /// The SIMD level.
    pub level: String,
    /// The fastest run.
    pub microseconds: f64,
    /// Bytes that one run has to read at least once.
    pub bytes_read: u64,
    /// Bytes that one run has to write at least once.
    pub bytes_written: u64,
    /// Numbers that come out, of an elementwise kernel.
    pub elements_per_second: Option<f64>,
    /// Additions and multiplications; not counted for elementwise kernels.
    pub gflop_per_second: Option<f64>,
    /// Bytes read and written.
    pub gigabytes_per_second: f64,
    /// Of the multiply-add peak of the core at the same level, measured in turns with it.
    pub share_of_peak: Option<f64>,
    /// The time in which the core reads as many bytes as the kernel reads, as a share of the kernel's; measured in turns
    /// with it.
    pub share_of_reading: Option<f64>,
    /// How many times as fast as the scalar level.
    pub speedup_over_scalar: Option<f64>,
}

/// Kinds of kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The same function of each number.
    Elementwise,
    /// Few operations for each byte.
    Streaming,
    /// Many operations for each byte: the matrix products of a minibatch.
    Product,
}

/// A network that handles many samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Throughput {
    /// Widths of its layers, such as `28-64-64-1`.
    pub network: String,
    /// Samples in a minibatch, or rows in a call.
    pub batch: usize,
    /// Threads that compute.
    pub threads: usize,
    /// The SIMD level.
    pub level: String,
    /// The fastest run.
    pub samples_per_second: f64,
    /// The additions and multiplications of the matrix products.
    pub gflop_per_second: f64,
    /// The least that one minibatch has to move, over its operations: see `Workload::training_bytes` and
    /// `Workload::inference_bytes`.
    pub flop_per_byte: f64,
    /// Of `threads` times the multiply-add peak of one core at the same level, measured in turns with it.
    pub share_of_peak: f64,
    /// How many times as fast as the scalar level with as many threads.
    pub speedup_over_scalar: Option<f64>,
    /// How many times as fast as one thread at the same level.
    pub speedup_over_one_thread: Option<f64>,
}

/// A network that predicts one row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Widths of its layers.
    pub network: String,
    /// The SIMD level.
    pub level: String,
    /// The fastest run.
    pub microseconds: f64,
    /// Of all weights and biases, once.
    pub weight_bytes: usize,
    /// The time to read as many bytes as the weights have, as a share of the whole; measured in turns with it.
    pub share_of_reading: f64,
    /// How many times as fast as the scalar level.
    pub speedup_over_scalar: Option<f64>,
}

impl Results {
    /// The highest peak of all levels, in GFLOP/s of one core.
    pub fn highest_peak(&self) -> f64 {
        self.peaks.iter().map(|peak| peak.gflop_per_second).fold(0.0, f64::max)
    }
}
