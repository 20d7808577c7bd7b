//! How many threads are the fastest for a kind of work, and what they share out: found out by timing it.
//!
//! Threads change no bit of a result, so that each trial is as good as any other step. What a thread is worth depends on
//! the machine, on who else runs on it, and on how much of the work's data moves between cores: no formula knows it.

use std::time::Instant;

use crate::parallel::{Shares, Team};

/// A choice between teams of threads: open while they are tried, and again from time to time, since a core that was busy may
/// have become free.
#[derive(Clone, Debug)]
pub(crate) struct Tuning {
    candidates: Vec<Candidate>,
    /// The candidate that is being tried or, between trials, the one that is chosen.
    current: usize,
    /// Rounds of visits to all candidates that are still to be made.
    rounds_left: usize,
    visit: Visit,
    /// For how long the next choice is to hold, at least, and for how many times as long as it takes to make; and the steps
    /// until the one that is made is opened again.
    hold_seconds: f64,
    hold_rounds: f64,
    steps_left: usize,
}

/// What threads may share out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub shares: Shares,
    /// More threads would have nothing to do.
    pub parts: usize,
}

#[derive(Clone, Copy, Debug)]
struct Candidate {
    team: Team,
    /// Of a step, in the best of its visits.
    seconds: f64,
}

/// Steps in a row with one candidate; the first one, which finds the data in another core's cache, does not count.
#[derive(Clone, Copy, Debug, Default)]
struct Visit {
    steps: u32,
    seconds: f64,
}

/// Rounds of visits: of a candidate the best one counts.
const ROUNDS: usize = 3;
/// A visit ends after so many steps or so much time.
const VISIT_STEPS: u32 = 8;
const VISIT_SECONDS: f64 = 100e-6;
/// Steps as long as this are told apart by one visit.
const LONG_STEP_SECONDS: f64 = 2e-3;
/// Several threads must gain as much as this over one.
const LEAST_GAIN: f64 = 0.03;
/// The first choice holds for so long, or for so many times as long as it took to make, whichever is longer; and each one
/// twice as long as the one before, up to these: threads that have just been called together often run on one core until
/// the system spreads them out, and look slower than one. Where several were chosen, they may as well hold for the most rounds.
const FIRST_HOLD_SECONDS: f64 = 5e-3;
const LONGEST_HOLD_SECONDS: f64 = 0.5;
const FIRST_HOLD_ROUNDS: f64 = 2.0;
const MOST_HOLD_ROUNDS: f64 = 25.0;

impl Tuning {
    /// A choice between `most` threads, half of them, and so on to one, for each kind of work.
    fn new(most: usize, kinds: &[Kind]) -> Self {
        let mut candidates = Vec::new();
        for &Kind { shares, parts } in kinds {
            let mut threads = most.min(parts);
            while threads > 1 {
                candidates.push(Candidate { team: Team { threads, shares }, seconds: f64::INFINITY });
                threads = threads.div_ceil(2);
            }
        }
        candidates.push(Candidate { team: Team::ALONE, seconds: f64::INFINITY });
        let rounds_left = if candidates.len() == 1 { 0 } else { ROUNDS };
        Tuning {
            candidates,
            current: 0,
            rounds_left,
            visit: Visit::default(),
            hold_seconds: FIRST_HOLD_SECONDS,
            hold_rounds: FIRST_HOLD_ROUNDS,
            steps_left: usize::MAX,
        }
    }

    /// Whether teams are being tried.
    pub(crate) fn is_open(&self) -> bool {
        self.rounds_left > 0
    }

    /// The team for the next step.
    pub(crate) fn team(&self) -> Team {
        self.candidates[self.current].team
    }

    /// Whether several threads are known to be faster than one.
    pub(crate) fn pays(&self) -> bool {
        !self.is_open() && self.team().threads > 1
    }

    /// The seconds that a step with the chosen team is shorter than one on a single thread.
    pub(crate) fn gain(&self) -> f64 {
        self.one_thread().seconds - self.candidates[self.current].seconds
    }

    /// Runs a step with the team to use, and times it while the choice is open.
    #[inline(always)]
    pub(crate) fn step<R>(&mut self, step: impl FnOnce(Team) -> R) -> R {
        if self.is_open() {
            let start = Instant::now();
            let result = step(self.team());
            self.record(start.elapsed().as_secs_f64());
            return result;
        }
        let result = step(self.team());
        self.hold_on();
        result
    }

    /// Counts a step for which the choice held, or which was made alone since threads did not pay; at last, opens the choice.
    pub(crate) fn hold_on(&mut self) {
        self.steps_left = self.steps_left.saturating_sub(1);
        if self.steps_left == 0 && !self.is_open() && self.candidates.len() > 1 {
            (self.rounds_left, self.current) = (ROUNDS, 0);
            self.candidates.iter_mut().for_each(|candidate| candidate.seconds = f64::INFINITY);
        }
    }

    /// The time that a step took.
    fn record(&mut self, seconds: f64) {
        let Visit { steps, seconds: sum } = &mut self.visit;
        *steps += 1;
        if *steps > 1 {
            *sum += seconds;
        }
        if *steps <= VISIT_STEPS && (*steps < 2 || *sum < VISIT_SECONDS) {
            return;
        }
        let mean = *sum / f64::from(*steps - 1);
        self.visit = Visit::default();
        let candidate = &mut self.candidates[self.current];
        candidate.seconds = candidate.seconds.min(mean);
        self.current += 1;
        if self.current == self.candidates.len() {
            self.current = 0;
            let is_clear = self.candidates.iter().all(|candidate| candidate.seconds >= LONG_STEP_SECONDS);
            self.rounds_left = if is_clear { 0 } else { self.rounds_left - 1 };
            if !self.is_open() {
                self.current = self.best();
                self.steps_left = self.hold();
            }
        }
    }

    /// Makes the choice anew soon: the threads have been called together.
    pub(crate) fn doubt(&mut self) {
        (self.hold_seconds, self.hold_rounds) = (FIRST_HOLD_SECONDS, FIRST_HOLD_ROUNDS);
        self.steps_left = self.steps_left.min(self.steps_of(FIRST_HOLD_SECONDS));
    }

    /// Steps for which a choice that was just made holds.
    fn hold(&mut self) -> usize {
        let visit = |candidate: &Candidate| VISIT_SECONDS.max(2.0 * candidate.seconds);
        let round: f64 = self.candidates.iter().map(visit).sum();
        let rounds = if self.team().threads > 1 { MOST_HOLD_ROUNDS } else { self.hold_rounds };
        let seconds = self.hold_seconds.max(rounds * round);
        self.hold_seconds = LONGEST_HOLD_SECONDS.min(2.0 * self.hold_seconds);
        self.hold_rounds = MOST_HOLD_ROUNDS.min(2.0 * self.hold_rounds);
        self.steps_of(seconds)
    }

    fn steps_of(&self, seconds: f64) -> usize {
        1 + (seconds / self.candidates[self.current].seconds.max(1e-9)) as usize
    }

    fn one_thread(&self) -> Candidate {
        self.candidates[self.candidates.len() - 1]
    }

    /// The fastest candidate, if it gains enough over one thread.
    fn best(&self) -> usize {
        let by_seconds = |a: &usize, b: &usize| self.candidates[*a].seconds.total_cmp(&self.candidates[*b].seconds);
        let best = (0..self.candidates.len()).min_by(by_seconds).expect("one thread at least");
        let gains = self.candidates[best].seconds < (1.0 - LEAST_GAIN) * self.one_thread().seconds;
        if gains { best } else { self.candidates.len() - 1 }
    }
}

/// The choices for all numbers of samples: those between two powers of two share one.
#[derive(Clone, Debug)]
pub(crate) struct Tunings {
    most: usize,
    tunings: Vec<(usize, Tuning)>,
}

impl Tunings {
    /// Choices between up to `most` threads.
    pub(crate) fn new(most: usize) -> Self {
        Tunings { most, tunings: Vec::new() }
    }

    /// The choice for so many samples, whose work is of these kinds.
    pub(crate) fn of(&mut self, samples: usize, kinds: &[Kind]) -> &mut Tuning {
        let about = samples.next_power_of_two();
        let at = self.tunings.iter().position(|(samples, _)| *samples == about).unwrap_or_else(|| {
            self.tunings.push((about, Tuning::new(self.most, kinds)));
            self.tunings.len() - 1
        });
        &mut self.tunings[at].1
    }

    /// Makes all choices anew soon.
    pub(crate) fn doubt(&mut self) {
        self.tunings.iter_mut().for_each(|(_, tuning)| tuning.doubt());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLES: Kind = Kind { shares: Shares::Samples, parts: usize::MAX };

    /// Runs a tuning in which a step with `threads` threads takes `seconds(threads)`; returns the choice and the steps.
    fn tune(tuning: &mut Tuning, seconds: impl Fn(usize) -> f64) -> (usize, usize) {
        let mut steps = 0;
        while tuning.is_open() {
            tuning.record(seconds(tuning.team().threads));
            steps += 1;
        }
        (tuning.team().threads, steps)
    }

    #[test]
    fn the_fastest_count_is_chosen() {
        let choice = |most, seconds: &dyn Fn(usize) -> f64| tune(&mut Tuning::new(most, &[SAMPLES]), seconds).0;
        assert_eq!(choice(1, &|_| 1.0), 1);
        assert_eq!(choice(2, &|threads| 1e-5 / threads as f64), 2);
        assert_eq!(choice(2, &|threads| 1e-5 * threads as f64), 1);
        assert_eq!(choice(2, &|threads| if threads == 1 { 1e-5 } else { 0.99e-5 }), 1, "too small a gain");
        assert_eq!(choice(6, &|threads| 1e-5 + 1e-6 * (threads as f64 - 3.0).abs()), 3);
    }

    #[test]
    fn what_is_faster_is_shared_out() {
        for shares in [Shares::Samples, Shares::Units] {
            let mut tuning = Tuning::new(4, &[SAMPLES, Kind { shares: Shares::Units, parts: 9 }]);
            while tuning.is_open() {
                let team = tuning.team();
                tuning.record(if team.shares == shares { 1e-5 / team.threads as f64 } else { 1e-5 });
            }
            assert_eq!(tuning.team(), Team { threads: 4, shares });
        }
    }

    #[test]
    fn each_kind_has_its_parts() {
        let kinds = [Kind { parts: 1, ..SAMPLES }, Kind { shares: Shares::Units, parts: 3 }];
        let teams = |most| Tuning::new(most, &kinds).candidates.into_iter().map(|candidate| candidate.team);
        let by_units = |threads| Team { threads, shares: Shares::Units };
        assert!(teams(8).eq([by_units(3), by_units(2), Team::ALONE]));
        assert!(teams(1).eq([Team::ALONE]));
    }

    #[test]
    fn long_steps_are_tried_twice() {
        assert_eq!(tune(&mut Tuning::new(2, &[SAMPLES]), |threads| 1.0 / threads as f64), (2, 4));
    }

    /// Two threads that share a core at first look slower than one; the next choice comes after a few long steps.
    #[test]
    fn the_first_choices_between_long_steps_are_soon_made_anew() {
        let mut tuning = Tuning::new(2, &[SAMPLES]);
        let mut held = Vec::new();
        for _ in 0..6 {
            assert_eq!(tune(&mut tuning, |threads| 5e-3 * threads as f64).0, 1);
            let mut steps = 0;
            while !tuning.is_open() {
                tuning.hold_on();
                steps += 1;
            }
            held.push(steps);
        }
        assert_eq!(held, [13, 25, 49, 97, 151, 151]);

        let mut tuning = Tuning::new(2, &[SAMPLES]);
        tune(&mut tuning, |threads| 5e-3 / threads as f64);
        let steps = std::iter::from_fn(|| (!tuning.is_open()).then(|| tuning.hold_on())).count();
        assert_eq!(steps, 151, "two threads that are faster hold for longer");
    }

    #[test]
    fn the_choice_is_made_anew() {
        let mut tuning = Tuning::new(2, &[SAMPLES]);
        let held = |tuning: &mut Tuning| {
            let mut steps = 0;
            while !tuning.is_open() {
                tuning.step(|_| ());
                steps += 1;
            }
            steps
        };
        // Steps of 0.1 ms.
        assert_eq!(tune(&mut tuning, |threads| 1e-4 * threads as f64).0, 1);
        let steps = held(&mut tuning);
        assert!((50..=200).contains(&steps), "{steps}");
        for _ in 0..10 {
            tune(&mut tuning, |threads| 1e-4 * threads as f64);
            held(&mut tuning);
        }
        assert_eq!(tune(&mut tuning, |threads| 2e-4 / threads as f64).0, 2);
        assert!((4900..=5100).contains(&held(&mut tuning)), "half a second");
        tune(&mut tuning, |threads| 2e-4 / threads as f64);
        tuning.doubt();
        assert!(held(&mut tuning) <= 51, "sooner, after a doubt");

        // Also where the steps are made alone, without asking.
        assert_eq!(tune(&mut tuning, |threads| 1e-4 * threads as f64).0, 1);
        (0..10_000).for_each(|_| tuning.hold_on());
        assert!(tuning.is_open());
    }
}
