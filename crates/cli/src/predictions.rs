//! Predictions as CSV.

use anyhow::{Result, bail};
use data::Target;

/// The predictions of a table, with a line for each row. Of two classes: `prob_t1`, the probability of the positive one, and
/// `class`; of several, `class` and a probability for each; of a number, `prediction`. A row without a prediction (NaN)
/// has empty cells.
///
/// # Errors
/// If a label cannot be written.
pub fn to_csv(target: &Target, predictions: &[f32], threshold: f32) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header(target))?;
    let mut record = csv::StringRecord::new();
    for row in predictions.chunks_exact(target.outputs()) {
        record.clear();
        match target {
            Target::Binary { .. } => {
                record.push_field(&number(row[0]));
                record.push_field(class(target, row, threshold));
            }
            Target::Classes { .. } => {
                record.push_field(class(target, row, threshold));
                row.iter().for_each(|probability| record.push_field(&number(*probability)));
            }
            Target::Number { .. } => record.push_field(&number(row[0])),
        }
        writer.write_record(&record)?;
    }
    Ok(writer.into_inner()?)
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
pub fn class<'a>(target: &'a Target, row: &[f32], threshold: f32) -> &'a str {
    if row.iter().any(|prediction| prediction.is_nan()) {
        return "";
    }
    match target {
        Target::Binary { classes, .. } => classes.decide(row[0], threshold),
        Target::Classes { labels, .. } => {
            let best = (0..row.len()).rev().max_by(|a, b| row[*a].total_cmp(&row[*b]));
            best.map_or("", |class| &labels[class])
        }
        Target::Number { .. } => "",
    }
}

/// The shortest decimal that reads back to the same f32, with an exponent where it is tiny.
fn number(number: f32) -> String {
    if number.is_nan() { String::new() } else { format!("{number:?}") }
}
