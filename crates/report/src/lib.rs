//! What a model is and how good it is, as one page of HTML with its figures inside, which loads nothing.
//!
//! | part of the page | file |
//! |---|---|
//! | the metrics, and which sections there are | `lib.rs`, [`page()`] |
//! | learning curves of every network | `learning.rs` |
//! | ROC and precision-recall curves, scores of each class | `curves.rs` |
//! | how far probabilities come true | `reliability.rs` |
//! | the confusion matrix, and what follows from it for each class | `confusion.rs` |
//! | predicted and true numbers, residuals | `residuals.rs` |
//! | which columns matter | `importance.rs` |
//! | the table's columns | `columns.rs` |
//! | hyperparameters, and how to do it again | `origin.rs` |
//! | axes and lines of the figures, tables, numbers as text | `figure.rs`, `histogram.rs`, `tables.rs`, `text.rs` |
//!
//! The page stays small whatever the table is: curves have at most four points for each step of the axis, scatters of many
//! rows are counts in cells, and long tables are cut; each says so where it does.

mod columns;
mod confusion;
mod curves;
mod error;
mod figure;
mod histogram;
mod importance;
mod learning;
mod origin;
mod reliability;
mod residuals;
mod tables;
mod text;

use data::{Summary, Target};
use maud::{Markup, html};
use model::{Compute, Examples, Model, Score, scores};
use net::metrics::{BinaryPredictions, ClassPredictions, DEFAULT_THRESHOLD};

pub use error::Error;

/// What a page is made of.
pub struct Report<'a> {
    /// The model.
    pub model: &'a Model,
    /// The table of this run.
    pub table: TableSummary,
    /// What the model is judged by, if there is something.
    pub judged: Option<Judged<'a>>,
    /// What is needed to do it again, besides what the model knows of itself: names, and what they are.
    pub origin: Vec<(String, String)>,
    /// What the importance of columns is computed with.
    pub compute: Compute,
}

/// A table in numbers.
pub struct TableSummary {
    /// Its file.
    pub file: String,
    /// Its rows.
    pub rows: usize,
    /// Its columns, the target included.
    pub columns: Vec<Summary>,
}

/// Rows to judge by, and what was predicted for them.
pub struct Judged<'a> {
    /// What they are: "held-out rows".
    pub rows: &'a str,
    /// The rows.
    pub examples: &'a Examples,
    /// What [`model::Predictor::predict`] gave for them.
    pub predictions: &'a [f32],
    /// Of two classes, t = 1 is predicted where its probability is at least this; or 1/2.
    pub threshold: Option<f32>,
}

impl Judged<'_> {
    /// How much a row counts.
    fn weight(&self, row: usize) -> f64 {
        self.examples.weights.as_ref().map_or(1.0, |weights| f64::from(weights[row]))
    }

    fn weights(&self) -> Option<&[f32]> {
        self.examples.weights.as_deref()
    }
}

/// The page.
///
/// # Errors
/// If there are no rows to judge by, an answer for them is not finite, or a figure cannot be drawn.
pub fn page(report: &Report) -> Result<String, Error> {
    let Report { model, judged, .. } = report;
    let target = model.pipeline.target();
    let scores = match judged {
        Some(judged) => scores(target, judged.examples, judged.predictions, judged.threshold)?,
        None => Vec::new(),
    };
    let body = html! {
        (heading(report, &scores))
        @match judged {
            Some(judged) => {
                (metrics(report, judged, &scores))
                @match target {
                    Target::Binary { classes, .. } => (of_two_classes(judged, [classes.label(0), classes.label(1)])?),
                    Target::Classes { labels, .. } => (of_classes(judged, labels)?),
                    Target::Number { column, .. } => (residuals::section(judged, column)?),
                }
            }
            None => section {
                h2 { "Metrics" }
                p { "No rows were held out, so there is nothing to judge the model by; `backprop evaluate --report` does it on "
                    "another table." }
            }
        }
        (learning::section(&model.training)?)
        @if let Some(judged) = judged { (importance::section(report, judged)?) }
        (columns::section(report))
        (origin::sections(report))
    };
    Ok(page::page(&format!("Backprop: {}", target.column()), include_str!("style.css"), body))
}

/// What it is all about, and the numbers that say most.
fn heading(report: &Report, scores: &[Score]) -> Markup {
    let Report { model, table, judged, .. } = report;
    let (target, shape) = (model.pipeline.target(), model.members[0].shape());
    let networks = match model.members.len() {
        1 => "one network".to_owned(),
        members => format!("the mean of {members} networks"),
    };
    html! {
        h1 { "Predicting " q { (target.column()) } }
        p.faint {
            (networks) " of the shape " (shape) ", " (shape.activation().to_string()) "; table " (table.file) ", "
            (text::count(table.rows as f64)) " rows."
        }
        div.facts {
            @for score in scores.iter().filter(|score| is_headline(score)) {
                div { strong { (tables::score(score.value)) } span.faint { (score.metric.title()) } }
            }
            @if let Some(judged) = judged {
                div { strong { (text::count(judged.examples.targets.len() as f64)) } span.faint { (judged.rows) } }
            }
        }
    }
}

fn is_headline(score: &Score) -> bool {
    use net::metrics::Metric::{
        Accuracy, BrierScore, LogLoss, MeanAbsoluteError, RSquared, RocAuc, RootMeanSquaredError,
    };
    matches!(
        score.metric,
        Accuracy | BrierScore | LogLoss | MeanAbsoluteError | RSquared | RocAuc | RootMeanSquaredError
    )
}

fn metrics(report: &Report, judged: &Judged, scores: &[Score]) -> Markup {
    let trained_on = report.model.training.provenance.as_ref().map(|provenance| &provenance.data.file);
    let may_be_known = judged.examples.targets.len() == report.table.rows && trained_on == Some(&report.table.file);
    html! {
        section {
            h2 { "Metrics" }
            p.faint {
                "On the " (text::count(judged.examples.targets.len() as f64)) " " (judged.rows)
                @if judged.weights().is_some() { ", each counting by its weight" }
                "."
                @if may_be_known { " The model was trained on rows of a table of this name: on those, it looks better than it is." }
            }
            table #metrics {
                thead { tr { th { "metric" } th.number { "value" } th { "better is" } } }
                tbody {
                    @for score in scores {
                        tr {
                            td { (score.metric.title()) }
                            td.number { (tables::score(score.value)) }
                            td.faint { (if score.metric.higher_is_better() { "higher" } else { "lower" }) }
                        }
                    }
                }
            }
        }
    }
}

fn of_two_classes(judged: &Judged, labels: [&str; 2]) -> Result<Markup, Error> {
    let mut predictions = BinaryPredictions::new(&judged.examples.targets, judged.predictions)?;
    if let Some(weights) = judged.weights() {
        predictions = predictions.with_weights(weights)?;
    }
    let threshold = judged.threshold.unwrap_or(DEFAULT_THRESHOLD);
    let matrix = predictions.confusion_matrix(threshold);
    let labels = labels.map(str::to_owned);
    let title = format!("Confusion matrix: t = 1, {}, where its probability is at least {threshold}", labels[1]);
    let curves = [curves::OneAgainstRest::new(&labels[1], judged, |row| {
        (judged.examples.targets[row] == 1.0, judged.predictions[row])
    })?];
    Ok(html! {
        (curves::section(&curves, Some((threshold, &matrix)))?)
        (reliability::section(&predictions.reliability(reliability::BINS), &format!("p(t = 1), t = 1 being {}", labels[1]), judged)?)
        (confusion::section(&title, &labels, &matrix, &[])?)
        (curves::score_section(&curves)?)
    })
}

fn of_classes(judged: &Judged, labels: &[String]) -> Result<Markup, Error> {
    let classes = labels.len();
    let mut predictions = ClassPredictions::new(classes, &judged.examples.targets, judged.predictions)?;
    if let Some(weights) = judged.weights() {
        predictions = predictions.with_weights(weights)?;
    }
    let of_class = |(class, label): (usize, &String)| {
        curves::OneAgainstRest::new(label, judged, |row| {
            (judged.examples.targets[row] as usize == class, judged.predictions[row * classes + class])
        })
    };
    let curves = labels.iter().enumerate().map(of_class).collect::<Result<Vec<_>, _>>()?;
    Ok(html! {
        (curves::section(&curves, None)?)
        (reliability::section(&predictions.reliability(reliability::BINS), "the greatest probability of each row", judged)?)
        (confusion::section("Confusion matrix", labels, &predictions.confusion_matrix(), &curves)?)
        (curves::score_section(&curves)?)
    })
}
