//! Dates to inputs.

use serde::{Deserialize, Serialize};

use super::{NumberEncoder, Reason, Sample};
use crate::Scaling;

/// What becomes of a date: days as a number, and where it stands in the week, the year and the day.
///
/// A place in a cycle is given by two triangle waves, a quarter of the cycle apart: unlike sine and cosine, which a platform's
/// library may round in its own way, they are the same bits everywhere. Cycles that the training rows do not
/// go through are left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DateEncoder {
    days: NumberEncoder,
    /// The lengths of the cycles, in days.
    cycles: Vec<f64>,
}

/// Cycles of dates, in days: week, year, day. The first of them begins on Thursday, 1 January 1970.
const CYCLES: [f64; 3] = [7.0, 365.2425, 1.0];

impl DateEncoder {
    pub(crate) fn fit(sample: &Sample<'_>, scaling: Scaling, pieces: usize) -> Result<Self, Reason> {
        let days = NumberEncoder::fit(sample, scaling, pieces)?;
        let present = sample.present();
        let (first, last) =
            present.iter().fold((f32::MAX, f32::MIN), |(first, last), &day| (first.min(day), last.max(day)));
        let gone_through = |cycle: &f64| {
            let varies = present.iter().any(|&day| f64::from(day) % cycle != f64::from(first) % cycle);
            varies && f64::from(last - first) >= *cycle
        };
        Ok(Self { days, cycles: CYCLES.into_iter().filter(gone_through).collect() })
    }

    /// What becomes of the days since the beginning of 1970.
    pub fn days(&self) -> &NumberEncoder {
        &self.days
    }

    /// The lengths of the cycles that have two inputs each, in days.
    pub fn cycles(&self) -> &[f64] {
        &self.cycles
    }

    pub(super) fn encode(&self, cell: f32, inputs: &mut Vec<f32>) {
        self.days.encode(cell, inputs);
        for cycle in &self.cycles {
            let phase = f64::from(cell) / cycle;
            let wave = |phase: f64| (4.0 * (phase - phase.floor() - 0.5).abs() - 1.0) as f32;
            match cell.is_nan() {
                true => inputs.extend([0.0, 0.0]),
                false => inputs.extend([wave(phase), wave(phase + 0.25)]),
            }
        }
    }

    pub(super) fn inputs(&self) -> usize {
        self.days.inputs() + 2 * self.cycles.len()
    }

    pub(super) fn is_sound(&self) -> bool {
        self.days.is_sound() && self.cycles.iter().all(|cycle| CYCLES.contains(cycle))
    }
}
