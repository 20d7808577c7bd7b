//! Threads: how many, and how work is shared out.

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

/// More threads than this are a slip.
const MOST_THREADS: usize = 4096;

/// Where the threads of a computation come from.
#[derive(Debug)]
pub(crate) enum Pool {
    /// The calling thread.
    Caller,
    Own(rayon::ThreadPool),
    Global,
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
            Pool::Own(pool) => pool.current_num_threads(),
            Pool::Global => rayon::current_num_threads(),
        }
    }

    /// Runs `body` on a thread from which `rayon::join` reaches the pool's threads.
    pub(crate) fn run<R: Send>(&self, body: impl FnOnce() -> R + Send) -> R {
        match self {
            Pool::Own(pool) => pool.install(body),
            Pool::Caller | Pool::Global => body(),
        }
    }
}

/// Runs both, at the same time if `parallel`. Neither allocates nor blocks the other.
#[inline(always)]
pub(crate) fn both(parallel: bool, left: impl FnOnce() + Send, right: impl FnOnce() + Send) {
    if parallel {
        rayon::join(left, right);
    } else {
        left();
        right();
    }
}
