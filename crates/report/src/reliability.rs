//! Whether probabilities come true.

use maud::{Markup, html};
use net::metrics::{CALIBRATION_BINS, ReliabilityBin, expected_calibration_error};
use page::palette::{FAINT, GREY, SERIES};
use plotters::prelude::*;

use crate::error::Error;
use crate::figure::{Axes, figure, line};
use crate::{Judged, tables, text};

/// The bins of the diagram.
pub const BINS: usize = CALIBRATION_BINS;

/// The standard normal quantile of 97.5 %.
const Z: f64 = 1.959_963_984_540_054;

/// The diagram, over the rows in each bin.
pub fn section(bins: &[ReliabilityBin], of: &str, judged: &Judged) -> Result<Markup, Error> {
    // Weights are no rows that could be counted.
    let has_intervals = judged.weights().is_none();
    let filled = || bins.iter().filter_map(|bin| Some((bin, bin.mean_probability?, bin.share_true?)));
    let diagram = figure((640, 420), "Reliability diagram", |area| {
        let mut chart = Axes::of_shares("mean probability", "share that came true").draw(area)?;
        line(&mut chart, vec![(0.0, 0.0), (1.0, 1.0)], GREY, 1, 0.8)?;
        for (bin, probability, share) in filled().filter(|_| has_intervals) {
            let (from, to) = wilson(share, bin.rows as f64);
            line(&mut chart, vec![(probability, from), (probability, to)], SERIES[0], 2, 0.45)?;
        }
        line(&mut chart, filled().map(|(_, probability, share)| (probability, share)).collect(), SERIES[0], 1, 0.6)?;
        let points =
            filled().map(|(_, probability, share)| Circle::new((probability, share), 4, SERIES[0].light.filled()));
        chart.draw_series(points)?;
        Ok(())
    })?;
    let most = bins.iter().map(|bin| bin.rows).max().unwrap_or(0).max(1) as f64;
    let counts = figure((640, 150), "Rows in each bin", |area| {
        let axes = Axes { x: 0.0..1.0, y: 0.0..most * 1.18, x_title: "", y_title: "rows", ticks: (6, 3) };
        let mut chart = axes.draw(area)?;
        chart.draw_series(bins.iter().filter(|bin| bin.rows > 0).map(|bin| {
            Rectangle::new([(bin.from, 0.0), (bin.to, bin.rows as f64)], SERIES[0].light.mix(0.6).filled())
        }))?;
        let style = ("sans-serif", 11).into_font().color(&FAINT.light);
        let style = style.pos(plotters::style::text_anchor::Pos::new(
            plotters::style::text_anchor::HPos::Center,
            plotters::style::text_anchor::VPos::Bottom,
        ));
        chart.draw_series(bins.iter().filter(|bin| bin.rows > 0).map(|bin| {
            Text::new(text::count(bin.rows as f64), ((bin.from + bin.to) / 2.0, bin.rows as f64), style.clone())
        }))?;
        Ok(())
    })?;
    Ok(html! {
        section {
            h2 { "Reliability" }
            p.faint {
                "Of " (of) ", in " (bins.len()) " bins of equal width: how often it came true, and below it the rows in each bin. On the "
                "diagonal, probabilities are what they say. The expected calibration error is "
                (format!("{:.4}", expected_calibration_error(bins))) "."
                @if has_intervals { " The vertical lines are 95 % intervals (Wilson 1927)." }
            }
            div.narrow { (diagram) (counts) }
            details { summary { "The bins" } (table(bins)) }
        }
    })
}

/// The interval of a share that was seen in so many rows (E. B. Wilson: Probable inference, the law of succession, and
/// statistical inference, 1927).
fn wilson(share: f64, rows: f64) -> (f64, f64) {
    let scale = 1.0 + Z * Z / rows;
    let middle = (share + Z * Z / (2.0 * rows)) / scale;
    let half = Z * (share * (1.0 - share) / rows + Z * Z / (4.0 * rows * rows)).sqrt() / scale;
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

fn table(bins: &[ReliabilityBin]) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th { "probability" } th.number { "rows" } th.number { "mean probability" }
                    th.number { "share that came true" }
                }
            }
            tbody {
                @for bin in bins {
                    tr {
                        td { (format!("{:.3} to {:.3}", bin.from, bin.to)) }
                        td.number { (text::count(bin.rows as f64)) }
                        td.number { (tables::score(bin.mean_probability)) }
                        td.number { (tables::score(bin.share_true)) }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_wilsons() {
        // R: prop.test(8, 10, correct = FALSE)$conf.int
        let (from, to) = wilson(0.8, 10.0);
        assert!((from - 0.490_162_472).abs() < 1e-8 && (to - 0.943_317_848).abs() < 1e-8, "{from} {to}");
        assert_eq!(wilson(0.0, 5.0).0, 0.0);
    }
}
