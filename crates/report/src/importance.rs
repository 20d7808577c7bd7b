//! Which columns the model depends on.

use data::Target;
use maud::{Markup, html};
use model::{Examples, Importance, importance};
use net::random::Random;

use crate::error::Error;
use crate::tables::name;
use crate::{Judged, Report, text};

/// Times that each column is shuffled.
const REPEATS: usize = 5;
/// Rows that it is found out on, and predictions in all, at most; but some rows always.
const MOST_ROWS: usize = 10_000;
const MOST_PREDICTIONS: usize = 1_500_000;
const FEWEST_ROWS: usize = 500;
/// Columns that are shown, and those that are folded away.
const MOST_SHOWN: usize = 20;
const MOST_FOLDED: usize = 1000;
/// The stream of random numbers that the rows are drawn with.
const STREAM: u64 = u64::from_be_bytes(*b"report\0\0");

/// The columns by falling importance.
pub fn section(report: &Report, judged: &Judged) -> Result<Markup, Error> {
    let model = report.model;
    let columns = model.pipeline.features().len();
    let most = MOST_ROWS.min((MOST_PREDICTIONS / (columns * REPEATS)).max(FEWEST_ROWS));
    let seed = model.training.settings.seed;
    let drawn = some_rows(judged.examples, model.pipeline.inputs(), most, seed);
    let rows = drawn.targets.len();
    // Weights may all be 0 in the rows that were drawn.
    if drawn.weights.as_ref().is_some_and(|weights| weights.iter().all(|weight| *weight == 0.0)) {
        return Ok(html! {});
    }
    let mut columns = importance(model, &drawn, REPEATS, seed, report.compute)?;
    columns.sort_by(|a, b| b.mean.total_cmp(&a.mean));
    let loss = match model.pipeline.target() {
        Target::Number { .. } => "root mean squared error",
        _ => "log loss",
    };
    let longest = columns.first().map_or(0.0, |column| column.mean);
    let (shown, folded) = columns.split_at(columns.len().min(MOST_SHOWN));
    Ok(html! {
        section {
            h2 { "Importance of columns" }
            p.faint {
                "By how much the " (loss) " rises when the cells of a column are shuffled among the rows (Breiman 2001), on the mean over "
                (REPEATS) " times, with the standard deviation; on "
                @if rows < judged.examples.targets.len() { (text::count(rows as f64)) " of " }
                "the " (text::count(judged.examples.targets.len() as f64)) " " (judged.rows)
                ". Columns that tell the same share it, or have none."
            }
            (table(shown, longest, loss))
            @if !folded.is_empty() {
                details {
                    summary { "The other columns" }
                    @if folded.len() > MOST_FOLDED { p.faint { "The first " (MOST_FOLDED) " of " (folded.len()) "." } }
                    (table(&folded[..folded.len().min(MOST_FOLDED)], longest, loss))
                }
            }
        }
    })
}

fn table(columns: &[Importance], longest: f64, loss: &str) -> Markup {
    // As many digits in all rows: three of the longest bar.
    let digits = (2.0 - longest.max(1e-9).log10().floor()).max(0.0) as usize;
    let width = |mean: f64| if longest > 0.0 { (100.0 * mean / longest).clamp(0.0, 100.0) } else { 0.0 };
    html! {
        table.bars {
            thead { tr { th { "column" } th { "rise of the " (loss) } th.number { "mean" } th.number { "sd" } } }
            tbody {
                @for column in columns {
                    tr {
                        td { (name(&column.column)) }
                        td { div.bar style=(format!("width:{:.1}%", width(column.mean))) {} }
                        td.number { data value=(column.mean) { (format!("{:.digits$}", column.mean)) } }
                        td.number { (column.standard_deviation.map_or_else(String::new, |sd| format!("{sd:.digits$}"))) }
                    }
                }
            }
        }
    }
}

/// At most so many rows, drawn by chance, in their order.
fn some_rows(examples: &Examples, inputs: usize, most: usize, seed: u64) -> Examples {
    let mut rows: Vec<usize> = (0..examples.targets.len()).collect();
    if rows.len() > most {
        Random::new(seed, STREAM).shuffle(&mut rows);
        rows.truncate(most);
        rows.sort_unstable();
    }
    let pick = |numbers: &[f32]| rows.iter().map(|row| numbers[*row]).collect();
    Examples {
        inputs: rows.iter().flat_map(|row| &examples.inputs[row * inputs..][..inputs]).copied().collect(),
        targets: pick(&examples.targets),
        weights: examples.weights.as_deref().map(pick),
    }
}
