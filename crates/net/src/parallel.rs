//! Threads: how many, and how work is shared out.

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::{Scope, Yield};

use crate::Error;

/// How many threads may compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// So many, in a pool of their own. With 1, the calling thread computes alone.
    Own(usize),
    /// Those of rayon's global pool, shared with the rest of the program.
    Global,
}

impl Default for Threads {
    /// One thread: more are asked for, never a surprise.
    fn default() -> Self {
        Threads::Own(1)
    }
}

/// The threads of a piece of work, and what they share out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Team {
    pub threads: usize,
    pub shares: Shares,
}

/// What threads share out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shares {
    /// Each takes groups of samples through all layers: see [`by_samples`](crate::by_samples).
    Samples,
    /// Each takes some of the units of every layer, for all samples: see [`by_units`](crate::by_units).
    Units,
}

impl Team {
    /// One thread.
    pub(crate) const ALONE: Team = Team { threads: 1, shares: Shares::Samples };
}

/// More threads than this are a slip.
const MOST_THREADS: usize = 4096;

/// Where the threads of a computation come from.
#[derive(Debug)]
pub(crate) enum Pool {
    /// The calling thread.
    Caller,
    Own(rayon::ThreadPool),
    Global,
    /// So many threads, in whose pool the caller runs already.
    Entered(usize),
}

impl Pool {
    pub(crate) fn new(threads: Threads) -> Result<Pool, Error> {
        match threads {
            Threads::Own(count) if count == 0 || count > MOST_THREADS => {
                Err(Error::Setting { name: "threads", value: count.to_string(), range: "from 1 to 4096" })
            }
            Threads::Own(1) => Ok(Pool::Caller),
            Threads::Own(count) => {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(count).thread_name(|i| format!("backprop-{i}"));
                pool.build().map(Pool::Own).map_err(|error| Error::Threads { count, reason: error.to_string() })
            }
            Threads::Global => Ok(Pool::Global),
        }
    }

    pub(crate) fn threads(&self) -> usize {
        match self {
            Pool::Caller => 1,
            Pool::Entered(threads) => *threads,
            Pool::Own(pool) => pool.current_num_threads(),
            Pool::Global => rayon::current_num_threads(),
        }
    }

    /// Whether the caller runs in the pool already.
    pub(crate) fn is_entered(&self) -> bool {
        matches!(self, Pool::Entered(_))
    }

    /// The pool, in the place of which stays one that has been entered.
    pub(crate) fn enter(&mut self) -> Pool {
        let entered = Pool::Entered(self.threads());
        std::mem::replace(self, entered)
    }

    /// Runs `body` on a thread from which [`both`] reaches the pool's threads, and keeps those awake meanwhile: a step of
    /// training is over before a sleeping thread has woken up.
    pub(crate) fn run<R: Send>(&self, body: impl FnOnce() -> R + Send) -> R {
        match self {
            Pool::Caller | Pool::Entered(_) => body(),
            Pool::Own(pool) => {
                let stop = AtomicBool::new(false);
                pool.scope(|scope| with_team(scope, &stop, body))
            }
            Pool::Global => {
                let stop = AtomicBool::new(false);
                rayon::scope(|scope| with_team(scope, &stop, body))
            }
        }
    }
}

/// Runs `body` while all other threads of the pool look for its work without a pause.
fn with_team<'scope, R>(scope: &Scope<'scope>, stop: &'scope AtomicBool, body: impl FnOnce() -> R) -> R {
    let caller = rayon::current_thread_index();
    scope.spawn_broadcast(move |_, context| {
        if Some(context.index()) != caller {
            help_until(stop);
        }
    });
    /// Lets the team go, even if the body panics.
    struct Stop<'a>(&'a AtomicBool);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Release);
        }
    }
    let _stop = Stop(stop);
    body()
}

/// Looks so many times for work, some tens of microseconds, before it lets another program's thread run.
pub(crate) const PATIENCE: u32 = 1000;

fn help_until(stop: &AtomicBool) {
    let mut idle = 0;
    while !stop.load(Ordering::Acquire) {
        if rayon::yield_now() == Some(Yield::Executed) {
            idle = 0;
        } else if idle < PATIENCE {
            idle += 1;
            std::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }
}

/// Runs both, at the same time if `parallel`. Within [`Pool::run`] neither allocates nor, but where a thread is held up,
/// calls the system.
#[inline(always)]
pub(crate) fn both(parallel: bool, left: impl FnOnce() + Send, right: impl FnOnce() + Send) {
    if !parallel {
        left();
        right();
        return;
    }
    let (started, finished) = (AtomicBool::new(false), AtomicBool::new(false));
    rayon::join(
        || {
            left();
            // rayon would let this thread sleep until the other has finished. If none has taken the right side, this
            // thread will, and need not wait.
            let mut spins = 0;
            while started.load(Ordering::Acquire) && !finished.load(Ordering::Acquire) && spins < MOST_SPINS {
                spins += 1;
                std::hint::spin_loop();
            }
        },
        || {
            started.store(true, Ordering::Release);
            right();
            finished.store(true, Ordering::Release);
        },
    );
}

/// Some milliseconds: a thread that takes longer is held up, or has panicked.
const MOST_SPINS: u32 = 100_000;
