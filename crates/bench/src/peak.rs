//! The machine's own limits: what shares of peak are shares of.

use std::time::{Duration, Instant};

use kernels::simd::{Simd, Vector};
use kernels::{Level, dispatch};

/// Independent chains of multiply-adds, more than latency times throughput of any core so far, and few enough for the
/// registers of each tier.
const CHAINS: usize = 12;

/// Floating-point operations per second of one core at `level`: the best of several bursts of independent fused
/// multiply-adds on registers.
pub fn multiply_add_flops(level: Level) -> f64 {
    const STEPS: usize = 100_000;
    let burst = || {
        let start = Instant::now();
        let lanes = dispatch!(level, simd => burn(simd, STEPS));
        (2 * CHAINS * STEPS * lanes) as f64 / start.elapsed().as_secs_f64()
    };
    let until = Instant::now() + Duration::from_millis(100);
    let mut best = burst();
    while Instant::now() < until {
        best = best.max(burst());
    }
    best
}

#[inline(always)]
fn burn<S: Simd>(simd: S, steps: usize) -> usize {
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
