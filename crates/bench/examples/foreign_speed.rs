//! Is `net` as fast from a crate that merely depends on it? `cargo run --release -p bench --example foreign_speed` builds
//! the foreign crate and lets it and this program train in turns, at the best level on one thread; the fastest epoch of
//! each counts.

use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bench::throughput::Training;
use bench::{Workload, foreign};
use net::Level;

const ROUNDS: usize = 5;
const SECONDS: f64 = 0.3;

fn main() -> Result<(), Box<dyn Error>> {
    // target/release/examples/foreign_speed
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(3).unwrap_or(Path::new("target"));
    let program = foreign::build(&target.join("tmp/foreign"))?;
    println!("level {}, one thread, samples per second", Level::best());
    for workload in Workload::all() {
        let (mut here, mut there) = (0.0f64, 0.0f64);
        for _round in 0..ROUNDS {
            let mut training = Training::new(&workload, Level::best(), 1)?;
            here = here.max(training.fastest(Duration::from_secs_f64(SECONDS))?);
            let mut command = Command::new(&program);
            command.args([workload.name(), workload.batch_size.to_string(), SECONDS.to_string()]);
            let output = foreign::output(&mut command)?;
            let rate = output.lines().find_map(|line| line.strip_prefix("samples/s ")).ok_or("no rate")?;
            there = there.max(rate.parse()?);
        }
        println!("{workload:36}: workspace {here:10.0}, foreign {there:10.0}, {:.1} %", 100.0 * there / here);
    }
    Ok(())
}
