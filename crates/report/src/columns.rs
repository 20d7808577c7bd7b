//! What is in the table.

use data::{Kind, Summary};
use maud::{Markup, html};

use crate::tables::{folded, name};
use crate::{Report, text};

/// The most columns of a table that is not folded away, and of one that is.
const MOST_SHOWN: usize = 15;
const MOST_FOLDED: usize = 1000;

/// The columns: their types, what is missing, what is in them, and what becomes of them.
pub fn section(report: &Report) -> Markup {
    let columns = &report.table.columns;
    let shown = &columns[..columns.len().min(MOST_FOLDED)];
    let data = report.model.training.provenance.as_ref().map(|provenance| &provenance.data);
    let missing: usize = columns.iter().map(|column| column.missing).sum();
    html! {
        section {
            h2 { "Data" }
            p.faint {
                (report.table.file) ": " (text::count(report.table.rows as f64)) " rows, "
                (text::count(columns.len() as f64)) " columns, " (text::count(missing as f64)) " missing cells."
                @if let Some(data) = data {
                    " The model is from " (data.file) ": of " (text::count(data.rows as f64)) " rows "
                    (text::count(data.trained_on as f64)) " trained on, " (text::count(data.validation as f64))
                    " for validation, " (text::count(data.held_out as f64)) " held out."
                }
                @if columns.len() > shown.len() { " Listed are the first " (shown.len()) " columns." }
            }
            (folded("Columns", columns.len(), MOST_SHOWN, table(report, shown)))
        }
    }
}

fn table(report: &Report, columns: &[Summary]) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th { "column" } th { "type" } th.number { "missing" } th.number { "different" } th { "values" }
                    th.number { "inputs" }
                }
            }
            tbody {
                @for column in columns {
                    tr {
                        td { (name(&column.name)) }
                        td { (column.kind.to_string()) }
                        td.number {
                            (text::count(column.missing as f64))
                            @if column.missing > 0 {
                                span.faint { " (" (text::percent(column.missing as f64 / report.table.rows as f64)) ")" }
                            }
                        }
                        td.number { (text::count(column.distinct as f64)) }
                        td { (values(column, report.table.rows)) }
                        td.number { (inputs(report, &column.name)) }
                    }
                }
            }
        }
    }
}

/// The range of numbers or dates, the most frequent label.
fn values(column: &Summary, rows: usize) -> Markup {
    html! {
        @match (&column.top, column.range) {
            (Some((label, count)), _) => {
                (name(label)) span.faint { " in " (text::percent(*count as f64 / rows as f64)) }
            }
            (None, Some((least, most))) => {
                @match column.kind {
                    Kind::Date(_) => { (text::date(least)) " to " (text::date(most)) }
                    _ => { (least) " to " (most) }
                }
            }
            (None, None) => {}
        }
    }
}

/// How many inputs of the network come of a column, or what else becomes of it.
fn inputs(report: &Report, column: &str) -> String {
    let pipeline = &report.model.pipeline;
    if pipeline.target().column() == column {
        return "target".to_owned();
    }
    if let Some(feature) = pipeline.features().iter().find(|feature| feature.name == column) {
        return feature.encoder.inputs().to_string();
    }
    let dropped = report.model.training.provenance.iter().flat_map(|provenance| &provenance.data.dropped);
    dropped.into_iter().find(|(name, _)| name == column).map_or_else(String::new, |(_, reason)| reason.clone())
}
