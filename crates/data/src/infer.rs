//! Finding out the types of the columns of a text file from all of its cells.

use std::collections::HashSet;

use crate::cell::{date, is_missing};
use crate::error::{Place, quoted};
use crate::{DateOrder, Kind};

/// A numeric column with so many different values, or fewer, can be a target of classes.
pub(crate) const FEW: usize = 20;

/// A column of a file and its type, as found by reading all of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Inferred {
    /// The column's name.
    pub name: String,
    /// What its cells are.
    pub kind: Kind,
    /// The number of different values if there are at most 20; of a column of numbers whose values are not all whole, if
    /// there are at most two.
    pub classes: Option<usize>,
    /// What is odd about it: text in a column that is mostly numbers.
    pub note: Option<String>,
}

impl Inferred {
    /// A column whose type the file itself tells.
    pub(crate) fn known(name: &str, kind: Kind) -> Self {
        Self { name: name.to_owned(), kind, classes: None, note: None }
    }
}

/// The different values of a column, as long as they are few.
#[derive(Debug, Default)]
pub(crate) struct FewValues {
    values: HashSet<String>,
    fractions: bool,
    many: bool,
}

impl FewValues {
    pub(crate) fn add(&mut self, value: &str, number: Option<f64>) {
        self.fractions |= number.is_some_and(|number| number.fract() != 0.0);
        if !self.many && !self.values.contains(value) {
            self.values.insert(value.to_owned());
            self.many = self.values.len() > if self.fractions { 2 } else { FEW };
        }
    }

    pub(crate) fn count(&self) -> Option<usize> {
        let too_many = self.many || (self.fractions && self.values.len() > 2);
        (!too_many).then_some(self.values.len())
    }
}

/// What the cells of a column so far allow it to be.
#[derive(Debug)]
pub(crate) struct Inference {
    name: String,
    /// Cells that are not missing, those of them that are numbers, and those that only look like some.
    present: u64,
    numbers: u64,
    almost_numbers: u64,
    /// The first cell that is no number.
    text: Option<(String, Place)>,
    /// Which of [`DateOrder::ALL`] fit every cell.
    dates: [bool; 3],
    few: FewValues,
    /// Whether the name of the column occurs in it.
    pub(crate) repeats_name: bool,
}

impl Inference {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            present: 0,
            numbers: 0,
            almost_numbers: 0,
            text: None,
            dates: [true; 3],
            few: FewValues::default(),
            repeats_name: false,
        }
    }

    /// Takes a cell, already without blanks around it, into account.
    pub(crate) fn add(&mut self, cell: &str, place: impl Fn() -> Place) {
        if is_missing(cell) {
            return;
        }
        self.present += 1;
        self.repeats_name |= cell == self.name;
        let number = cell.parse::<f64>().ok();
        self.few.add(cell, number);
        match number {
            Some(_) => {
                self.numbers += 1;
                self.dates = [false; 3];
            }
            None => {
                self.almost_numbers += u64::from(is_almost_number(cell));
                if self.text.is_none() {
                    self.text = Some((cell.to_owned(), place()));
                }
                for (fits, order) in self.dates.iter_mut().zip(DateOrder::ALL) {
                    *fits = *fits && date(cell, order).is_some();
                }
            }
        }
    }

    pub(crate) fn finish(self) -> Inferred {
        let order = self.dates.iter().position(|fits| *fits).map(|order| DateOrder::ALL[order]);
        let kind = match (&self.text, order) {
            (None, _) => Kind::Number,
            (Some(_), Some(order)) => Kind::Date(order),
            (Some(_), None) => Kind::Category,
        };
        // A column that is all but a few cells numbers is likely meant to be one of numbers.
        let share = |cells: u64| 100.0 * cells as f64 / self.present as f64;
        let note = self.text.filter(|_| kind == Kind::Category).and_then(|(cell, place)| {
            let (cell, row) = (quoted(&cell), place.row);
            if self.numbers * 2 > self.present {
                let numbers = share(self.numbers);
                return Some(format!("text, since {cell} in row {row} is not a number ({numbers:.1} % of its cells are)"));
            }
            let alike = self.numbers + self.almost_numbers;
            (alike * 2 > self.present).then(|| {
                let alike = share(alike);
                format!(
                    "text, since {cell} in row {row} is not written as 1234.5 ({alike:.1} % of its cells look like numbers)"
                )
            })
        });
        Inferred { name: self.name, kind, classes: self.few.count(), note }
    }
}

/// Whether a cell would be a number if it were written as one: without the commas, blanks and apostrophes of decimals and
/// thousands, and without a currency or percent sign.
fn is_almost_number(cell: &str) -> bool {
    if !cell.bytes().any(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let digits = cell.trim_matches(['$', '€', '£', '¥', '%', ' ']).replace([',', ' ', '\'', '\u{a0}', '\u{202f}'], "");
    digits.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn infer(cells: &[&str]) -> Inferred {
        let mut inference = Inference::new("a");
        for (row, cell) in (1..).zip(cells) {
            inference.add(cell, || Place { file: "t".to_owned(), row, line: None });
        }
        inference.finish()
    }

    #[test]
    fn every_cell_decides() {
        use DateOrder::{DayFirst, MonthFirst, YearFirst};
        for (cells, kind) in [
            (&["1", "-2.5", "?", "1e3"][..], Kind::Number),
            (&["", "NA"], Kind::Number),
            (&["1", "x"], Kind::Category),
            (&["2024-01-31", ""], Kind::Date(YearFirst)),
            (&["1/2/2024", "2/1/2024"], Kind::Date(MonthFirst)),
            (&["1/2/2024", "31/1/2024"], Kind::Date(DayFirst)),
            (&["1/31/2024", "31/1/2024"], Kind::Category),
            (&["2024-01-31", "7"], Kind::Category),
        ] {
            assert_eq!(infer(cells).kind, kind, "{cells:?}");
        }
        let mut many = vec!["1"; 100_000];
        many.push("Oslo");
        let inferred = infer(&many);
        assert_eq!(inferred.kind, Kind::Category);
        let note = inferred.note.unwrap();
        assert!(note.contains("`Oslo` in row 100001 is not a number"), "{note}");
    }

    #[test]
    fn numbers_that_are_written_otherwise_are_noted() {
        for cells in
            [&["0,5", "12,25", "?"][..], &["1,234.50", "7"], &["12 %", "8.5%"], &["$5", "€ 7,10"], &["1 000", "x", "2"]]
        {
            let Inferred { kind, note, .. } = infer(cells);
            let note = note.unwrap_or_default();
            assert!(kind == Kind::Category && note.contains("look like numbers"), "{cells:?}: {note}");
        }
        for cells in
            [&["red", "blue"][..], &["A1", "B2"], &["10-20", "20-30"], &["x", "y", "1,5"], &["1/31/2024", "31/1/2024"]]
        {
            assert_eq!(infer(cells).note, None, "{cells:?}");
        }
    }

    #[test]
    fn few_values_can_be_classes() {
        assert_eq!(infer(&["0", "1", "0"]).classes, Some(2));
        assert_eq!(infer(&["0.5", "1.5"]).classes, Some(2));
        assert_eq!(infer(&["1", "2", "3.5"]).classes, None);
        assert_eq!(infer(&["3.5", "2", "1"]).classes, None);
        let numbers: Vec<String> = (0..=FEW).map(|number| number.to_string()).collect();
        let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
        assert_eq!((infer(&numbers[1..]).classes, infer(&numbers).classes), (Some(FEW), None));
    }
}
