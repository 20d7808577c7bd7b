//! From the cell of one column to the network's inputs.

mod category;
mod date;
mod number;
mod pieces;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{DateOrder, Kind, Scaling};

pub use category::{CategoryEncoder, MAX_LEVELS};
pub use date::DateEncoder;
pub use number::NumberEncoder;
pub use pieces::{NumberEncoding, PieceCount, Pieces};

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

/// Whether the last word of a name is that of an identifier.
fn is_named_as_identifier(name: &str) -> bool {
    let camel = name.ends_with("Id") || name.ends_with("ID");
    let last = name.rsplit(|character: char| !character.is_alphanumeric()).find(|word| !word.is_empty());
    let word = last.unwrap_or_default().to_lowercase();
    camel || matches!(&*word, "id" | "uid" | "uuid" | "guid" | "index" | "idx" | "key" | "rownum" | "rowid")
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
    Date(DateOrder, DateEncoder),
}

impl Encoder {
    /// Learns what to do with a column, of which the range is cut into so many `pieces` if it holds numbers or dates.
    pub(crate) fn fit(
        kind: Kind,
        sample: &Sample<'_>,
        labels: &[String],
        scaling: Scaling,
        pieces: usize,
    ) -> Result<Self, Reason> {
        Ok(match kind {
            Kind::Number => {
                let number = NumberEncoder::fit(sample, scaling, pieces)?;
                if number::is_identifier(sample) {
                    return Err(Reason::Identifier);
                }
                Encoder::Number(number)
            }
            Kind::Category => Encoder::Category(CategoryEncoder::fit(sample, labels)?),
            Kind::Date(order) => Encoder::Date(order, DateEncoder::fit(sample, scaling, pieces)?),
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
            Encoder::Date(_, date) => date.inputs(),
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
            Encoder::Date(_, date) => date.is_sound(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dictionary;

    fn fit(kind: Kind, name: &str, cells: &[f32], labels: &[&str]) -> Result<Encoder, Reason> {
        let rows: Vec<usize> = (0..cells.len()).collect();
        let labels: Vec<String> = labels.iter().map(|label| label.to_string()).collect();
        Encoder::fit(kind, &Sample { name, rows: &rows, cells }, &labels, Scaling::Standard, 0)
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
