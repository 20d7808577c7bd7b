//! The gradient of a few weights beside central differences.

use super::document::{Document, Line, Table, number};
use super::sample::Sample;

/// The section; nothing without an answer.
pub fn explain(sample: &Sample, document: &mut Document) {
    if sample.comparisons.is_empty() {
        return;
    }
    document.heading("Checked by central differences");
    document.paragraph(Line::new(
        r"The same derivatives without backpropagation: the loss with a weight a little larger, less that with it a little smaller, divided by the change: $(L(w + h) - L(w - h)) / 2h$, in double precision, extrapolated from two steps to $h = 0$. What training computes, in single precision, should be the same to about six digits.",
    ));
    let header =
        ["weight", "$w$", r"$\partial L/\partial w$ by the four steps", "central difference", "relative error"];
    let rows = sample.comparisons.iter().map(|comparison| {
        let weight = comparison.weight;
        let w = sample.explanation.layers[weight.layer - 1].w[weight.unit - 1][weight.input];
        let symbol = format!("w_{{{},{}}}^{{({})}}", weight.unit, weight.input, weight.layer);
        let error =
            comparison.relative_error.map(|error| if error == 0.0 { "0".to_owned() } else { format!("{error:.1e}") });
        let difference = comparison.difference.map_or_else(|| "the kink of relu is within h".to_owned(), number);
        let numbers = [number(w), number(comparison.gradient), difference, error.unwrap_or_default()];
        [Line::formula(symbol)].into_iter().chain(numbers.into_iter().map(Line::formula)).collect()
    });
    document.table(Table { header: header.map(Line::new).to_vec(), rows: rows.collect(), words: 1 });
    document.paragraph(
        Line::name("backprop check").and(" does this for many weights, and says how far rounding may carry them."),
    );
}
