//! All measurements of the machine, of every kernel and of every network, one after the other.

use std::time::{Duration, SystemTime};

use kernels::Level;
use net::{Predictor, Threads};

use crate::agreement;
use crate::error::Error;
use crate::fixture::{self, Fixture, Prepare, Work};
use crate::machine::Machine;
use crate::peak;
use crate::prediction::Prediction;
use crate::results::{FORMAT, Kernel, Kind, Latency, Peak, Reading, Results, RoundTrip, Throughput};
use crate::round_trip::round_trip;
use crate::streaming::{self, Buffer, Stream};
use crate::throughput::{EPOCH, SHORT_EPOCH, Training};
use crate::turns::{Best, Laps, take_turns};
use crate::workload::Workload;

/// Rows of one call that predicts many.
pub const MANY_ROWS: usize = 1024;

/// What to measure, and for how long.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The SIMD levels.
    pub levels: Vec<Level>,
    /// The numbers of threads for networks and for reading.
    pub threads: Vec<usize>,
    /// The time of each measurement.
    pub time: Duration,
    /// One size of each kernel instead of all, and shorter epochs.
    pub quick: bool,
}

/// Measurements to be made.
pub struct Suite {
    settings: Settings,
    parts: Vec<Part>,
    results: Results,
    /// In nanoseconds.
    round_trips: Vec<f64>,
}

/// A part of the suite: all levels and threads of one thing.
enum Part {
    Peaks,
    Reading(Buffer),
    Kernel(Prepare),
    Training(Workload),
    OneRow(Workload),
    ManyRows(Workload),
}

impl Suite {
    /// The measurements that the settings ask for, on `machine`, which is this one.
    pub fn new(settings: Settings, machine: Machine) -> Self {
        let fixtures = if settings.quick { fixture::quick() } else { fixture::all() };
        let workloads = Workload::all();
        let mut networks = workloads.clone();
        networks.dedup_by_key(|workload| workload.widths.clone());
        let mut parts = vec![Part::Peaks];
        parts.extend(streaming::buffers(&machine.caches).into_iter().map(Part::Reading));
        parts.extend(fixtures.into_iter().map(Part::Kernel));
        parts.extend(workloads.into_iter().chain(Workload::narrow()).map(Part::Training));
        parts.extend(networks.iter().cloned().map(Part::OneRow));
        parts.extend(networks.into_iter().map(Part::ManyRows));
        let results = Results {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            date: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            release_build: !cfg!(debug_assertions),
            quick: settings.quick,
            seconds_per_measurement: settings.time.as_secs_f64(),
            machine,
            peaks: Vec::new(),
            reading: Vec::new(),
            round_trip: None,
            kernels: Vec::new(),
            training: Vec::new(),
            one_row: Vec::new(),
            many_rows: Vec::new(),
        };
        Suite { settings, parts, results, round_trips: Vec::new() }
    }

    /// How many parts there are, for a progress bar.
    pub fn parts(&self) -> usize {
        self.parts.len()
    }

    /// Measures everything. Before each part, `on_part` learns how many are done and what comes next.
    ///
    /// # Errors
    /// If something that is to be timed is wrong, or the threads cannot be had.
    pub fn run(mut self, mut on_part: impl FnMut(usize, &str)) -> Result<Results, Error> {
        self.try_threads()?;
        for (done, part) in std::mem::take(&mut self.parts).into_iter().enumerate() {
            match part {
                Part::Peaks => {
                    on_part(done, "multiply-add peak");
                    self.peaks();
                }
                Part::Reading(buffer) => {
                    on_part(done, &format!("reading, {}", buffer.place));
                    self.reading(&buffer);
                }
                Part::Kernel(prepare) => {
                    let mut fixture = prepare();
                    on_part(done, &format!("{}, {}", fixture.kernel(), fixture.size()));
                    self.kernel(&mut *fixture)?;
                }
                Part::Training(workload) => {
                    on_part(done, &format!("training {workload}"));
                    self.training(&workload)?;
                }
                Part::OneRow(workload) => {
                    on_part(done, &format!("predicting one row, {}", workload.name()));
                    self.one_row(&workload)?;
                }
                Part::ManyRows(workload) => {
                    on_part(done, &format!("predicting {MANY_ROWS} rows, {}", workload.name()));
                    self.many_rows(&workload)?;
                }
            }
        }
        self.results.round_trip = RoundTrip::of(self.round_trips);
        Ok(self.results)
    }

    /// Threads that cannot be had are told before anything is measured.
    fn try_threads(&self) -> Result<(), Error> {
        let network = Workload::all()[0].network();
        for &threads in &self.settings.threads {
            Predictor::new(&network).with_threads(Threads::Own(threads))?;
        }
        Ok(())
    }

    fn peaks(&mut self) {
        for &level in &self.settings.levels {
            let gflop_per_second = peak::multiply_add_flops(level, self.settings.time) / 1e9;
            self.results.peaks.push(Peak { level: level.to_string(), gflop_per_second });
        }
    }

    fn reading(&mut self, buffer: &Buffer) {
        // One thread always: that is the limit of a core.
        let others = self.settings.threads.iter().copied().filter(|threads| *threads != 1);
        for threads in [1].into_iter().chain(others) {
            let bytes_per_thread = if buffer.is_shared { buffer.bytes / threads } else { buffer.bytes };
            let rate = streaming::rate(Level::best(), bytes_per_thread, threads, self.settings.time);
            self.results.reading.push(Reading {
                place: buffer.place.clone(),
                bytes_per_thread,
                threads,
                gigabytes_per_second: rate / 1e9,
            });
        }
    }

    /// If several threads are to be measured.
    fn round_trip(&mut self) {
        const TIME: Duration = Duration::from_millis(5);
        if self.settings.threads.iter().any(|&threads| threads > 1) {
            self.round_trips.push(round_trip(TIME));
        }
    }

    fn kernel(&mut self, fixture: &mut dyn Fixture) -> Result<(), Error> {
        let contenders = self.contenders(&[1]);
        for &Contender { level, .. } in &contenders {
            fixture.check(level)?;
        }
        let Work { kind, count, bytes_read, bytes_written } = fixture.work();
        let turn = |index: usize, laps: Laps<'_>| {
            laps.run(|| {
                fixture.run(contenders[index].level);
                Ok(())
            })
        };
        let best = match kind {
            Kind::Product => self.against_peak(&contenders, turn)?,
            Kind::Elementwise | Kind::Streaming => self.against_reading(&contenders, bytes_read as usize, turn)?,
        };
        for (index, &Best { seconds, limit }) in best.iter().enumerate() {
            let rate = |count: u64| count as f64 / seconds;
            let is_elementwise = kind == Kind::Elementwise;
            self.results.kernels.push(Kernel {
                kind,
                kernel: fixture.kernel(),
                size: fixture.size(),
                level: contenders[index].level.to_string(),
                microseconds: 1e6 * seconds,
                bytes_read,
                bytes_written,
                elements_per_second: is_elementwise.then(|| rate(count)),
                gflop_per_second: (!is_elementwise).then(|| rate(count) / 1e9),
                gigabytes_per_second: rate(bytes_read + bytes_written) / 1e9,
                share_of_peak: (kind == Kind::Product).then(|| rate(count) / limit),
                share_of_reading: (kind != Kind::Product).then(|| rate(bytes_read) / limit),
                speedup_over_scalar: speedup(&contenders, &best, index, Contender::scalar(1)),
            });
        }
        Ok(())
    }

    fn training(&mut self, workload: &Workload) -> Result<(), Error> {
        self.round_trip();
        let Settings { levels, threads, quick, .. } = &self.settings;
        agreement::check_training(workload, levels, threads)?;
        agreement::check_epoch(workload, levels, threads)?;
        let contenders = self.contenders(threads);
        let epoch = if *quick { SHORT_EPOCH } else { EPOCH };
        let prepare =
            |&Contender { level, threads }: &Contender| Training::in_epochs_of(epoch, workload, level, threads);
        let mut trainings: Vec<Training> = contenders.iter().map(prepare).collect::<Result<_, _>>()?;
        let samples = trainings[0].samples();
        let best =
            self.against_peak(&contenders, |index, laps| Ok(trainings[index].session(|epoch| laps.run(epoch))?))?;
        let flops = workload.training_flops();
        let flop_per_byte = flops * workload.batch_size as f64 / workload.training_bytes();
        let work = Samples { batch: workload.batch_size, samples, flops, flop_per_byte };
        self.results.training.extend(throughputs(workload, &contenders, &best, work));
        Ok(())
    }

    fn many_rows(&mut self, workload: &Workload) -> Result<(), Error> {
        self.round_trip();
        let (network, data) = (workload.network(), workload.data(MANY_ROWS));
        let Settings { levels, threads, .. } = &self.settings;
        agreement::check_prediction(&network, &data, MANY_ROWS, levels, threads)?;
        let contenders = self.contenders(threads);
        let prepare =
            |contender: &Contender| Prediction::new(&network, &data, MANY_ROWS, contender.level, contender.threads);
        let mut predictions: Vec<Prediction> = contenders.iter().map(prepare).collect::<Result<_, _>>()?;
        let best =
            self.against_peak(&contenders, |index, laps| Ok(predictions[index].session(|predict| laps.run(predict))?))?;
        let flops = workload.inference_flops();
        let flop_per_byte = flops * MANY_ROWS as f64 / workload.inference_bytes(MANY_ROWS);
        let work = Samples { batch: MANY_ROWS, samples: MANY_ROWS, flops, flop_per_byte };
        self.results.many_rows.extend(throughputs(workload, &contenders, &best, work));
        Ok(())
    }

    fn one_row(&mut self, workload: &Workload) -> Result<(), Error> {
        let (network, data) = (workload.network(), workload.data(1));
        agreement::check_prediction(&network, &data, 1, &self.settings.levels, &[1])?;
        let contenders = self.contenders(&[1]);
        let prepare = |contender: &Contender| Prediction::new(&network, &data, 1, contender.level, 1);
        let mut predictions: Vec<Prediction> = contenders.iter().map(prepare).collect::<Result<_, _>>()?;
        let weight_bytes = size_of::<f32>() * workload.parameters();
        let best =
            self.against_reading(&contenders, weight_bytes, |index, laps| Ok(laps.run(|| predictions[index].run())?))?;
        for (index, &Best { seconds, limit }) in best.iter().enumerate() {
            self.results.one_row.push(Latency {
                network: workload.name(),
                level: contenders[index].level.to_string(),
                microseconds: 1e6 * seconds,
                weight_bytes,
                share_of_reading: weight_bytes as f64 / limit / seconds,
                speedup_over_scalar: speedup(&contenders, &best, index, Contender::scalar(1)),
            });
        }
        Ok(())
    }

    /// All levels with each of these numbers of threads.
    fn contenders(&self, threads: &[usize]) -> Vec<Contender> {
        let levels = &self.settings.levels;
        threads.iter().flat_map(|&threads| levels.iter().map(move |&level| Contender { threads, level })).collect()
    }

    /// Times the contenders in turns with the multiply-add peak of their level.
    fn against_peak(
        &mut self,
        contenders: &[Contender],
        turn: impl FnMut(usize, Laps<'_>) -> Result<(), Error>,
    ) -> Result<Vec<Best>, Error> {
        let limit = |index: usize| peak::burst(contenders[index].level);
        let best = take_turns(contenders.len(), self.settings.time, turn, limit)?;
        // Each of these bursts was one of the run, and could be its fastest.
        for (contender, best) in contenders.iter().zip(&best) {
            let level = contender.level.to_string();
            for peak in self.results.peaks.iter_mut().filter(|peak| peak.level == level) {
                peak.gflop_per_second = peak.gflop_per_second.max(best.limit / 1e9);
            }
        }
        Ok(best)
    }

    /// Times the contenders in turns with reading so many bytes at the best level.
    fn against_reading(
        &self,
        contenders: &[Contender],
        bytes: usize,
        turn: impl FnMut(usize, Laps<'_>) -> Result<(), Error>,
    ) -> Result<Vec<Best>, Error> {
        let (stream, level) = (Stream::new(bytes), Level::best());
        take_turns(contenders.len(), self.settings.time, turn, |_| stream.burst(level))
    }
}

/// What takes turns with others.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Contender {
    threads: usize,
    level: Level,
}

impl Contender {
    fn scalar(threads: usize) -> Self {
        Contender { threads, level: Level::available()[0] }
    }
}

/// How many times as fast the contender at `index` was as `other`, if that took part.
fn speedup(contenders: &[Contender], best: &[Best], index: usize, other: Contender) -> Option<f64> {
    let other = contenders.iter().position(|contender| *contender == other)?;
    Some(best[other].seconds / best[index].seconds)
}

/// What a run of a network handles.
struct Samples {
    batch: usize,
    samples: usize,
    /// Operations for each sample.
    flops: f64,
    flop_per_byte: f64,
}

fn throughputs(workload: &Workload, contenders: &[Contender], best: &[Best], work: Samples) -> Vec<Throughput> {
    let throughput = |(index, &Best { seconds, limit }): (usize, &Best)| {
        let Contender { threads, level } = contenders[index];
        let samples_per_second = work.samples as f64 / seconds;
        let flops = samples_per_second * work.flops;
        Throughput {
            network: workload.name(),
            batch: work.batch,
            threads,
            level: level.to_string(),
            samples_per_second,
            gflop_per_second: flops / 1e9,
            flop_per_byte: work.flop_per_byte,
            share_of_peak: flops / (limit * threads as f64),
            speedup_over_scalar: speedup(contenders, best, index, Contender::scalar(threads)),
            speedup_over_one_thread: speedup(contenders, best, index, Contender { threads: 1, level }),
        }
    };
    best.iter().enumerate().map(throughput).collect()
}
