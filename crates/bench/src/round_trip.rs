//! How far two cores are from each other: how long a cache line takes from one thread to another and back.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A word on cache lines of its own: a processor may fetch two neighbours at a time.
#[repr(align(128))]
struct Word(AtomicU32);

/// Ends the exchange.
const STOP: u32 = u32::MAX;
/// Round trips that are timed together.
const TRIPS: u32 = 100;
/// No cores are so far apart: the threads share one.
const SHARED_NANOSECONDS: f64 = 1000.0;

impl Word {
    /// Waits until somebody else has written one of these.
    fn wait_for(&self, words: &[u32]) -> u32 {
        let mut spins = 0;
        loop {
            let word = self.0.load(Ordering::Acquire);
            if words.contains(&word) {
                return word;
            }
            spins += 1;
            if spins % 10_000 == 0 {
                // It may be on this core, and have to wait for it.
                std::thread::yield_now();
            }
        }
    }

    fn write(&self, word: u32) {
        self.0.store(word, Ordering::Release);
    }
}

/// Nanoseconds of a round trip, the best of what fits in `time`; or in twenty times as much if the threads share a core, where
/// the system may have put them at first.
pub fn round_trip(time: Duration) -> f64 {
    let word = Word(AtomicU32::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // 0 is there at the begin and after each answer.
            while word.wait_for(&[1, STOP]) != STOP {
                word.write(0);
            }
        });
        let (start, mut best) = (Instant::now(), f64::INFINITY);
        while start.elapsed() < time || (best > SHARED_NANOSECONDS && start.elapsed() < 20 * time) {
            let start = Instant::now();
            for _ in 0..TRIPS {
                word.write(1);
                word.wait_for(&[0]);
            }
            best = best.min(start.elapsed().as_nanos() as f64 / f64::from(TRIPS));
        }
        word.write(STOP);
        best
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_comes_back() {
        let nanoseconds = round_trip(Duration::from_millis(1));
        assert!(nanoseconds > 1.0 && nanoseconds.is_finite());
    }
}
