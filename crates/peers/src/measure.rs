//! The timing loop, the same as in `peers/python/measure.py`: a warm-up, then repeats of a fixed number of calls.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::Result;

/// Repeats of which the median counts.
pub const REPEATS: usize = 5;

/// Seconds per call in each repeat, after a warm-up of a quarter of `seconds`.
///
/// A repeat makes as many calls as should take its share of `seconds`, one at least, and reads the clock twice.
pub fn measure<T>(seconds: f64, mut call: impl FnMut() -> Result<T>) -> Result<[f64; REPEATS]> {
    let warm_up = Duration::from_secs_f64(seconds / 4.0);
    let mut calls = 0_u32;
    let start = Instant::now();
    while calls == 0 || start.elapsed() < warm_up {
        black_box(call()?);
        calls += 1;
    }
    let per_call = start.elapsed().as_secs_f64() / f64::from(calls);
    let calls = ((seconds / REPEATS as f64 / per_call) as u32).max(1);

    let mut repeats = [0.0; REPEATS];
    for repeat in &mut repeats {
        let start = Instant::now();
        for _ in 0..calls {
            black_box(call()?);
        }
        *repeat = start.elapsed().as_secs_f64() / f64::from(calls);
    }
    Ok(repeats)
}
