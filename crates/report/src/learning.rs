//! How the loss of every network fell, epoch by epoch.

use maud::{Markup, html};
use model::{Curve, Training};
use net::metrics::{CurvePoint, thinned};
use page::palette::{Ink, SERIES};

use crate::error::Error;
use crate::figure::{Axes, figure, legend, line, mark, range};
use crate::tables::{folded, score};

const TRAINING: Ink = SERIES[0];
const VALIDATION: Ink = SERIES[1];
/// The most networks whose curves are drawn, and the steps of the axis that a curve has points for.
const MOST_DRAWN: usize = 20;
const STEPS: usize = 400;

/// The curves, and a table of where each network stopped.
pub fn section(training: &Training) -> Result<Markup, Error> {
    let drawn = &training.curves[..training.curves.len().min(MOST_DRAWN)];
    let has_validation = drawn.iter().any(|curve| !curve.validation.is_empty());
    let epochs = drawn.iter().map(|curve| curve.training.len()).max().unwrap_or(0);
    if epochs == 0 {
        return Ok(html! {});
    }
    let drawing = figure((960, 380), "The loss of each network after each epoch", |area| {
        let losses = drawn.iter().flat_map(|curve| curve.training.iter().chain(&curve.validation)).copied();
        let axes = Axes {
            x: 0.0..epochs as f64 * 1.02,
            y: range(losses.filter(|loss| loss.is_finite())),
            x_title: "epoch",
            y_title: "loss",
            ticks: (12, 7),
        };
        let mut chart = axes.draw(area)?;
        let opacity = if drawn.len() > 1 { 0.55 } else { 1.0 };
        for curve in drawn {
            line(&mut chart, points(&curve.training, epochs), TRAINING, 2, opacity)?;
            line(&mut chart, points(&curve.validation, epochs), VALIDATION, 2, opacity)?;
        }
        for (curve, loss) in drawn.iter().filter_map(|curve| Some((curve, at_best(curve, &curve.validation)?))) {
            mark(&mut chart, (curve.best_epoch as f64, loss), VALIDATION)?;
        }
        Ok(())
    })?;
    let mut entries = vec![(TRAINING, "rows trained on")];
    if has_validation {
        entries.push((VALIDATION, "validation rows; a circle at the epoch whose weights were kept"));
    }
    Ok(html! {
        section {
            h2 { "Learning curves" }
            p.faint {
                "The mean loss of each epoch while it trained, and of the validation rows after it."
                @if training.curves.len() > drawn.len() {
                    " Of the " (training.curves.len()) " networks the first " (drawn.len()) " are drawn."
                }
                @if epochs > STEPS { " Lines have at most four points for each of " (STEPS) " steps of the axis." }
            }
            (legend(entries))
            (drawing)
            (folded("Each network", training.curves.len(), 10, table(training)))
        }
    })
}

fn points(losses: &[f64], epochs: usize) -> Vec<(f64, f64)> {
    let epochs = epochs as f64;
    let points: Vec<CurvePoint> = losses
        .iter()
        .enumerate()
        .filter(|(_, loss)| loss.is_finite())
        .map(|(epoch, loss)| CurvePoint { threshold: 0.0, x: (epoch + 1) as f64 / epochs, y: *loss })
        .collect();
    thinned(&points, STEPS).into_iter().map(|point| (point.x * epochs, point.y)).collect()
}

/// The loss after the best epoch.
fn at_best(curve: &Curve, losses: &[f64]) -> Option<f64> {
    losses.get(curve.best_epoch.wrapping_sub(1)).copied()
}

fn table(training: &Training) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th { "network" } th.number { "epochs" } th.number { "kept" } th.number { "loss" }
                    th.number { "validation loss" }
                }
            }
            tbody {
                @for (member, curve) in training.curves.iter().enumerate() {
                    tr {
                        td { (member + 1) }
                        td.number { (curve.training.len()) }
                        td.number { (curve.best_epoch) }
                        td.number { (score(at_best(curve, &curve.training))) }
                        td.number { (score(at_best(curve, &curve.validation))) }
                    }
                }
            }
        }
    }
}
