//! How the cells of the row became inputs of the network.

use std::ops::Range;

use data::{CategoryEncoder, DateEncoder, Encoder, NumberEncoder, Pieces, Scale, Table};
use serde::Serialize;

use super::document::{Document, Line, Table as Grid, factor, number};
use super::plain;
use super::sample::Sample;

/// A column of the row, and its inputs.
#[derive(Serialize)]
pub struct Encoded {
    /// The column's name.
    #[serde(rename = "column")]
    pub name: String,
    /// What stands in the cell; nothing if the value is missing.
    cell: Option<String>,
    parts: Vec<Part>,
}

/// Inputs that have the same origin.
#[derive(Serialize)]
struct Part {
    /// The first of them, counted from 1.
    first: usize,
    values: Vec<f32>,
    #[serde(serialize_with = "as_text")]
    how: Line,
}

fn as_text<S: serde::Serializer>(line: &Line, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&plain::words(line))
}

impl Encoded {
    /// Its inputs, counted from 1.
    pub fn inputs(&self) -> Range<usize> {
        let first = self.parts.first().map_or(0, |part| part.first);
        first..first + self.parts.iter().map(|part| part.values.len()).sum::<usize>()
    }
}

impl Part {
    fn inputs(&self) -> String {
        let last = self.first + self.values.len() - 1;
        match self.values.len() {
            1 => format!("x_{{{last}}}"),
            _ => format!("x_{{{}}} ... x_{{{last}}}", self.first),
        }
    }

    fn shown_values(&self) -> String {
        /// The most that are shown.
        const MOST: usize = 6;
        let mut shown: Vec<String> = self.values.iter().take(MOST).map(|value| number(*value)).collect();
        if self.values.len() > MOST {
            shown.push("...".to_owned());
        }
        shown.join(", ")
    }
}

/// Every column of a row that was read into a table by itself, and the inputs `x` that it became.
pub fn encoded(features: &[data::Feature], table: &Table, x: &[f32]) -> data::Result<Vec<Encoded>> {
    let mut first = 1;
    let mut encoded = Vec::new();
    for feature in features {
        let position = table.position(&feature.name)?;
        let value = table.gather(position, &[0])[0];
        let inputs = &x[first - 1..][..feature.encoder.inputs()];
        let cell = table.text(position, 0);
        let parts = parts(&feature.encoder, value, cell.as_deref(), &mut Inputs { first, inputs });
        first += inputs.len();
        encoded.push(Encoded { name: feature.name.clone(), cell, parts });
    }
    Ok(encoded)
}

/// The inputs of a column, to be shared out among its parts in order.
struct Inputs<'a> {
    first: usize,
    inputs: &'a [f32],
}

impl Inputs<'_> {
    fn take(&mut self, count: usize, how: Line) -> Part {
        let (values, rest) = self.inputs.split_at(count);
        let part = Part { first: self.first, values: values.to_vec(), how };
        (self.first, self.inputs) = (self.first + count, rest);
        part
    }
}

fn parts(encoder: &Encoder, value: f32, cell: Option<&str>, inputs: &mut Inputs<'_>) -> Vec<Part> {
    match encoder {
        Encoder::Number(encoder) => of_number(encoder, value, inputs),
        Encoder::Category(encoder) => vec![inputs.take(inputs.inputs.len(), of_label(encoder, value, cell))],
        Encoder::Date(_, encoder) => of_date(encoder, value, inputs),
    }
}

fn of_number(encoder: &NumberEncoder, value: f32, inputs: &mut Inputs<'_>) -> Vec<Part> {
    let is_missing = value.is_nan();
    let value = if is_missing { encoder.median() } else { f64::from(value) };
    let mut parts = Vec::new();
    if let Some(scale) = encoder.scale() {
        let instead = if is_missing { format!("missing, so the median {}: ", number(value)) } else { String::new() };
        parts.push(inputs.take(1, Line::new(format!("{instead}${}$", scaled(scale, value)))));
    }
    if let Some(pieces) = encoder.pieces() {
        parts.push(inputs.take(pieces.knots().len() - 1, in_pieces(pieces, value)));
    }
    if encoder.marks_missing() {
        parts.push(inputs.take(1, Line::new("1 if the value is missing")));
    }
    parts
}

fn scaled(scale: &Scale, value: f64) -> String {
    let (center, spread) = (scale.center(), scale.spread());
    let standard = format!("({} - {}) / {}", number(value), factor(center), number(spread));
    match scale.is_clipped() {
        false => standard,
        true => {
            let u = factor((value - center) / spread);
            format!("u / sqrt(1 + (u / 3)^{{2}}), u = {standard} = {u}")
        }
    }
}

/// Pieces of the range, each filled from below.
fn in_pieces(pieces: &Pieces, value: f64) -> Line {
    let knots = pieces.knots();
    let count = knots.len() - 1;
    let above = knots.partition_point(|knot| f64::from(*knot) <= value);
    match above {
        0 => Line::new(format!("{count} pieces of the range, all above the value")),
        _ if above == knots.len() => Line::new(format!("{count} pieces of the range, all below the value")),
        _ => {
            let (from, to) = (f64::from(knots[above - 1]), f64::from(knots[above]));
            let share = format!("({} - {}) / ({} - {})", number(value), factor(from), number(to), factor(from));
            Line::new(format!("{count} pieces of the range, full as far as ${share}$ of piece {above}"))
        }
    }
}

fn of_date(encoder: &DateEncoder, value: f32, inputs: &mut Inputs<'_>) -> Vec<Part> {
    let mut parts = of_number(encoder.days(), value, inputs);
    if let Some(days) = parts.first_mut() {
        days.how = std::mem::take(&mut days.how).and(", in days since 1970");
    }
    for cycle in encoder.cycles() {
        parts.push(inputs.take(2, Line::new(format!("place in a cycle of {} days, as two waves", number(*cycle)))));
    }
    parts
}

fn of_label(encoder: &CategoryEncoder, code: f32, cell: Option<&str>) -> Line {
    let levels = encoder.levels();
    let known = cell.and_then(|cell| encoder.places(&[cell.to_owned()])[0]);
    let one_of = |what: String| Line::new(format!("{what}: 1, and 0 for the others"));
    match known {
        Some(place) => one_of(format!("label {} of {}", place + 1, levels.len())),
        None if code.is_nan() && encoder.has_missing() => one_of("missing".to_owned()),
        None => {
            let what = if code.is_nan() { "missing, which training never was" } else { "a label that is rare or new" };
            match encoder.has_other() {
                true => one_of(format!("{what}; all such share the last input")),
                false => Line::new(format!("{what}: each label's share of the rows trained on")),
            }
        }
    }
}

/// The section.
pub fn explain(sample: &Sample, limit: usize, document: &mut Document) {
    let columns = &sample.encoded;
    document.heading("The row becomes inputs $x = z^{(0)}$");
    let mut rows = Vec::new();
    for column in columns.iter().take(limit) {
        for (place, part) in column.parts.iter().enumerate() {
            let [name, cell] = match (place, &column.cell) {
                (0, Some(cell)) => [Line::name(&column.name), Line::name(cell)],
                (0, None) => [Line::name(&column.name), Line::new("missing")],
                _ => [Line::default(), Line::default()],
            };
            let inputs = Line::formula(part.inputs());
            rows.push(vec![name, cell, inputs, part.how.clone(), Line::new(part.shown_values())]);
        }
    }
    let header = ["column", "cell", "inputs", "how", "value"].map(Line::new).to_vec();
    document.table(Grid { header, rows, words: 5 });
    document.left_out(columns.len().saturating_sub(limit), "columns");
}
