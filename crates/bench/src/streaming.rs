//! The machine's limit in moving numbers: how fast they are read from each level of cache and from memory.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use kernels::simd::Simd;
use kernels::{Level, dispatch};

use crate::aligned::Aligned;
use crate::machine::Cache;

/// Vectors that are summed apart from each other, so that no addition waits for another.
const CHAINS: usize = 8;
/// Numbers that are read in one step, at the widest level.
const STEP: usize = CHAINS * 16;
/// Bytes that a burst reads at least.
const BURST_BYTES: usize = 8 << 20;

/// A buffer for each level of cache, and one for memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// Where it lies, such as `L1` or `memory`.
    pub place: String,
    /// Its size.
    pub bytes: usize,
    /// Whether cores share the place, so that the buffers of several threads must fit together.
    pub is_shared: bool,
}

/// Sizes of caches where the system does not tell: those of many machines.
const TYPICAL_CACHES: [(&str, usize); 3] = [("L1", 32 << 10), ("L2", 512 << 10), ("L3", 16 << 20)];
/// Sizes of the buffer in memory, which is several times as large as the last cache.
const MEMORY_BUFFER: std::ops::RangeInclusive<usize> = (64 << 20)..=(256 << 20);

/// Buffers that fit well into each of `caches`, and one that fits into none.
pub fn buffers(caches: &[Cache]) -> Vec<Buffer> {
    let typical = TYPICAL_CACHES.map(|(name, bytes)| Cache { name: name.to_owned(), bytes });
    let caches = if caches.is_empty() { &typical } else { caches };
    let last = caches.len() - 1;
    let fitting = caches.iter().enumerate().map(|(index, cache)| {
        let is_shared = index == last && index > 1;
        // Other programs have their part of a cache that is shared.
        let bytes = if is_shared { cache.bytes / 4 } else { cache.bytes / 2 };
        Buffer { place: cache.name.clone(), bytes, is_shared }
    });
    let bytes = (4 * caches[last].bytes).clamp(*MEMORY_BUFFER.start(), *MEMORY_BUFFER.end());
    fitting.chain([Buffer { place: "memory".to_owned(), bytes, is_shared: true }]).collect()
}

/// Numbers to read, again and again.
pub struct Stream(Aligned);

impl Stream {
    /// As many as fill `bytes`, rounded up to whole steps.
    pub fn new(bytes: usize) -> Self {
        let mut numbers = Aligned::zeros(bytes.div_ceil(size_of::<f32>()).next_multiple_of(STEP));
        // Memory that was never written is one page of zeros, read again and again from the cache.
        numbers.fill(1.0);
        Stream(numbers)
    }

    /// Bytes that are read in one pass.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.0)
    }

    /// Bytes per second of one burst of reading on this thread: one pass, or as many as read eight megabytes, after one that
    /// fills the caches.
    pub fn burst(&self, level: Level) -> f64 {
        let passes = BURST_BYTES.div_ceil(self.bytes());
        self.pass(level);
        let start = Instant::now();
        for _ in 0..passes {
            self.pass(level);
        }
        (passes * self.bytes()) as f64 / start.elapsed().as_secs_f64()
    }

    fn pass(&self, level: Level) {
        let numbers = std::hint::black_box(&self.0[..]);
        dispatch!(level, simd => read(simd, numbers));
    }
}

/// Loads every number and adds it to one of a few sums.
#[inline(always)]
fn read<S: Simd>(simd: S, numbers: &[f32]) {
    let mut sums = [simd.splat(0.0); CHAINS];
    for numbers in numbers.chunks_exact(CHAINS * S::LANES) {
        let mut chain = 0;
        while chain < CHAINS {
            sums[chain] = sums[chain] + simd.load(&numbers[chain * S::LANES..]);
            chain += 1;
        }
    }
    let mut out = [0.0; 16];
    for sum in sums {
        simd.store(sum, &mut out);
        std::hint::black_box(&out);
    }
}

/// Bytes per second that `threads` read together, each from a buffer of `bytes` of its own: the best of several bursts
/// that they start together, within `time`.
pub fn rate(level: Level, bytes: usize, threads: usize, time: Duration) -> f64 {
    const BURSTS: u32 = 10;
    let barrier = Barrier::new(threads);
    let bursts_of_one_thread = || {
        let stream = Stream::new(bytes);
        let burst = || {
            barrier.wait();
            // All stop at the same time, lest the last one has the memory for itself.
            let (start, mut passes) = (Instant::now(), 0);
            while passes == 0 || start.elapsed() < time / BURSTS {
                let burst = (BURST_BYTES / 16 / stream.bytes()).max(1);
                (0..burst).for_each(|_| stream.pass(level));
                passes += burst;
            }
            (passes * stream.bytes()) as f64 / start.elapsed().as_secs_f64()
        };
        (0..BURSTS).map(|_| burst()).collect::<Vec<f64>>()
    };
    let rates: Vec<Vec<f64>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(bursts_of_one_thread)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_default()).collect()
    });
    (0..BURSTS as usize).map(|burst| rates.iter().filter_map(|rates| rates.get(burst)).sum()).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_rounded_up_to_whole_steps() {
        assert_eq!(Stream::new(1).bytes(), STEP * 4);
        assert_eq!(Stream::new(STEP * 4).bytes(), STEP * 4);
    }

    #[test]
    fn there_is_a_buffer_for_each_cache_and_for_memory() {
        let cache = |name: &str, bytes| Cache { name: name.to_owned(), bytes };
        let places = |caches: &[Cache]| buffers(caches).into_iter().map(|buffer| buffer.place).collect::<Vec<_>>();
        assert_eq!(places(&[]), ["L1", "L2", "L3", "memory"]);
        let found = buffers(&[cache("L1", 64 << 10), cache("L2", 4 << 20)]);
        assert_eq!(found.iter().map(|buffer| buffer.bytes).collect::<Vec<_>>(), [32 << 10, 2 << 20, 64 << 20]);
        assert_eq!(found.iter().map(|buffer| buffer.is_shared).collect::<Vec<_>>(), [false, false, true]);
    }

    #[test]
    fn every_level_and_thread_reads() {
        for level in Level::available() {
            assert!(Stream::new(4096).burst(level) > 0.0);
            assert!(rate(level, 4096, 2, Duration::from_millis(1)) > 0.0);
        }
    }
}
