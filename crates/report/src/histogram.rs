//! How often numbers occur, in bins of equal width.

use std::ops::Range;

use page::palette::Ink;
use plotters::prelude::*;

use crate::figure::{Chart, Failure};

/// Weights of rows in bins of equal width.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    range: Range<f64>,
    /// The weights in each bin. Numbers outside of the range are in the first or last one.
    pub bins: Vec<f64>,
}

impl Histogram {
    pub fn new(range: Range<f64>, bins: usize) -> Self {
        Histogram { range, bins: vec![0.0; bins] }
    }

    pub fn add(&mut self, number: f64, weight: f64) {
        let share = (number - self.range.start) / (self.range.end - self.range.start);
        let bin = (share * self.bins.len() as f64) as usize;
        let last = self.bins.len() - 1;
        self.bins[bin.min(last)] += weight;
    }

    pub fn total(&self) -> f64 {
        self.bins.iter().sum()
    }

    /// The largest bin as a share of all; 0 if there is nothing.
    pub fn highest_share(&self) -> f64 {
        self.bins.iter().copied().fold(0.0, f64::max) / self.total().max(f64::MIN_POSITIVE)
    }

    /// Draws the bins with heights `of_total` / all.
    pub fn draw(&self, chart: &mut Chart, ink: Ink, of_total: f64, opacity: f64) -> Result<(), Failure> {
        let width = (self.range.end - self.range.start) / self.bins.len() as f64;
        let factor = of_total / self.total().max(f64::MIN_POSITIVE);
        let bars = self.bins.iter().enumerate().filter(|(_, weight)| **weight > 0.0).map(|(bin, weight)| {
            let from = self.range.start + bin as f64 * width;
            Rectangle::new([(from, 0.0), (from + width, weight * factor)], ink.light.mix(opacity).filled())
        });
        chart.draw_series(bars)?;
        Ok(())
    }
}
