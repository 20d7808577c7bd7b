//! Timing: what is compared takes turns, with each other and with the machine's limit that it is a share of. The clock of a
//! core drifts, and on a shared machine by a lot; a disturbance meets all of them, and the fastest lap of each counts.

use std::time::{Duration, Instant};

/// The best of one contender, and of its limit meanwhile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Best {
    /// Seconds of the fastest run.
    pub seconds: f64,
    /// The highest rate of the limit, measured between the laps.
    pub limit: f64,
}

/// Turns of each contender, with at least one lap in each.
const ROUNDS: u32 = 3;
/// A lap is as many runs as take so long: much longer than it takes to read the clock.
const LAP: Duration = Duration::from_micros(50);
/// The limit is measured again after so much time in laps.
const BETWEEN_LIMITS: Duration = Duration::from_millis(4);
/// A first turn that takes so many times a contender's whole time is the only one.
const LONG_TURN: u32 = 6;

/// Lets `contenders` take turns for `time` each: `turn(c, laps)` hands the work of contender c to `laps`, and `limit(c)`
/// measures the rate, per second, of what limits it.
///
/// # Errors
/// If a turn fails.
pub fn take_turns<E>(
    contenders: usize,
    time: Duration,
    mut turn: impl FnMut(usize, Laps<'_>) -> Result<(), E>,
    limit: impl Fn(usize) -> f64 + Sync,
) -> Result<Vec<Best>, E> {
    let mut states = vec![State::default(); contenders];
    for round in 1..=ROUNDS {
        for (contender, state) in states.iter_mut().enumerate() {
            if state.spent < time.max(LAP) * LONG_TURN {
                turn(contender, Laps { state, until: time * round / ROUNDS, limit: &|| limit(contender) })?;
            }
        }
    }
    Ok(states.iter().map(|state| Best { seconds: state.seconds, limit: state.limit }).collect())
}

/// The laps of one turn.
pub struct Laps<'a> {
    state: &'a mut State,
    until: Duration,
    limit: &'a (dyn Fn() -> f64 + Sync),
}

impl Laps<'_> {
    /// Runs `work` until the turn is over.
    ///
    /// # Errors
    /// If a run fails.
    pub fn run<E>(self, mut work: impl FnMut() -> Result<(), E>) -> Result<(), E> {
        let Laps { state, until, limit } = self;
        state.limit = state.limit.max(limit());
        let mut next_limit = state.spent + BETWEEN_LIMITS;
        let laps = state.laps;
        while state.laps == laps || state.spent < until {
            state.lap(&mut work)?;
            if state.spent >= next_limit {
                state.limit = state.limit.max(limit());
                next_limit = state.spent + BETWEEN_LIMITS;
            }
        }
        state.limit = state.limit.max(limit());
        Ok(())
    }
}

#[derive(Clone, Copy)]
struct State {
    /// Seconds of the fastest run so far.
    seconds: f64,
    limit: f64,
    /// Runs in a lap.
    runs: u32,
    laps: u32,
    spent: Duration,
}

impl Default for State {
    fn default() -> Self {
        State { seconds: f64::INFINITY, limit: 0.0, runs: 1, laps: 0, spent: Duration::ZERO }
    }
}

impl State {
    /// Runs a lap; one that was too short to be timed well is not counted, and the next one is longer.
    fn lap<E>(&mut self, mut run: impl FnMut() -> Result<(), E>) -> Result<(), E> {
        let start = Instant::now();
        for _ in 0..self.runs {
            run()?;
        }
        let time = start.elapsed();
        self.spent += time;
        if time < LAP && self.runs < u32::MAX / 10 {
            self.runs *= if time * 10 < LAP { 10 } else { 2 };
        } else {
            self.laps += 1;
            self.seconds = self.seconds.min(time.as_secs_f64() / f64::from(self.runs));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_contender_runs_and_its_own_limit_is_kept() {
        let mut runs = [0u32; 2];
        let mut run = |contender: usize| {
            runs[contender] += 1;
            std::thread::sleep(Duration::from_micros(100));
            Ok::<(), ()>(())
        };
        let turn = |contender: usize, laps: Laps<'_>| laps.run(|| run(contender));
        // So much time that not even on a busy machine the first turn is so long that it is the only one.
        let time = Duration::from_millis(100);
        let best = take_turns(2, time, turn, |contender| contender as f64).expect("no run fails");
        assert!(runs.iter().all(|runs| *runs >= ROUNDS), "{runs:?}");
        assert!(best.iter().all(|best| best.seconds >= 100e-6), "{best:?}");
        assert_eq!((best[0].limit, best[1].limit), (0.0, 1.0));
    }

    #[test]
    fn a_run_that_fails_ends_it() {
        let turn = |contender: usize, laps: Laps<'_>| laps.run(|| if contender == 1 { Err("no") } else { Ok(()) });
        let result = take_turns(3, Duration::from_secs(1), turn, |_| 1.0);
        assert_eq!(result, Err("no"));
    }
}
