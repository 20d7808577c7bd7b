//! Threads: how many, and how work is shared out.

use std::cell::Cell;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::Yield;

use crate::Error;

/// How many threads may compute. Of several networks in a parallel iterator, and in a callback of another computation with
/// several threads, each is computed by one thread alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// So many, in a pool of their own. With 1, the calling thread computes alone.
    Own(usize),
    /// Those of the pool of rayon in which the caller runs, or else of its global pool, shared with the rest of the program. A
    /// caller that is none of them waits until one is free to compute; those that are busy with other work are not waited for.
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

    /// Whether the calling thread is to compute alone: it belongs to another computation, for which it waits or looks for work,
    /// and has found this one, as in a parallel iterator over networks. One that called threads together in its turn would
    /// find the next, and so on, all of them on one stack.
    pub(crate) fn is_nested(&self) -> bool {
        matches!(self, Pool::Own(_) | Pool::Global) && COMPUTES.get()
    }

    /// Runs `body` on a thread from which [`share_out`] reaches the pool's threads, and keeps those awake meanwhile: a step of
    /// training is over before a sleeping thread has woken up.
    pub(crate) fn run<R: Send>(&self, body: impl FnOnce() -> R + Send) -> R {
        match self {
            Pool::Caller | Pool::Entered(_) => body(),
            Pool::Own(pool) => {
                let _computing = Computing::begin();
                pool.install(|| with_team(body))
            }
            Pool::Global => {
                let _computing = Computing::begin();
                // On a thread of the global pool.
                rayon::scope(|_| with_team(body))
            }
        }
    }

    /// The same for a body that takes the owner of the pool, which finds it entered meanwhile.
    pub(crate) fn run_entered<T: Send, R: Send>(
        owner: &mut T,
        pool: impl Fn(&mut T) -> &mut Pool,
        body: impl FnOnce(&mut T) -> R + Send,
    ) -> R {
        if pool(owner).is_nested() {
            return body(owner);
        }
        let entered = Pool::Entered(pool(owner).threads());
        let outside = std::mem::replace(pool(owner), entered);
        // A caller may catch the panic of a callback, and go on.
        let result = catch_unwind(AssertUnwindSafe(|| outside.run(|| body(owner))));
        *pool(owner) = outside;
        result.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

thread_local! {
    /// Whether this thread belongs to a computation.
    static COMPUTES: Cell<bool> = const { Cell::new(false) };
}

/// Until it is dropped, the thread belongs to a computation.
struct Computing {
    before: bool,
}

impl Computing {
    fn begin() -> Self {
        Computing { before: COMPUTES.replace(true) }
    }
}

impl Drop for Computing {
    fn drop(&mut self) {
        COMPUTES.set(self.before);
    }
}

/// Runs `body`, on a thread of the pool, while all its other threads look for work without a pause.
fn with_team<R>(body: impl FnOnce() -> R) -> R {
    let _computing = Computing::begin();
    let stop = Arc::new(AtomicBool::new(false));
    call_team(&stop);
    /// Lets the team go, even if the body panics.
    struct Stop(Arc<AtomicBool>);
    impl Drop for Stop {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Release);
        }
    }
    let _stop = Stop(stop);
    body()
}

/// Calls all threads of the pool but those that compute: one may find this while it waits for another one's part of the work,
/// and must go back to its own, or both would wait for ever. None is waited for: one that was busy with other work all the
/// while comes too late, and goes again.
fn call_team(stop: &Arc<AtomicBool>) {
    let stop = Arc::clone(stop);
    rayon::spawn_broadcast(move |_| {
        if !COMPUTES.get() {
            help_until(&stop);
        }
    });
}

/// Looks so many times for work, some tens of microseconds, before it lets another program's thread run.
pub(crate) const PATIENCE: u32 = 1000;

fn help_until(stop: &AtomicBool) {
    let _computing = Computing::begin();
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

/// Calls `body` on each of `threads` with its number and its share of the `work`. To `cut` it for the threads before a
/// middle one and those from that one on is given the work of some threads, these, and the middle one; work that is not cut
/// is done by the first of them. A thread that waits for the others meanwhile helps no other computation.
pub(crate) fn share_out<W: Send>(
    threads: Range<usize>,
    work: W,
    cut: &(impl Fn(W, Range<usize>, usize) -> (W, Option<W>) + Sync),
    body: &(impl Fn(usize, W) + Sync),
) {
    if threads.len() == 1 {
        return body(threads.start, work);
    }
    let _computing = Computing::begin();
    let middle = threads.start + threads.len() / 2;
    match cut(work, threads.clone(), middle) {
        (left, Some(right)) => both(
            || share_out(threads.start..middle, left, cut, body),
            || share_out(middle..threads.end, right, cut, body),
        ),
        (whole, None) => body(threads.start, whole),
    }
}

/// Runs both at the same time. Within [`Pool::run`] neither allocates nor, but where a thread is held up, calls the system.
#[inline(always)]
fn both(left: impl FnOnce() + Send, right: impl FnOnce() + Send) {
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::time::{Duration, Instant};

    use super::*;

    /// The most computations of a thread that are inside one another, where each of `items` is one on `threads`.
    fn deepest(items: usize, threads: Threads) -> usize {
        thread_local! { static DEPTH: Cell<usize> = const { Cell::new(0) } }
        fn visit(items: usize, threads: Threads, deepest: &AtomicUsize) {
            if items > 1 {
                let left = items / 2;
                rayon::join(|| visit(left, threads, deepest), || visit(items - left, threads, deepest));
                return;
            }
            let pool = Pool::new(threads).unwrap();
            let depth = 1 + DEPTH.get();
            DEPTH.set(depth);
            deepest.fetch_max(depth, Ordering::Relaxed);
            let work = |_, ()| (0..1000).for_each(|_| std::hint::spin_loop());
            match pool.is_nested() {
                true => work(0, ()),
                false => pool.run(|| (0..20).for_each(|_| share_out(0..2, (), &|(), _, _| ((), Some(())), &work))),
            }
            DEPTH.set(depth - 1);
        }
        let deepest = AtomicUsize::new(0);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        pool.install(|| visit(items, threads, &deepest));
        deepest.into_inner()
    }

    /// A thread that waits for its computation may take another item of the iterator, but not another one in that.
    #[test]
    fn networks_in_a_parallel_iterator_do_not_pile_up() {
        for threads in [Threads::Global, Threads::Own(2)] {
            assert!(deepest(200, threads) <= 2, "{threads:?}");
        }
    }

    /// A thread whose part of the work is done, but not the part that another one took from it, finds the call and goes back.
    #[test]
    fn a_thread_that_waits_for_its_work_does_not_begin_to_help() {
        let wait_for = |flag: &AtomicBool| {
            while !flag.load(Ordering::Acquire) {
                std::thread::sleep(Duration::from_millis(1));
            }
        };
        let set = |flag: &AtomicBool| flag.store(true, Ordering::Release);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
        let [taken, waits, called, is_late] = std::array::from_fn(|_| AtomicBool::new(false));
        let stop = Arc::new(AtomicBool::new(false));
        std::thread::scope(|threads| {
            // Lets a thread go that helps.
            threads.spawn(|| {
                let begin = Instant::now();
                while !stop.load(Ordering::Acquire) {
                    if begin.elapsed() > Duration::from_secs(20) {
                        set(&is_late);
                        set(&stop);
                    }
                    std::thread::sleep(Duration::from_millis(1));
                }
            });
            pool.install(|| {
                let work = |part, ()| match part {
                    0 => {
                        wait_for(&waits);
                        call_team(&stop);
                        set(&called);
                    }
                    // Parts 2 and 3 were taken from part 0 as one, and part 3 is taken from part 2.
                    2 => {
                        wait_for(&taken);
                        set(&waits);
                    }
                    3 => {
                        set(&taken);
                        wait_for(&called);
                        std::thread::sleep(Duration::from_millis(200));
                    }
                    _ => {}
                };
                share_out(0..4, (), &|(), _, _| ((), Some(())), &work);
                set(&stop);
            });
        });
        assert!(!is_late.into_inner());
    }

    /// Nor is what it does waited for: whoever computes may hold what it waits for.
    #[test]
    fn a_thread_that_is_busy_with_other_work_is_not_waited_for() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let (begun, wait_for_begin) = std::sync::mpsc::channel();
        let (end, wait_for_end) = std::sync::mpsc::channel();
        let (ended, wait_for_answer) = std::sync::mpsc::channel();
        pool.spawn(move || {
            begun.send(()).unwrap();
            ended.send(wait_for_end.recv_timeout(Duration::from_secs(20))).unwrap();
        });
        wait_for_begin.recv().unwrap();
        let sum = AtomicUsize::new(0);
        let work = |part, ()| _ = sum.fetch_add(1 + part, Ordering::Relaxed);
        pool.install(|| with_team(|| share_out(0..2, (), &|(), _, _| ((), Some(())), &work)));
        end.send(()).unwrap();
        assert_eq!((wait_for_answer.recv().unwrap(), sum.into_inner()), (Ok(()), 3));
    }

    #[test]
    fn a_pool_survives_a_panic() {
        let mut pool = Pool::new(Threads::Own(2)).unwrap();
        let panic = catch_unwind(AssertUnwindSafe(|| {
            Pool::run_entered(&mut pool, |pool| pool, |pool| assert!(!matches!(pool, Pool::Entered(2)), "entered"));
        }));
        assert!(panic.is_err() && matches!(pool, Pool::Own(_)) && !pool.is_nested());
    }
}
