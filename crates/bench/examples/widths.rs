//! Cliffs: how the speed of training depends on the width of the hidden layers, the depth and the minibatch.
//!
//! `cargo run --release -p bench --example widths -- [SECONDS [THREADS]]` trains networks of many widths, and prints the
//! rate per useful operation and the worst drop between neighbours that are both above 32 units; then the same over depths
//! and minibatches.

use std::process::ExitCode;
use std::time::Duration;

use bench::throughput::Training;
use bench::{Error, Workload};
use net::Level;

/// Around multiples of the vectors and panels, and what people choose.
const WIDTHS: [usize; 55] = [
    1, 2, 3, 4, 5, 8, 12, 15, 16, 17, 24, 31, 32, 33, 36, 40, 47, 48, 49, 56, 63, 64, 65, 72, 79, 80, 81, 95, 96, 97,
    100, 111, 112, 113, 127, 128, 129, 143, 144, 145, 159, 160, 161, 191, 192, 193, 200, 223, 224, 225, 255, 256, 257,
    399, 400,
];
const DEPTHS: [usize; 8] = [1, 2, 3, 4, 5, 6, 7, 8];
const BATCHES: [usize; 20] = [1, 2, 3, 4, 7, 8, 13, 14, 15, 16, 17, 28, 29, 32, 100, 256, 257, 1000, 4095, 4096];

fn main() -> ExitCode {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<f64>());
    let (Ok(seconds), Ok(threads)) = (numbers.next().unwrap_or(Ok(0.1)), numbers.next().unwrap_or(Ok(1.0))) else {
        eprintln!("usage: widths [SECONDS [THREADS]]");
        return ExitCode::from(2);
    };
    match sweep(Duration::from_secs_f64(seconds), threads as usize) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn sweep(time: Duration, threads: usize) -> Result<(), Error> {
    let rate = |hidden: &[usize], batch_size: usize| -> Result<f64, Error> {
        let widths = [&[32], hidden, &[1]].concat();
        let workload = Workload { widths, batch_size };
        let rate = Training::new(&workload, Level::best(), threads)?.fastest(time)? * workload.training_flops() / 1e9;
        println!("{workload:40} {rate:8.1} GFLOP/s");
        Ok(rate)
    };
    let mut worst = (1.0, 0);
    let mut before = None;
    for width in WIDTHS {
        let rate = rate(&[width, width], 128)?;
        if let Some(before) = before
            && before / rate > worst.0
        {
            worst = (before / rate, width);
        }
        before = (width > 32).then_some(rate);
    }
    println!("\nthe worst drop above 32 units: {:.2} times, at {}\n", worst.0, worst.1);
    for depth in DEPTHS {
        rate(&vec![64; depth], 128)?;
    }
    println!();
    for batch in BATCHES {
        rate(&[64, 64], batch)?;
    }
    Ok(())
}
