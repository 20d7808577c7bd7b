//! How near to the core's peak the kernels of a layer come in a machine's quiet moments.
//!
//! `bursts SECONDS KERNEL:INPUTS-OUTPUTS-SAMPLES ...`, for example `bursts 3 forward:1024-1024-96 gradient:256-256-64`
//!
//! A kernel runs for a fifth of a millisecond at a time, or once if that takes longer, between bursts of multiply-adds on
//! registers. On a machine that is shared with others the best bursts say what the code can do, and the median what was left
//! of it; all are shares of the best burst of multiply-adds. The others of those tell whether the clock goes down with the work.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use bench::layer::{Kernel, Layer};
use bench::peak;
use net::Level;

const KERNELS: [Kernel; 6] = [
    Kernel::Forward,
    Kernel::ForwardNarrow,
    Kernel::Backward,
    Kernel::Gradient,
    Kernel::Descend,
    Kernel::BackwardAndDescend,
];
const BURST: Duration = Duration::from_micros(200);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((seconds, cases)) = arguments.split_first() else { return usage() };
    let Some(time) = seconds.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) else {
        return usage();
    };
    let cases: Option<Vec<_>> = cases.iter().map(|case| parse(case)).collect();
    let Some(cases) = cases.filter(|cases| !cases.is_empty()) else { return usage() };
    let level = match Level::from_environment() {
        Ok(level) => level,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    println!("{:32} {:>7} {:>7} {:>7} {:>7}", "share of peak", "best", "99 %", "90 %", "median");
    for (name, kernel, layer) in cases {
        let Shares { of_kernel, of_multiply_adds } = shares(kernel, layer, level, time);
        print(name, &of_kernel);
        print("  multiply-adds in between", &of_multiply_adds);
    }
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    let kernels = KERNELS.map(|kernel| kernel.to_string()).join(", ");
    eprintln!("usage: bursts SECONDS KERNEL:INPUTS-OUTPUTS-SAMPLES ...\nkernels: {kernels}; sizes are at least 1");
    ExitCode::from(2)
}

fn parse(case: &str) -> Option<(&str, Kernel, Layer)> {
    let (kernel, sizes) = case.split_once(':')?;
    let kernel = KERNELS.into_iter().find(|known| known.to_string() == kernel)?;
    let sizes: Option<Vec<usize>> = sizes.split('-').map(|size| size.parse().ok().filter(|size| *size > 0)).collect();
    let [inputs, outputs, samples] = *sizes? else { return None };
    Some((case, kernel, Layer::new(inputs, outputs, samples)))
}

fn print(name: &str, shares: &[f64]) {
    let quantile = |part: f64| shares[((shares.len() - 1) as f64 * part) as usize];
    let [best, high, upper, median] = [1.0, 0.99, 0.9, 0.5].map(quantile);
    println!("{name:32} {best:7.3} {high:7.3} {upper:7.3} {median:7.3}");
}

/// Rates in ascending order, as shares of the best burst of multiply-adds among them.
struct Shares {
    of_kernel: Vec<f64>,
    of_multiply_adds: Vec<f64>,
}

fn shares(kernel: Kernel, mut layer: Layer, level: Level, time: Duration) -> Shares {
    let flops = layer.work(kernel).count;
    let best_alone = peak::multiply_add_flops(level, Duration::from_millis(50));
    let runs = (BURST.as_secs_f64() * best_alone / flops as f64).ceil();
    let (mut of_kernel, mut of_multiply_adds) = (Vec::new(), Vec::new());
    let until = Instant::now() + time;
    while of_kernel.is_empty() || Instant::now() < until {
        of_multiply_adds.push(peak::burst(level));
        let start = Instant::now();
        for _ in 0..runs as usize {
            layer.run(kernel, level);
        }
        of_kernel.push(runs * flops as f64 / start.elapsed().as_secs_f64());
    }
    let peak = of_multiply_adds.iter().copied().fold(best_alone, f64::max);
    for rates in [&mut of_kernel, &mut of_multiply_adds] {
        rates.sort_by(f64::total_cmp);
        rates.iter_mut().for_each(|rate| *rate /= peak);
    }
    Shares { of_kernel, of_multiply_adds }
}
