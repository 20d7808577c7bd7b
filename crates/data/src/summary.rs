//! What is in a column, in a few words.

use std::fmt;

use crate::error::quoted;
use crate::scale::distinct;
use crate::{Dictionary, Kind, Table};

/// A column of a table in numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// The column's name.
    pub name: String,
    /// What its cells are.
    pub kind: Kind,
    /// Rows without a value.
    pub missing: usize,
    /// Different values; of a column of categories, all beyond its first 65,536 labels count as one.
    pub distinct: usize,
    /// The smallest and the largest number or date (in days since the beginning of 1970), if there is one.
    pub range: Option<(f32, f32)>,
    /// The most frequent label of a column of categories, and its rows.
    pub top: Option<(String, usize)>,
}

impl Table {
    /// What is in a column, counted from 0. Takes as much memory as the column.
    ///
    /// # Panics
    /// If there is no such column.
    pub fn summary(&self, column: usize) -> Summary {
        let (name, kind) = (self.columns()[column].name().to_owned(), self.columns()[column].kind());
        let present: Vec<f32> = self.cells(column).filter(|cell| !cell.is_nan()).collect();
        let mut summary = Summary {
            name,
            kind,
            missing: self.rows() - present.len(),
            distinct: distinct(&present),
            range: None,
            top: None,
        };
        if kind == Kind::Category {
            let labels = self.columns()[column].labels();
            let mut counts = vec![0_usize; labels.len()];
            let known = present.iter().filter(|code| **code != Dictionary::OTHER);
            known.for_each(|code| counts[*code as usize] += 1);
            // The first of several.
            let top = (0..labels.len()).rev().max_by_key(|code| counts[*code]);
            summary.top = top.map(|code| (labels[code].clone(), counts[code]));
        } else if let Some(first) = present.first() {
            let range = present.iter().fold((*first, *first), |(least, most), &cell| (least.min(cell), most.max(cell)));
            summary.range = Some(range);
        }
        summary
    }
}

/// Such as "numbers from 17 to 90, 73 different, 5 missing".
impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.kind)?;
        match (self.range, self.kind) {
            (Some((least, most)), Kind::Number) => write!(formatter, " from {least} to {most}")?,
            (Some((least, most)), Kind::Date(_)) => write!(formatter, " over {} days", most - least)?,
            _ => {}
        }
        write!(formatter, ", {} different", self.distinct)?;
        if let Some((label, rows)) = &self.top {
            write!(formatter, ", most often {} ({rows} rows)", quoted(label))?;
        }
        match self.missing {
            0 => Ok(()),
            missing => write!(formatter, ", {missing} missing"),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Column, ReadOptions, Source, TableReader};

    #[test]
    fn columns_are_described() {
        let text = "a,b,c\n1,x,2024-01-01\n2,y,2024-01-31\n2,x,?\n,,\n";
        let reader = TableReader::open(Source::memory("t.csv", text.as_bytes()), &ReadOptions::default()).unwrap();
        let inferred = reader.infer(reader.header().columns()).unwrap();
        let table =
            reader.read(inferred.iter().map(|column| Column::new(&column.name, column.kind)).collect()).unwrap();
        let described: Vec<String> = (0..3).map(|column| table.summary(column).to_string()).collect();
        assert_eq!(described[0], "numbers from 1 to 2, 2 different, 1 missing");
        assert_eq!(described[1], "text, 2 different, most often `x` (2 rows), 1 missing");
        assert_eq!(described[2], "dates over 30 days, 2 different, 2 missing");
    }
}
