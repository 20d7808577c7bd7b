//! The core's limit in arithmetic: what shares of peak are shares of.

use std::time::{Duration, Instant};

use kernels::simd::{Simd, Vector};
use kernels::{Level, dispatch};

/// Independent chains of multiply-adds, more than latency times throughput of any core so far, and few enough for the
/// registers of each tier.
const CHAINS: usize = 12;

/// Floating-point operations per second of one core at `level`: the best of the bursts that fit in `time`.
pub fn multiply_add_flops(level: Level, time: Duration) -> f64 {
    let until = Instant::now() + time;
    let mut best = burst(level);
    while Instant::now() < until {
        best = best.max(burst(level));
    }
    best
}

/// Floating-point operations per second of one core at `level`, in one burst of independent fused multiply-adds on
/// registers: a fifth of a millisecond or so.
pub fn burst(level: Level) -> f64 {
    const STEPS: usize = 100_000;
    let start = Instant::now();
    let lanes = dispatch!(level, simd => multiply_add(simd, STEPS));
    (2 * CHAINS * STEPS * lanes) as f64 / start.elapsed().as_secs_f64()
}

#[inline(always)]
fn multiply_add<S: Simd>(simd: S, steps: usize) -> usize {
    let factor = simd.splat(std::hint::black_box(0.999_999));
    let addend = simd.splat(std::hint::black_box(1e-6));
    let mut chains = [simd.splat(1.0); CHAINS];
    for _ in 0..steps {
        let mut chain = 0;
        while chain < CHAINS {
            chains[chain] = chains[chain].mul_add(factor, addend);
            chain += 1;
        }
    }
    let mut out = [0.0; 16];
    for vector in chains {
        simd.store(vector, &mut out);
        std::hint::black_box(&out);
    }
    S::LANES
}
