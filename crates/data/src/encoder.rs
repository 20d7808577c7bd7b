//! From the cell of one column to the network's inputs.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::scale::quantile;
use crate::{Dictionary, Kind, Scale, Scaling};

/// The most labels of a column that get an input of their own.
pub const MAX_LEVELS: usize = 100;

/// From so many rows on, values that all differ are a sign of an identifier.
const MANY_ROWS: usize = 50;

/// Why a column is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It has no value in any training row.
    Empty,
    /// It has the same value in all training rows.
    Constant,
    /// Its values tell which row it is, and nothing else.
    Identifier,
    /// Its labels are all so rare that none gets an input.
    Rare,
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Reason::Empty => "no value",
            Reason::Constant => "constant",
            Reason::Identifier => "an identifier",
            Reason::Rare => "rare labels only",
        })
    }
}

/// A column as training rows show it.
pub(crate) struct Sample<'a> {
    /// The column's name.
    pub(crate) name: &'a str,
    /// The rows, ascending, counted from 0.
    pub(crate) rows: &'a [usize],
    /// Its cells in these rows.
    pub(crate) cells: &'a [f32],
}

impl Sample<'_> {
    /// The cells that are not missing.
    fn present(&self) -> Vec<f32> {
        self.cells.iter().copied().filter(|cell| !cell.is_nan()).collect()
    }
}

/// What becomes of a number.
///
/// A missing one is replaced by the median, and marked by an input of its own if the training rows have missing ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NumberEncoder {
    median: f64,
    /// Nothing if all values are the same, and only the mark tells rows apart.
    scale: Option<Scale>,
    marks_missing: bool,
}

impl NumberEncoder {
    pub(crate) fn fit(sample: &Sample<'_>, scaling: Scaling) -> Result<Self, Reason> {
        let present = sample.present();
        if present.is_empty() {
            return Err(Reason::Empty);
        }
        let scale = Scale::fit(&present, scaling);
        let marks_missing = present.len() < sample.cells.len();
        if scale.is_none() && !marks_missing {
            return Err(Reason::Constant);
        }
        let mut values = present;
        Ok(Self { median: quantile(&mut values, 0.5), scale, marks_missing })
    }

    /// The value that a missing one is replaced by.
    pub fn median(&self) -> f64 {
        self.median
    }

    /// The scale, unless all values are the same.
    pub fn scale(&self) -> Option<&Scale> {
        self.scale.as_ref()
    }

    /// Whether there is an input that is 1 where the value is missing, and else 0.
    pub fn marks_missing(&self) -> bool {
        self.marks_missing
    }

    fn inputs(&self) -> usize {
        usize::from(self.scale.is_some()) + usize::from(self.marks_missing)
    }

    fn encode(&self, cell: f32, inputs: &mut Vec<f32>) {
        let value = if cell.is_nan() { self.median } else { f64::from(cell) };
        inputs.extend(self.scale.as_ref().map(|scale| scale.apply(value)));
        if self.marks_missing {
            inputs.push(if cell.is_nan() { 1.0 } else { 0.0 });
        }
    }

    fn is_sound(&self) -> bool {
        self.median.is_finite() && self.scale.as_ref().is_none_or(Scale::is_sound) && self.inputs() > 0
    }
}

/// Whether whole numbers only tell which row it is: they count the rows; or they all differ, and the column is named
/// like an identifier.
fn is_identifier(sample: &Sample<'_>) -> bool {
    let cells = sample.cells;
    // A missing number has no whole part, either.
    if cells.iter().any(|value| value.fract() != 0.0) {
        return false;
    }
    let offset = |(row, value): (&usize, &f32)| *row as f64 - f64::from(*value);
    let mut offsets = sample.rows.iter().zip(cells).map(offset);
    let first = offsets.next();
    if cells.len() >= MANY_ROWS && offsets.all(|offset| Some(offset) == first) {
        return true;
    }
    /// From here on, different whole numbers may be the same f32.
    const EXACT: f32 = (1 << 24) as f32;
    let inexact = cells.iter().any(|value| value.abs() >= EXACT);
    is_named_as_identifier(sample.name) && (inexact || distinct(cells) == cells.len())
}

/// Whether the last word of a name is that of an identifier.
fn is_named_as_identifier(name: &str) -> bool {
    let camel = name.ends_with("Id") || name.ends_with("ID");
    let last = name.rsplit(|character: char| !character.is_alphanumeric()).find(|word| !word.is_empty());
    let word = last.unwrap_or_default().to_lowercase();
    camel || matches!(&*word, "id" | "uid" | "uuid" | "guid" | "index" | "idx" | "key" | "rownum" | "rowid")
}

/// The number of different values.
pub(crate) fn distinct(values: &[f32]) -> usize {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f32::total_cmp);
    sorted.dedup();
    sorted.len()
}

/// What becomes of a label: an input for each level, which is 1 for that level and else 0.
///
/// Levels are the labels that enough training rows have (1 % of them, but at least 2 rows, and 5 are always enough); at
/// most the 100 most frequent ones. Missing is a level like others. If training rows have labels besides, these share
/// one more input, which unknown labels get, too. If none has, an unknown label gives each level its share of the
/// training rows, as the average of all that it could be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CategoryEncoder {
    levels: Vec<String>,
    has_missing: bool,
    has_other: bool,
    /// The share of the training rows that each input is 1 for.
    shares: Vec<f32>,
}

impl CategoryEncoder {
    pub(crate) fn fit(sample: &Sample<'_>, labels: &[String]) -> Result<Self, Reason> {
        let rows = sample.cells.len();
        let mut counts = vec![0_usize; labels.len()];
        let (mut missing, mut other) = (0, 0);
        for cell in sample.cells {
            match cell {
                cell if cell.is_nan() => missing += 1,
                cell if *cell == Dictionary::OTHER => other += 1,
                cell => counts[*cell as usize] += 1,
            }
        }
        let present = rows - missing;
        if present == 0 {
            return Err(Reason::Empty);
        }
        // Labels beyond the dictionary count as different ones.
        let different = counts.iter().filter(|count| **count > 0).count() + other;
        if different == 1 && missing == 0 {
            return Err(Reason::Constant);
        }
        if different == present && (present >= MANY_ROWS || (present > 2 && is_named_as_identifier(sample.name))) {
            return Err(Reason::Identifier);
        }
        let enough = (rows / 100).clamp(2, 5);
        let mut order: Vec<usize> = (0..labels.len()).filter(|code| counts[*code] >= enough).collect();
        order.sort_by(|&a, &b| counts[b].cmp(&counts[a]).then_with(|| labels[a].cmp(&labels[b])));
        order.truncate(MAX_LEVELS);
        let has_missing = missing >= enough;
        let mut covered: Vec<usize> = order.iter().map(|code| counts[*code]).collect();
        covered.extend(has_missing.then_some(missing));
        let rest = rows - covered.iter().sum::<usize>();
        covered.extend((rest > 0).then_some(rest));
        // One input is 1 for every row.
        if covered.len() < 2 {
            return Err(if order.is_empty() { Reason::Rare } else { Reason::Constant });
        }
        Ok(Self {
            levels: order.into_iter().map(|code| labels[code].clone()).collect(),
            has_missing,
            has_other: rest > 0,
            shares: covered.into_iter().map(|count| (count as f64 / rows as f64) as f32).collect(),
        })
    }

    /// The labels with an input of their own, the most frequent one first.
    pub fn levels(&self) -> &[String] {
        &self.levels
    }

    /// Whether missing has an input of its own, after the levels.
    pub fn has_missing(&self) -> bool {
        self.has_missing
    }

    /// Whether all other labels have an input together, the last one.
    pub fn has_other(&self) -> bool {
        self.has_other
    }

    fn inputs(&self) -> usize {
        self.levels.len() + usize::from(self.has_missing) + usize::from(self.has_other)
    }

    /// `level` is the place of the label in [`CategoryEncoder::levels`], if it is there.
    fn encode(&self, level: Option<usize>, missing: bool, inputs: &mut Vec<f32>) {
        let known = if missing { self.has_missing.then_some(self.levels.len()) } else { level };
        match known.or(self.has_other.then(|| self.inputs() - 1)) {
            Some(one) => inputs.extend((0..self.inputs()).map(|input| if input == one { 1.0 } else { 0.0 })),
            None => inputs.extend_from_slice(&self.shares),
        }
    }

    fn is_sound(&self) -> bool {
        let shares = self.shares.iter().all(|share| (0.0..=1.0).contains(share));
        shares && self.shares.len() == self.inputs() && self.inputs() > 0
    }
}

/// What becomes of a date: days as a number, and where it stands in the week, the year and the day.
///
/// A place in a cycle is given by two triangle waves, a quarter of the cycle apart: unlike sine and cosine, which a platform's
/// library may round in its own way, they are the same bits everywhere. Cycles that the training rows do not
/// go through are left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DateEncoder {
    days: NumberEncoder,
    /// The lengths of the cycles, in days.
    cycles: Vec<f64>,
}

/// Cycles of dates, in days: week, year, day. The first of them begins on Thursday, 1 January 1970.
const CYCLES: [f64; 3] = [7.0, 365.2425, 1.0];

impl DateEncoder {
    pub(crate) fn fit(sample: &Sample<'_>, scaling: Scaling) -> Result<Self, Reason> {
        let days = NumberEncoder::fit(sample, scaling)?;
        let present = sample.present();
        let (first, last) =
            present.iter().fold((f32::MAX, f32::MIN), |(first, last), &day| (first.min(day), last.max(day)));
        let gone_through = |cycle: &f64| {
            let varies = present.iter().any(|&day| f64::from(day) % cycle != f64::from(first) % cycle);
            varies && f64::from(last - first) >= *cycle
        };
        Ok(Self { days, cycles: CYCLES.into_iter().filter(gone_through).collect() })
    }

    /// What becomes of the days since the beginning of 1970.
    pub fn days(&self) -> &NumberEncoder {
        &self.days
    }

    /// The lengths of the cycles that have two inputs each, in days.
    pub fn cycles(&self) -> &[f64] {
        &self.cycles
    }

    fn encode(&self, cell: f32, inputs: &mut Vec<f32>) {
        self.days.encode(cell, inputs);
        for cycle in &self.cycles {
            let phase = f64::from(cell) / cycle;
            let wave = |phase: f64| (4.0 * (phase - phase.floor() - 0.5).abs() - 1.0) as f32;
            match cell.is_nan() {
                true => inputs.extend([0.0, 0.0]),
                false => inputs.extend([wave(phase), wave(phase + 0.25)]),
            }
        }
    }
}

/// What becomes of a column's cells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoder {
    /// Numbers.
    Number(NumberEncoder),
    /// Labels.
    Category(CategoryEncoder),
    /// Dates, written in this order.
    Date(crate::DateOrder, DateEncoder),
}

impl Encoder {
    pub(crate) fn fit(kind: Kind, sample: &Sample<'_>, labels: &[String], scaling: Scaling) -> Result<Self, Reason> {
        Ok(match kind {
            Kind::Number => {
                let number = NumberEncoder::fit(sample, scaling)?;
                if is_identifier(sample) {
                    return Err(Reason::Identifier);
                }
                Encoder::Number(number)
            }
            Kind::Category => Encoder::Category(CategoryEncoder::fit(sample, labels)?),
            Kind::Date(order) => Encoder::Date(order, DateEncoder::fit(sample, scaling)?),
        })
    }

    /// What the column's cells have to be.
    pub fn kind(&self) -> Kind {
        match self {
            Encoder::Number(_) => Kind::Number,
            Encoder::Category(_) => Kind::Category,
            Encoder::Date(order, _) => Kind::Date(*order),
        }
    }

    /// The number of inputs, at least one.
    pub fn inputs(&self) -> usize {
        match self {
            Encoder::Number(number) => number.inputs(),
            Encoder::Category(category) => category.inputs(),
            Encoder::Date(_, date) => date.days.inputs() + 2 * date.cycles.len(),
        }
    }

    /// Appends the inputs that a cell becomes. `levels` has the level of each code of a label.
    pub(crate) fn encode(&self, cell: f32, levels: &[Option<usize>], inputs: &mut Vec<f32>) {
        match self {
            Encoder::Number(number) => number.encode(cell, inputs),
            Encoder::Date(_, date) => date.encode(cell, inputs),
            Encoder::Category(category) => {
                // A negative code, that of other labels, is far beyond every level as a usize would be; here it is none.
                let level = if cell >= 0.0 { levels.get(cell as usize).copied().flatten() } else { None };
                category.encode(level, cell.is_nan(), inputs);
            }
        }
    }

    /// Whether everything is such as fitting gives.
    pub(crate) fn is_sound(&self) -> bool {
        match self {
            Encoder::Number(number) => number.is_sound(),
            Encoder::Category(category) => category.is_sound(),
            Encoder::Date(_, date) => date.days.is_sound() && date.cycles.iter().all(|cycle| CYCLES.contains(cycle)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DateOrder;

    fn fit(kind: Kind, name: &str, cells: &[f32], labels: &[&str]) -> Result<Encoder, Reason> {
        let rows: Vec<usize> = (0..cells.len()).collect();
        let labels: Vec<String> = labels.iter().map(|label| label.to_string()).collect();
        Encoder::fit(kind, &Sample { name, rows: &rows, cells }, &labels, Scaling::Standard)
    }

    fn encode(encoder: &Encoder, cell: f32) -> Vec<f32> {
        let mut inputs = Vec::new();
        let levels: Vec<Option<usize>> = match encoder {
            Encoder::Category(category) => (0..category.levels().len()).map(Some).collect(),
            _ => Vec::new(),
        };
        encoder.encode(cell, &levels, &mut inputs);
        assert_eq!(inputs.len(), encoder.inputs());
        inputs
    }

    #[test]
    fn missing_numbers_become_the_median_and_are_marked() {
        let encoder = fit(Kind::Number, "a", &[1.0, 2.0, f32::NAN, 9.0, 4.0], &[]).unwrap();
        // The median is 3, the mean 4, the deviation sqrt((9 + 4 + 25 + 0) / 4).
        let deviation = 9.5_f64.sqrt();
        assert_eq!(encode(&encoder, f32::NAN), [(-1.0 / deviation) as f32, 1.0]);
        assert_eq!(encode(&encoder, 4.0), [0.0, 0.0]);
        let encoder = fit(Kind::Number, "a", &[1.0, 2.0], &[]).unwrap();
        assert_eq!((encode(&encoder, f32::NAN), encode(&encoder, 2.0)), (vec![0.0], vec![1.0]));
        let encoder = fit(Kind::Number, "a", &[1.0, f32::NAN, 1.0], &[]).unwrap();
        assert_eq!((encode(&encoder, f32::NAN), encode(&encoder, 5.0)), (vec![1.0], vec![0.0]));
    }

    #[test]
    fn rare_and_unknown_labels_share_an_input() {
        let encoder = fit(Kind::Category, "a", &[0.0, 0.0, 1.0, 2.0, 2.0, 2.0], &["x", "y", "z"]).unwrap();
        let Encoder::Category(category) = &encoder else { panic!("{encoder:?}") };
        assert_eq!(category.levels(), ["z", "x"]);
        assert_eq!((encode(&encoder, 0.0), encode(&encoder, 1.0)), (vec![1.0, 0.0, 0.0], vec![0.0, 1.0, 0.0]));
        for unknown in [Dictionary::OTHER, f32::NAN, 7.0] {
            assert_eq!(encode(&encoder, unknown), [0.0, 0.0, 1.0]);
        }
    }

    #[test]
    fn without_rare_labels_an_unknown_one_is_the_average() {
        let encoder =
            fit(Kind::Category, "a", &[0.0, 0.0, 0.0, 0.0, f32::NAN, f32::NAN, 1.0, 1.0], &["x", "y"]).unwrap();
        assert_eq!(encode(&encoder, Dictionary::OTHER), [0.5, 0.25, 0.25]);
        assert_eq!((encode(&encoder, 1.0), encode(&encoder, f32::NAN)), (vec![0.0, 1.0, 0.0], vec![0.0, 0.0, 1.0]));
    }

    #[test]
    fn only_the_most_frequent_labels_have_inputs() {
        let labels: Vec<String> = (0..300).map(|label| format!("{label:03}")).collect();
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        // Label n occurs n / 10 times.
        let cells: Vec<f32> = (0..300).flat_map(|label| vec![label as f32; label / 10]).collect();
        let encoder = fit(Kind::Category, "a", &cells, &labels).unwrap();
        let Encoder::Category(category) = &encoder else { panic!("{encoder:?}") };
        assert_eq!((category.levels().len(), encoder.inputs()), (MAX_LEVELS, MAX_LEVELS + 1));
        assert_eq!((&*category.levels()[0], &*category.levels()[99]), ("290", "209"));
    }

    #[test]
    fn useless_columns_say_why() {
        let counter: Vec<f32> = (0..60).map(|row| row as f32 + 100.0).collect();
        let shuffled: Vec<f32> = (0..60).map(|row| (row * 7 % 60) as f32).collect();
        let labels: Vec<String> = (0..60).map(|row| row.to_string()).collect();
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        let billions = [3e9, 3e9 + 256.0, 3e9, 3e9 + 512.0];
        for (kind, name, cells, reason) in [
            (Kind::Number, "a", &[f32::NAN, f32::NAN][..], Reason::Empty),
            (Kind::Number, "a", &[1.5, 1.5], Reason::Constant),
            (Kind::Number, "a", &counter, Reason::Identifier),
            (Kind::Number, "patient_id", &shuffled, Reason::Identifier),
            (Kind::Number, "patientId", &billions, Reason::Identifier),
            (Kind::Category, "a", &[f32::NAN, f32::NAN], Reason::Empty),
            (Kind::Category, "a", &[1.0, 1.0], Reason::Constant),
            (Kind::Category, "a", &[0.0, 1.0, 2.0], Reason::Rare),
            (Kind::Category, "id", &[0.0, 1.0, 2.0], Reason::Identifier),
            (Kind::Category, "a", &shuffled, Reason::Identifier),
            (Kind::Date(DateOrder::YearFirst), "a", &[5.0, 5.0], Reason::Constant),
        ] {
            assert_eq!(fit(kind, name, cells, &labels), Err(reason), "{name} {cells:?}");
        }
        for (name, cells) in [("a", &shuffled[..]), ("id", &[1.0, 2.0, 2.0]), ("grid", &shuffled), ("id", &[0.5, 1.5])]
        {
            assert!(fit(Kind::Number, name, cells, &[]).is_ok(), "{name}");
        }
    }

    #[test]
    fn dates_go_round() {
        // Days that count the rows are no identifier.
        let days: Vec<f32> = (0..800).map(|day| day as f32).collect();
        let encoder = fit(Kind::Date(DateOrder::YearFirst), "a", &days, &[]).unwrap();
        let Encoder::Date(_, date) = &encoder else { panic!("{encoder:?}") };
        assert_eq!(date.cycles(), [7.0, 365.2425]);
        assert_eq!(encode(&encoder, 7.0)[1..3], [1.0, 0.0]);
        assert_eq!(encode(&encoder, -3.5)[1..3], [-1.0, 0.0]);
        assert_eq!(encode(&encoder, f32::NAN)[1..], [0.0; 4]);
        let encoder = fit(Kind::Date(DateOrder::YearFirst), "a", &[0.0, 0.25, 1.5], &[]).unwrap();
        assert!(matches!(encoder, Encoder::Date(_, date) if date.cycles() == [1.0]));
    }
}
