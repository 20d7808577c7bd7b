//! Work that is shared out between threads: members of an ensemble, folds of a cross-validation.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use net::Level;

/// What to compute with. It changes how long it takes, and no bit of a result (but for the portable level).
#[derive(Debug, Clone, Copy)]
pub struct Compute {
    /// Threads; at least 1.
    pub threads: usize,
    /// The SIMD level.
    pub level: Level,
}

impl Default for Compute {
    /// The best level, on one thread.
    fn default() -> Self {
        Self { threads: 1, level: Level::best() }
    }
}

/// Does the jobs numbered from 0 to `count` - 1, several at a time, each with its share of the threads. Results come in
/// the order of the jobs; of several errors, the first one in that order counts.
pub(crate) fn run<T: Send, E: Send>(
    count: usize,
    compute: Compute,
    job: impl Fn(usize, Compute) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    let workers = compute.threads.clamp(1, count.max(1));
    let share = Compute { threads: (compute.threads / workers).max(1), ..compute };
    if workers == 1 {
        return (0..count).map(|number| job(number, share)).collect();
    }
    let next = AtomicUsize::new(0);
    let results = Mutex::new((0..count).map(|_| None).collect::<Vec<Option<Result<T, E>>>>());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    let result = job(number, share);
                    if result.is_err() {
                        // Nothing after it matters; what is before it has been begun.
                        next.store(count, Ordering::Relaxed);
                    }
                    results.lock().unwrap_or_else(PoisonError::into_inner)[number] = Some(result);
                }
            });
        }
    });
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    // Jobs that were not begun are behind an error.
    results.into_iter().map_while(|result| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order() {
        for threads in [1, 2, 3, 20] {
            let compute = Compute { threads, ..Compute::default() };
            let squares: Result<Vec<usize>, ()> = run(7, compute, |number, _| Ok(number * number));
            assert_eq!(squares, Ok(vec![0, 1, 4, 9, 16, 25, 36]));
            let failed: Result<Vec<usize>, usize> = run(7, compute, |number, _| match number {
                2 | 5 => Err(number),
                _ => Ok(number),
            });
            assert_eq!(failed, Err(2), "{threads} threads");
            let shares: Result<Vec<usize>, ()> = run(2, compute, |_, compute| Ok(compute.threads));
            assert_eq!(shares, Ok(vec![(threads / 2).max(1); 2]));
        }
    }
}
