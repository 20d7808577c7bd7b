//! Values that threads change one after the other, in an order that is given.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::parallel::PATIENCE;

/// A value that is changed in turns. No thread waits for its lock, which is how safe Rust passes it on: each waits for its
/// turn, and then has it alone. On cache lines of its own, so that waiting for one value disturbs none of the others.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct InTurn<T> {
    turn: AtomicUsize,
    value: Mutex<T>,
}

impl<T> InTurn<T> {
    pub(crate) fn new(value: T) -> Self {
        InTurn { turn: AtomicUsize::new(0), value: Mutex::new(value) }
    }

    /// Waits until the value has been changed `turn` times, and changes it. Whoever has the turn before must have begun
    /// with its work already, or nobody might ever do it.
    ///
    /// # Panics
    /// If a thread has `abandoned` its work: its turn would never end.
    #[inline(always)]
    pub(crate) fn change(&self, turn: usize, abandoned: &AtomicBool, change: impl FnOnce(&mut T)) {
        let mut spins = 0;
        while self.turn.load(Ordering::Acquire) != turn {
            assert!(!abandoned.load(Ordering::Relaxed), "another thread has panicked");
            if spins < PATIENCE {
                spins += 1;
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        }
        change(&mut self.value.try_lock().expect("a thread has its turn alone"));
        self.turn.store(turn + 1, Ordering::Release);
    }

    /// The value, of whoever has all turns.
    #[inline(always)]
    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.value.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins with turn 0 again.
    pub(crate) fn restart(&mut self) {
        *self.turn.get_mut() = 0;
    }

    pub(crate) fn into_inner(self) -> T {
        self.value.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the others if the thread that holds it panics.
pub(crate) struct Abandon<'a>(pub &'a AtomicBool);

impl Drop for Abandon<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever comes first waits for its turn.
    #[test]
    fn changes_are_made_in_order() {
        let (value, abandoned) = (InTurn::new(Vec::new()), AtomicBool::new(false));
        std::thread::scope(|scope| {
            for turn in (0..8).rev() {
                let (value, abandoned) = (&value, &abandoned);
                scope.spawn(move || value.change(turn, abandoned, |turns| turns.push(turn)));
            }
        });
        assert!(value.into_inner().into_iter().eq(0..8));
    }

    #[test]
    fn nobody_waits_for_a_turn_that_never_ends() {
        let (value, abandoned) = (InTurn::new(()), AtomicBool::new(false));
        let panicked = |turn: usize| {
            let (value, abandoned) = (&value, &abandoned);
            move || {
                let _abandon = Abandon(abandoned);
                value.change(turn, abandoned, |()| panic!("in turn {turn}"));
            }
        };
        std::thread::scope(|scope| {
            let threads = [1, 0].map(|turn| scope.spawn(panicked(turn)));
            assert!(threads.into_iter().all(|thread| thread.join().is_err()));
        });
    }
}
