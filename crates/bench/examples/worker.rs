//! Backprop as a worker of the comparison in `peers/`: the protocol is in `peers/README.md`.
//!
//! `worker --network 28-64-64-1 --batch 32 --threads 1 --mode train|latency|throughput|check --seconds 1`; with `--rows N`, training
//! is on so many samples, which need not fit a cache.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use bench::equal_work::{self, Figures};
use bench::prediction::Prediction;
use bench::throughput::{EPOCH, Training};
use bench::{Workload, peak};
use net::Level;

const REPEATS: usize = 5;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |flag: &str| arguments.iter().position(|a| a == flag).and_then(|at| arguments.get(at + 1));
    let number = |flag: &str| value(flag).and_then(|text| text.parse::<f64>().ok()).filter(|number| *number >= 0.0);
    let (Some(network), Some(batch), Some(threads), Some(mode), Some(seconds)) =
        (value("--network"), number("--batch"), number("--threads"), value("--mode"), number("--seconds"))
    else {
        return usage();
    };
    let Some(rows) = value("--rows").map_or(Some(EPOCH as f64), |_| number("--rows")) else { return usage() };
    let (batch, threads, rows) = ((batch as usize).max(1), (threads as usize).max(1), rows as usize);
    let Some(workload) = Workload::named(network, batch) else { return usage() };
    let level = match Level::from_environment() {
        Ok(level) => level,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    if mode == "check" {
        return check(&workload, level);
    }
    let rate = match mode.as_str() {
        "train" => train(&workload, level, threads, seconds, rows),
        "latency" | "throughput" => predict(&workload, level, threads, seconds),
        _ => return usage(),
    };
    let flops = if mode == "train" { workload.training_flops() } else { workload.inference_flops() };
    let share = rate * flops / (peak::multiply_add_flops(level, Duration::from_millis(100)) * threads as f64);
    println!(
        "{{\"peer\": \"Backprop\", \"version\": \"{}\", \"network\": \"{network}\", \"batch\": {batch}, \"threads\": {threads}, \
         \"mode\": \"{mode}\", \"samples_per_second\": {rate:.1}, \"microseconds\": {:.4}, \"share_of_peak\": {share:.4}}}",
        env!("CARGO_PKG_VERSION"),
        1e6 * batch as f64 / rate,
    );
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!(
        "usage: worker --network 28-64-64-1 --batch 32 --threads 1 --mode train|latency|throughput|check --seconds 1 [--rows N]"
    );
    ExitCode::from(2)
}

/// Samples per second: the median of some repeats of `work`, which handles `samples`, after one to warm up.
fn median_rate(seconds: f64, samples: usize, mut work: impl FnMut()) -> f64 {
    work();
    let mut rates: Vec<f64> = (0..REPEATS)
        .map(|_| {
            let start = Instant::now();
            let mut calls = 0;
            while calls == 0 || start.elapsed().as_secs_f64() < seconds / REPEATS as f64 {
                work();
                calls += 1;
            }
            (calls * samples) as f64 / start.elapsed().as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    rates[REPEATS / 2]
}

fn train(workload: &Workload, level: Level, threads: usize, seconds: f64, rows: usize) -> f64 {
    let mut training = Training::in_epochs_of(rows, workload, level, threads).expect("threads");
    let samples = training.samples();
    training.session(|epoch| median_rate(seconds, samples, || epoch().expect("training goes on")))
}

fn predict(workload: &Workload, level: Level, threads: usize, seconds: f64) -> f64 {
    let network = workload.network();
    let data = workload.data(workload.batch_size);
    let mut prediction = Prediction::new(&network, &data, data.rows(), level, threads).expect("threads");
    // The clock is looked at once in many short calls.
    let calls = (1000 / data.rows()).max(1);
    prediction.session(|predict| {
        median_rate(seconds, calls * data.rows(), || {
            for _ in 0..calls {
                predict().expect("the features fit");
            }
        })
    })
}

/// Prints what shows that this program does the same work as the others.
fn check(workload: &Workload, level: Level) -> ExitCode {
    let Figures { losses, mean_prediction } = equal_work::figures(workload, level).expect("three steps of training");
    println!("{{\"losses\": {losses:?}, \"mean_prediction\": {mean_prediction:?}}}");
    ExitCode::SUCCESS
}
