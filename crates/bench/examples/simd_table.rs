//! Training on one thread at every level, as a table in Markdown: `cargo run --release -p bench --example simd_table`.
//!
//! The levels take turns, several times, so that a disturbance of the machine does not hit one alone; the fastest epoch of
//! each counts.

use std::time::Duration;

use bench::Workload;
use bench::throughput::Training;
use net::Level;

const ROUNDS: usize = 5;
const TURN: Duration = Duration::from_millis(300);

fn main() {
    let levels = Level::available();
    println!("{}, one thread, samples per second (and how many times the scalar level):\n", processor());
    let names: Vec<String> = levels.iter().map(ToString::to_string).collect();
    println!("| network | batch | {} |", names.join(" | "));
    println!("|---|---:|{}", "---:|".repeat(levels.len()));
    for workload in Workload::all() {
        let mut trainings: Vec<Training> = levels.iter().map(|level| Training::new(&workload, *level, 1)).collect();
        let mut rates = vec![0.0f64; levels.len()];
        for _round in 0..ROUNDS {
            for (training, rate) in trainings.iter_mut().zip(&mut rates) {
                *rate = rate.max(training.fastest(TURN));
            }
        }
        let cells: Vec<String> = rates.iter().map(|rate| cell(*rate, rates[0])).collect();
        println!("| {} | {} | {} |", workload.name(), workload.batch_size, cells.join(" | "));
    }
}

/// A rate to three digits, and as a multiple of the scalar rate.
fn cell(rate: f64, scalar: f64) -> String {
    let (rate_in_unit, unit) = if rate >= 1e6 { (rate / 1e6, " M") } else { (rate / 1e3, " k") };
    let decimals = 2usize.saturating_sub(rate_in_unit.log10().max(0.0) as usize);
    let times = if rate == scalar { String::new() } else { format!(" ({:.1}x)", rate / scalar) };
    format!("{rate_in_unit:.decimals$}{unit}{times}")
}

/// What the processor calls itself.
fn processor() -> String {
    let description = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let value = |key: &str| {
        let line = description.lines().find(|line| line.starts_with(key))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let name = value("model name").unwrap_or_else(|| "unknown processor".to_owned());
    match (value("cpu family"), value("model\t")) {
        (Some(family), Some(model)) => format!("{name} (family {family}, model {model})"),
        _ => name,
    }
}
