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

/// Lets `contenders` take turns for `time` each: `run(c)` runs contender c once, and `limit(c)` measures the rate, per
/// second, of what limits it.
///
/// # Errors
/// If a run fails.
pub fn take_turns<E>(
    contenders: usize,
    time: Duration,
    mut run: impl FnMut(usize) -> Result<(), E>,
    mut limit: impl FnMut(usize) -> f64,
) -> Result<Vec<Best>, E> {
    let mut states = vec![State::default(); contenders];
    for round in 1..=ROUNDS {
        for (contender, state) in states.iter_mut().enumerate() {
            if state.spent >= time.max(LAP) * LONG_TURN {
                continue;
            }
            state.limit = state.limit.max(limit(contender));
            let mut next_limit = state.spent + BETWEEN_LIMITS;
            let laps = state.laps;
            while state.laps == laps || state.spent < time * round / ROUNDS {
                state.lap(|| run(contender))?;
                if state.spent >= next_limit {
                    state.limit = state.limit.max(limit(contender));
                    next_limit = state.spent + BETWEEN_LIMITS;
                }
            }
            state.limit = state.limit.max(limit(contender));
        }
    }
    Ok(states.iter().map(|state| Best { seconds: state.seconds, limit: state.limit }).collect())
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
        let run = |contender: usize| {
            runs[contender] += 1;
            std::thread::sleep(Duration::from_micros(100));
            Ok::<(), ()>(())
        };
        let best = take_turns(2, Duration::from_millis(1), run, |contender| contender as f64).expect("no run fails");
        assert!(runs.iter().all(|runs| *runs >= ROUNDS), "{runs:?}");
        assert!(best.iter().all(|best| best.seconds >= 100e-6), "{best:?}");
        assert_eq!((best[0].limit, best[1].limit), (0.0, 1.0));
    }

    #[test]
    fn a_run_that_fails_ends_it() {
        let result =
            take_turns(3, Duration::from_secs(1), |contender| if contender == 1 { Err("no") } else { Ok(()) }, |_| 1.0);
        assert_eq!(result, Err("no"));
    }
}
