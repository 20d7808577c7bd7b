//! Numbers: what was predicted against what is true, and the differences.

use std::ops::Range;

use maud::{Markup, html};
use page::palette::{GREY, SERIES};
use plotters::prelude::*;

use crate::error::Error;
use crate::figure::{Axes, Chart, Failure, figure, line, range};
use crate::histogram::Histogram;
use crate::{Judged, text};

/// Up to so many rows are drawn as points; more are counted in the cells of a grid.
const MOST_POINTS: usize = 2000;
const CELLS: usize = 64;
/// Shades of a cell.
const SHADES: f64 = 8.0;
const BINS: usize = 50;
const QUANTILES: [f64; 9] = [0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0];

/// Both figures, and the quantiles of the residuals.
pub fn section(judged: &Judged, column: &str) -> Result<Markup, Error> {
    let truth = judged.examples.targets.iter().map(|number| f64::from(*number));
    let rows: Vec<(f64, f64, f64)> = truth
        .zip(judged.predictions)
        .enumerate()
        .map(|(row, (truth, prediction))| (truth, f64::from(*prediction), judged.weight(row)))
        .filter(|(_, _, weight)| *weight > 0.0)
        .collect();
    let mut residuals: Vec<(f64, f64)> = rows.iter().map(|(t, y, weight)| (y - t, *weight)).collect();
    residuals.sort_by(|a, b| a.0.total_cmp(&b.0));
    let are_points = rows.len() <= MOST_POINTS;

    let both = range(rows.iter().flat_map(|(truth, prediction, _)| [*truth, *prediction]));
    let scatter = figure((520, 460), "Predicted against true numbers", |area| {
        let axes = Axes { x: both.clone(), y: both.clone(), x_title: "true", y_title: "predicted", ticks: (6, 6) };
        let mut chart = axes.draw(area)?;
        match are_points {
            true => {
                let ink = SERIES[0].light.mix(0.5).filled();
                chart.draw_series(
                    rows.iter().map(|(truth, prediction, _)| Circle::new((*truth, *prediction), 2, ink)),
                )?;
            }
            false => draw_cells(&mut chart, &rows, &both)?,
        }
        line(&mut chart, vec![(both.start, both.start), (both.end, both.end)], GREY, 1, 1.0)
    })?;
    // A few rows far outside would leave one bar for all the others.
    let (low, high) = (quantile(&residuals, 0.005), quantile(&residuals, 0.995));
    let middle = range([low, high].into_iter());
    let mut histogram = Histogram::new(middle.clone(), BINS);
    residuals.iter().for_each(|(residual, weight)| histogram.add(*residual, *weight));
    let outside = residuals.iter().filter(|(residual, _)| !middle.contains(residual)).count();
    let shape = figure((520, 460), "Histogram of residuals", |area| {
        let highest = 100.0 * histogram.highest_share();
        let axes = Axes {
            x: middle.clone(),
            y: 0.0..highest * 1.05,
            x_title: "predicted less true",
            y_title: "% of rows",
            ticks: (6, 6),
        };
        let mut chart = axes.draw(area)?;
        histogram.draw(&mut chart, SERIES[0], 100.0, 0.7)?;
        line(&mut chart, vec![(0.0, 0.0), (0.0, highest * 1.05)], GREY, 1, 1.0)
    })?;
    Ok(html! {
        section {
            h2 { "Predicted and true " q { (column) } }
            p.faint {
                @if are_points { "A point for each row; the line is where both are the same." } @else {
                    "Each of " (CELLS) " x " (CELLS) " cells is the darker the more of the " (text::count(rows.len() as f64))
                    " rows lie in it, by the logarithm of their number; the line is where both are the same."
                }
                " The residuals are what was predicted less what is true"
                @if outside > 0 {
                    "; the first and the last bar hold the " (text::count(outside as f64)) " rows beyond the axis as well"
                }
                "."
            }
            div.pair { (scatter) (shape) }
            h3 { "Quantiles of the residuals" }
            table #residuals {
                thead { tr { @for share in QUANTILES { th.number { (quantile_name(share)) } } } }
                tbody { tr { @for share in QUANTILES {
                    td.number { (text::significant(quantile(&residuals, share), 4)) }
                } } }
            }
        }
    })
}

fn quantile_name(share: f64) -> String {
    match share {
        0.0 => "least".to_owned(),
        0.5 => "median".to_owned(),
        1.0 => "largest".to_owned(),
        share => format!("{:.0} %", 100.0 * share),
    }
}

/// Of (number, weight) in rising order: the least number up to which there is so much of the weight.
fn quantile(sorted: &[(f64, f64)], share: f64) -> f64 {
    let total: f64 = sorted.iter().map(|(_, weight)| weight).sum();
    let mut sum = 0.0;
    for (number, weight) in sorted {
        sum += weight;
        if sum >= share * total {
            return *number;
        }
    }
    sorted.last().map_or(f64::NAN, |(number, _)| *number)
}

/// A cell for each part of the plane that has rows.
fn draw_cells(chart: &mut Chart, rows: &[(f64, f64, f64)], range: &Range<f64>) -> Result<(), Failure> {
    let width = (range.end - range.start) / CELLS as f64;
    let cell = |number: f64| (((number - range.start) / width) as usize).min(CELLS - 1);
    let mut counts = vec![0_u32; CELLS * CELLS];
    rows.iter().for_each(|(truth, prediction, _)| counts[cell(*truth) * CELLS + cell(*prediction)] += 1);
    let most = f64::from(counts.iter().copied().max().unwrap_or(1)).ln_1p();
    let filled = counts.iter().enumerate().filter(|(_, count)| **count > 0);
    let cells = filled.map(|(place, count)| {
        let (x, y) = (range.start + (place / CELLS) as f64 * width, range.start + (place % CELLS) as f64 * width);
        let shade = (f64::from(*count).ln_1p() / most * SHADES).ceil() / SHADES;
        Rectangle::new([(x, y), (x + width, y + width)], SERIES[0].light.mix(0.1 + 0.9 * shade).filled())
    });
    chart.draw_series(cells)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_weighted_numbers() {
        let numbers = [(-1.0, 1.0), (0.0, 2.0), (5.0, 1.0)];
        assert_eq!(
            [0.0, 0.25, 0.3, 0.75, 0.8, 1.0].map(|share| quantile(&numbers, share)),
            [-1.0, -1.0, 0.0, 0.0, 5.0, 5.0]
        );
    }
}
