//! Training throughput, for tuning: `cargo run --release -p bench --example throughput -- [THREADS [NETWORK [BATCH [SECONDS]]]]`,
//! at the level that BACKPROP_LEVEL names or else at the best one.

use std::error::Error;
use std::time::Duration;

use bench::Workload;
use bench::throughput::Training;
use net::Level;

fn main() -> Result<(), Box<dyn Error>> {
    let level = Level::from_environment()?;
    let peak = bench::peak::multiply_add_flops(level, Duration::from_millis(100));
    println!("{level}: peak {:.1} GFLOP/s per core", peak / 1e9);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| arguments.get(at).and_then(|text| text.parse::<f64>().ok());
    let threads = number(0).unwrap_or(1.0) as usize;
    let network = arguments.get(1).map_or("", String::as_str);
    let time = Duration::from_secs_f64(number(3).unwrap_or(1.0));
    for workload in Workload::all().into_iter().chain(Workload::narrow()) {
        if !workload.name().starts_with(network) || number(2).is_some_and(|b| b as usize != workload.batch_size) {
            continue;
        }
        let rate = Training::new(&workload, level, threads)?.fastest(time)?;
        let share = 100.0 * rate * workload.training_flops() / peak;
        println!("{workload:36}: {rate:.3e} samples/s, {share:.1} % of one core's peak");
    }
    Ok(())
}
