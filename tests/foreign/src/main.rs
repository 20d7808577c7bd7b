//! Trains as the workspace's own programs do, from a crate that merely depends on `net`.
//!
//! `foreign NETWORK BATCH [SECONDS]`, such as `foreign 28-64-64-1 32 0.5`, prints the level that was chosen, the mean loss
//! of the first and of the last epoch of a short training (with its bits), and the samples per second of the fastest
//! epoch within so many seconds.

use std::process::ExitCode;
use std::time::Duration;

use net::Level;

// The very code that the workspace measures itself with; not all of it is used here.
#[allow(dead_code)]
#[path = "../../../crates/bench/src/throughput.rs"]
mod throughput;
#[allow(dead_code)]
#[path = "../../../crates/bench/src/workload.rs"]
mod workload;

use throughput::Training;
use workload::Workload;

const EPOCHS: usize = 20;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let batch_size = arguments.get(1).and_then(|batch| batch.parse().ok()).filter(|batch| *batch > 0);
    let seconds = arguments.get(2).map_or(Ok(0.0), |seconds| seconds.parse());
    let workload = batch_size.and_then(|batch_size| Workload::named(&arguments[0], batch_size));
    let (Some(workload), Ok(Ok(time))) = (workload, seconds.map(Duration::try_from_secs_f64)) else {
        eprintln!("usage: foreign NETWORK BATCH [SECONDS], such as foreign 28-64-64-1 32 0.5");
        return ExitCode::from(2);
    };
    // What a user gets who does not choose.
    let level = Level::best();
    println!("level {level}");
    let losses = throughput::losses(&workload, level, EPOCHS);
    for (when, loss) in [("first", losses[0]), ("last", losses[EPOCHS - 1])] {
        println!("{when} loss {loss:.6} {:016x}", loss.to_bits());
    }
    match Training::new(&workload, level, 1).and_then(|mut training| training.fastest(time)) {
        Ok(rate) => println!("samples/s {rate:.0}"),
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
