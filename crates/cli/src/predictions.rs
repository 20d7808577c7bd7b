//! Predictions as CSV and as JSON.

use std::io::Write;

use anyhow::{Result, bail};
use data::Target;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

/// The predictions of a table as CSV, with a line for each row. Of two classes: `prob_t1`, the probability of the positive one,
/// and `class`; of several, `class` and a probability for each; of a number, `prediction`. A row without a prediction (NaN)
/// has empty cells.
///
/// # Errors
/// If a label cannot be written.
pub fn to_csv(target: &Target, predictions: &[f32], threshold: f32) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header(target))?;
    for row in predictions.chunks_exact(target.outputs()) {
        writer.write_record(cells(target, row, threshold).map(Cell::text))?;
    }
    Ok(writer.into_inner()?)
}

/// The same as objects of JSON, one a line, with `null` in the place of an empty cell.
///
/// # Errors
/// If a label cannot be written.
pub fn to_json_lines(target: &Target, predictions: &[f32], threshold: f32) -> Result<Vec<u8>> {
    let names = header(target);
    let mut lines = Vec::new();
    for row in predictions.chunks_exact(target.outputs()) {
        let mut serializer = serde_json::Serializer::new(&mut lines);
        let mut object = serializer.serialize_map(Some(names.len()))?;
        for (name, cell) in names.iter().zip(cells(target, row, threshold)) {
            object.serialize_entry(name, &cell)?;
        }
        object.end()?;
        writeln!(lines)?;
    }
    Ok(lines)
}

/// What is said of a row, in one column.
#[derive(Serialize)]
#[serde(untagged)]
enum Cell<'a> {
    Label(Option<&'a str>),
    /// NaN is `null`.
    Number(f32),
}

impl Cell<'_> {
    /// Numbers as the shortest decimal that reads back to the same f32, with an exponent where it is tiny.
    fn text(self) -> String {
        match self {
            Cell::Label(label) => label.unwrap_or_default().to_owned(),
            Cell::Number(number) if number.is_nan() => String::new(),
            Cell::Number(number) => format!("{number:?}"),
        }
    }
}

/// The cells of a row, below [`header`].
fn cells<'a>(target: &'a Target, row: &'a [f32], threshold: f32) -> impl Iterator<Item = Cell<'a>> {
    let label = Cell::Label(class(target, row, threshold));
    let (first, label) = match target {
        Target::Binary { .. } => (None, Some(label)),
        Target::Classes { .. } => (Some(label), None),
        Target::Number { .. } => (None, None),
    };
    first.into_iter().chain(row.iter().map(|number| Cell::Number(*number))).chain(label)
}

/// Makes sure that a threshold is given for two classes only.
///
/// # Errors
/// If it is given for anything else.
pub fn check_threshold(target: &Target, threshold: Option<f32>) -> Result<()> {
    match (target, threshold) {
        (Target::Binary { .. }, _) | (_, None) => Ok(()),
        _ => {
            bail!("--threshold is for two classes, and the target `{}` of this model has other values", target.column())
        }
    }
}

fn header(target: &Target) -> Vec<String> {
    match target {
        Target::Binary { .. } => vec!["prob_t1".to_owned(), "class".to_owned()],
        Target::Classes { labels, .. } => {
            let probabilities = labels.iter().map(|label| format!("prob_{label}"));
            ["class".to_owned()].into_iter().chain(probabilities).collect()
        }
        Target::Number { .. } => vec!["prediction".to_owned()],
    }
}

/// The label that is predicted for a row: t = 1 where its probability is at least `threshold`, or the most probable class, the
/// first of several. Nothing for numbers and for a row without a prediction.
pub fn class<'a>(target: &'a Target, row: &[f32], threshold: f32) -> Option<&'a str> {
    if row.iter().any(|prediction| prediction.is_nan()) {
        return None;
    }
    match target {
        Target::Binary { classes, .. } => Some(classes.decide(row[0], threshold)),
        Target::Classes { labels, .. } => {
            let best = (0..row.len()).rev().max_by(|a, b| row[*a].total_cmp(&row[*b]));
            best.map(|class| &*labels[class])
        }
        Target::Number { .. } => None,
    }
}
