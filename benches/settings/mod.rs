//! How the benches measure, and the units they report in.

use std::time::{Duration, Instant};

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{BenchmarkGroup, Criterion, SamplingMode, Throughput};

/// Criterion that reports rates in `unit`, which is so many `elements_per_second` of `Throughput::Elements`.
pub fn criterion(unit: &'static str, elements_per_second: f64) -> Criterion<Rate> {
    Criterion::default().without_plots().with_measurement(Rate { unit, elements_per_second })
}

/// A group of benches of the same work, one for each level, that each handle `elements` in one iteration. Short, so that
/// all benches together take minutes: compare levels with them; what a change brings within one level is better measured
/// with `--measurement-time`.
pub fn group<'a>(criterion: &'a mut Criterion<Rate>, name: String, elements: u64) -> BenchmarkGroup<'a, Rate> {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(elements));
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(800));
    group
}

/// Wall-clock time, with rates in one unit at every level, so that they can be compared at a glance.
pub struct Rate {
    unit: &'static str,
    elements_per_second: f64,
}

impl Measurement for Rate {
    type Intermediate = Instant;
    type Value = Duration;

    fn start(&self) -> Instant {
        WallTime.start()
    }

    fn end(&self, start: Instant) -> Duration {
        WallTime.end(start)
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        WallTime.add(one, other)
    }

    fn zero(&self) -> Duration {
        WallTime.zero()
    }

    fn to_f64(&self, duration: &Duration) -> f64 {
        WallTime.to_f64(duration)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        self
    }
}

impl ValueFormatter for Rate {
    fn scale_values(&self, typical: f64, nanoseconds: &mut [f64]) -> &'static str {
        WallTime.formatter().scale_values(typical, nanoseconds)
    }

    fn scale_throughputs(&self, _typical: f64, throughput: &Throughput, nanoseconds: &mut [f64]) -> &'static str {
        let Throughput::Elements(elements) = throughput else { unreachable!("every group counts elements") };
        for value in nanoseconds {
            *value = *elements as f64 / (*value * 1e-9) / self.elements_per_second;
        }
        self.unit
    }

    fn scale_for_machines(&self, nanoseconds: &mut [f64]) -> &'static str {
        WallTime.formatter().scale_for_machines(nanoseconds)
    }
}
