//! The one table that every format is read into: typed columns, in blocks of rows.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::cell::{date, date_text, is_missing};
use crate::error::Place;
use crate::same_label::different;
use crate::{DateOrder, Dictionary, Error, Header, Labels, Result};

/// The most cells of a block: 4 MiB of them.
const BLOCK_CELLS: usize = 1 << 20;

/// What the cells of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Numbers of single precision.
    Number,
    /// One of several labels.
    Category,
    /// Days since the beginning of 1970. In single precision a time of day is good to three minutes.
    Date(DateOrder),
}

/// "numbers", "text" or "dates".
impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Kind::Number => "numbers",
            Kind::Category => "text",
            Kind::Date(DateOrder::YearFirst) => "dates",
            Kind::Date(DateOrder::MonthFirst) => "dates, month first",
            Kind::Date(DateOrder::DayFirst) => "dates, day first",
        })
    }
}

/// A column to be read, or of a table that has been read.
#[derive(Debug, Clone)]
pub struct Column {
    name: String,
    kind: Kind,
    labels: Dictionary,
    /// Whether a word for a missing value, such as `None`, is a label like others.
    words_are_labels: bool,
    /// Whether every row must have a value.
    is_required: bool,
}

impl Column {
    /// A column whose cells may be missing.
    pub fn new(name: &str, kind: Kind) -> Self {
        let (words_are_labels, is_required) = (false, false);
        Self { name: name.to_owned(), kind, labels: Dictionary::default(), words_are_labels, is_required }
    }

    /// The target column: every row must have a value. Among labels, only an empty cell is a missing one: `None` is a
    /// label.
    pub fn target(name: &str, kind: Kind) -> Self {
        Self { words_are_labels: true, is_required: true, ..Self::new(name, kind) }
    }

    /// The same column of a table in which rows may lack a value.
    #[must_use]
    pub fn optional(self) -> Self {
        Self { is_required: false, ..self }
    }

    /// The same column, whose labels all are numbers: a word for a missing value, such as `NA`, is none of them.
    #[must_use]
    pub fn of_numbers(self) -> Self {
        Self { words_are_labels: false, ..self }
    }

    /// A column of categories of which only these labels matter.
    pub fn with_labels(name: &str, labels: &[String]) -> Self {
        Self { labels: Dictionary::of(labels), ..Self::new(name, Kind::Category) }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its cells are.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The labels of a column of categories, by their codes; of another column, none.
    pub fn labels(&self) -> &[String] {
        self.labels.labels()
    }

    pub(crate) fn code(&mut self, label: &str) -> f32 {
        self.labels.code(label)
    }

    /// Text, without blanks around it, as a cell of this column.
    ///
    /// # Errors
    /// If it is not what the column holds.
    pub(crate) fn text(&mut self, text: &str, place: impl Fn() -> Place) -> Result<f32> {
        let is_label = self.words_are_labels && self.kind == Kind::Category;
        if text.is_empty() || (is_missing(text) && !is_label) {
            return self.missing(place);
        }
        let (column, cell) = (|| self.name.clone(), || text.to_owned());
        match self.kind {
            Kind::Number => match text.parse::<f64>().map(|number| number as f32) {
                Ok(number) if number.is_infinite() => {
                    Err(Error::NotFinite { place: place(), column: column(), cell: cell() })
                }
                Ok(number) if number.is_nan() => self.missing(place),
                Ok(number) => Ok(number),
                Err(_) => Err(Error::NotANumber { place: place(), column: column(), cell: cell() }),
            },
            Kind::Category => Ok(self.code(text)),
            Kind::Date(order) => match date(text, order) {
                Some(days) => Ok(days as f32),
                None => {
                    let example = order.example();
                    Err(Error::NotADate { place: place(), column: column(), cell: cell(), example })
                }
            },
        }
    }

    /// A number as a cell of this column.
    ///
    /// # Errors
    /// If it is infinite or beyond single precision.
    pub(crate) fn number(&mut self, number: f64, place: impl Fn() -> Place) -> Result<f32> {
        if number.is_nan() {
            return self.missing(place);
        }
        if self.kind == Kind::Category {
            return Ok(self.code(&number.to_string()));
        }
        let cell = number as f32;
        match cell.is_infinite() {
            true => Err(Error::NotFinite { place: place(), column: self.name.clone(), cell: number.to_string() }),
            false => Ok(cell),
        }
    }

    /// A missing cell of this column.
    ///
    /// # Errors
    /// If every row must have a value.
    pub(crate) fn missing(&self, place: impl Fn() -> Place) -> Result<f32> {
        match self.is_required {
            true => Err(Error::EmptyLabel { place: place(), column: self.name.clone() }),
            false => Ok(f32::NAN),
        }
    }
}

/// Some rows of a table, column after column.
///
/// A cell is a number, days since 1970, or the code of a label; NaN if it is missing.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    rows: usize,
    cells: Vec<f32>,
}

impl Block {
    /// The number of rows, at least one.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The cells of a column, counted from 0.
    ///
    /// # Panics
    /// If there is no such column.
    pub fn column(&self, column: usize) -> &[f32] {
        &self.cells[column * self.rows..][..self.rows]
    }
}

/// Makes blocks of rows, and hands over each that is full.
pub(crate) struct Blocks<'a, E> {
    width: usize,
    capacity: usize,
    block: Block,
    /// Rows of the blocks that have been handed over.
    done: usize,
    sink: &'a mut dyn FnMut(Block) -> std::result::Result<(), E>,
}

/// The most rows in a block of a table of so many columns.
pub(crate) fn rows_per_block(columns: usize) -> usize {
    (BLOCK_CELLS / columns.max(1)).max(1)
}

impl<'a, E: From<Error>> Blocks<'a, E> {
    /// For rows of `width` cells, at least one.
    pub(crate) fn new(width: usize, sink: &'a mut dyn FnMut(Block) -> std::result::Result<(), E>) -> Self {
        let capacity = rows_per_block(width);
        let block = Block { rows: 0, cells: vec![f32::NAN; width * capacity] };
        Self { width, capacity, block, done: 0, sink }
    }

    /// Rows so far.
    pub(crate) fn rows(&self) -> usize {
        self.done + self.block.rows
    }

    /// Sets a cell of the row that is being made; one that is not set is missing.
    pub(crate) fn set(&mut self, column: usize, cell: f32) {
        self.block.cells[column * self.capacity + self.block.rows] = cell;
    }

    /// Ends the row.
    pub(crate) fn end_row(&mut self) -> std::result::Result<(), E> {
        self.block.rows += 1;
        match self.block.rows == self.capacity {
            true => self.hand_over(),
            false => Ok(()),
        }
    }

    /// Hands over the rest.
    ///
    /// # Errors
    /// If there was no row at all.
    pub(crate) fn finish(self, file: &str) -> std::result::Result<(), E> {
        if self.rows() == 0 {
            return Err(Error::NoRows { file: file.to_owned() }.into());
        }
        if self.block.rows == 0 {
            return Ok(());
        }
        let rows = self.block.rows;
        let filled = (0..self.width).flat_map(|column| &self.block.cells[column * self.capacity..][..rows]);
        let cells = filled.copied().collect();
        (self.sink)(Block { rows, cells })
    }

    fn hand_over(&mut self) -> std::result::Result<(), E> {
        let empty = Block { rows: 0, cells: vec![f32::NAN; self.width * self.capacity] };
        let full = std::mem::replace(&mut self.block, empty);
        self.done += full.rows;
        (self.sink)(full)
    }
}

/// A table in memory.
#[derive(Debug, Clone)]
pub struct Table {
    header: Header,
    columns: Vec<Column>,
    /// All but the last have [`rows_per_block`] rows.
    blocks: Vec<Block>,
    rows: usize,
    /// The place in the file of the first row, counted from 0.
    first_row: usize,
}

impl Table {
    pub(crate) fn new(file: &str, columns: Vec<Column>, blocks: Vec<Block>) -> Self {
        let rows = blocks.iter().map(Block::rows).sum();
        Self { header: Header::of(file, &columns), columns, blocks, rows, first_row: 0 }
    }

    /// The same rows, of which the first one is not the first one of the file.
    pub(crate) fn beginning_at(self, first_row: usize) -> Self {
        Self { first_row, ..self }
    }

    /// The file that it was read from.
    pub fn file(&self) -> &str {
        self.header.file()
    }

    /// The columns, of which there is at least one.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The number of rows, at least one.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The blocks of rows, in order.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The columns, and the blocks for keeps.
    pub(crate) fn into_parts(self) -> (Vec<Column>, Vec<Block>) {
        (self.columns, self.blocks)
    }

    /// The place of a column, counted from 0.
    ///
    /// # Errors
    /// If there is no such column.
    pub fn position(&self, column: &str) -> Result<usize> {
        self.header.position(column)
    }

    /// All cells of a column, counted from 0: numbers, days since 1970 or codes of labels; NaN where there is none.
    ///
    /// # Panics
    /// If there is no such column.
    pub fn cells(&self, column: usize) -> impl Iterator<Item = f32> + '_ {
        self.blocks.iter().flat_map(move |block| block.column(column)).copied()
    }

    /// The cells of a column in the given rows; both counted from 0.
    ///
    /// # Panics
    /// If there is no such column or row.
    pub fn gather(&self, column: usize, rows: &[usize]) -> Vec<f32> {
        let height = rows_per_block(self.columns.len());
        rows.iter().map(|row| self.blocks[row / height].column(column)[row % height]).collect()
    }

    /// A cell as text, its row and column counted from 0: a number, a date such as 2024-12-31 with the time of day if it
    /// has one, or a label. Nothing where there is none, or a label beyond those that are kept.
    ///
    /// # Panics
    /// If there is no such column or row.
    pub fn text(&self, column: usize, row: usize) -> Option<String> {
        let (cell, column) = (self.gather(column, &[row])[0], &self.columns[column]);
        match column.kind {
            _ if cell.is_nan() => None,
            Kind::Number => Some(cell.to_string()),
            Kind::Date(_) => Some(date_text(cell)),
            Kind::Category if cell == Dictionary::OTHER => None,
            Kind::Category => Some(column.labels()[cell as usize].clone()),
        }
    }

    /// The labels of a column of categories that has one in every row. Where all are numbers, those of the same value are one
    /// label, as it is first written.
    ///
    /// # Errors
    /// If there is no such column, or it holds no labels, lacks one, or has too many different ones.
    pub fn labels(&self, column: &str) -> Result<Labels> {
        let position = self.position(column)?;
        let found = &self.columns[position];
        let (file, name) = (self.file().to_owned(), column.to_owned());
        if found.kind != Kind::Category {
            let (wanted, found) = ("labels".to_owned(), found.kind.to_string());
            return Err(Error::WrongType { file, column: name, wanted, found });
        }
        let (names, places) = different(found.labels());
        let mut codes = Vec::with_capacity(self.rows);
        for (row, cell) in self.cells(position).enumerate() {
            if cell.is_nan() {
                return Err(Error::EmptyLabel { place: self.place(row), column: name });
            }
            if cell == Dictionary::OTHER {
                return Err(Error::TooManyLabels { file, column: name, most: found.labels().len() });
            }
            codes.push(places[cell as usize]);
        }
        Ok(Labels::new(self.file(), column, names, codes))
    }

    /// Where a row, counted from 0, is in the file; its line is no longer known.
    pub(crate) fn place(&self, row: usize) -> Place {
        Place { file: self.file().to_owned(), row: (self.first_row + row) as u64 + 1, line: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Column 0 counts rows, column 1 is missing in odd ones.
    fn table(rows: usize, width: usize) -> Table {
        let mut blocks = Vec::new();
        let mut sink = |block| -> Result<()> {
            blocks.push(block);
            Ok(())
        };
        let mut writer = Blocks::new(width, &mut sink);
        for row in 0..rows {
            writer.set(0, row as f32);
            if row.is_multiple_of(2) {
                writer.set(1, 7.0);
            }
            writer.end_row().unwrap();
        }
        writer.finish("t").unwrap();
        let columns = (0..width).map(|column| Column::new(&column.to_string(), Kind::Number)).collect();
        Table::new("t", columns, blocks)
    }

    #[test]
    fn rows_come_back_from_their_blocks() {
        // Wide enough for blocks of ten rows.
        let width = BLOCK_CELLS / 10;
        for rows in [1, 9, 10, 11, 20, 25] {
            let table = table(rows, width);
            assert_eq!((table.rows(), table.blocks().len()), (rows, rows.div_ceil(10)));
            assert!(table.cells(0).eq((0..rows).map(|row| row as f32)));
            assert!(table.cells(1).enumerate().all(|(row, cell)| cell.is_nan() == (row % 2 == 1)));
            assert_eq!(table.gather(0, &[rows - 1, 0]), [(rows - 1) as f32, 0.0]);
        }
    }

    #[test]
    fn targets_may_be_missing_where_that_is_said() {
        let place = || Place { file: "t".to_owned(), row: 3, line: None };
        let mut target = Column::target("a", Kind::Category);
        assert!(target.text("", place).is_err());
        let mut optional = Column::target("a", Kind::Category).optional();
        assert!(optional.text("", place).unwrap().is_nan());
        // A label like others, in both.
        assert_eq!([&mut target, &mut optional].map(|column| column.text("None", place).unwrap()), [0.0, 0.0]);
        let [mut target, mut optional] = [target, optional].map(Column::of_numbers);
        assert!(matches!(target.text("None", place), Err(Error::EmptyLabel { .. })));
        assert!(optional.text("None", place).unwrap().is_nan());
    }

    #[test]
    fn numbers_beyond_single_precision_are_refused() {
        let place = || Place { file: "t".to_owned(), row: 3, line: None };
        let mut column = Column::new("a", Kind::Number);
        assert_eq!(column.number(0.5, place).unwrap(), 0.5);
        let error = column.number(1e39, place).unwrap_err().to_string();
        assert!(error.starts_with("`t`, row 3, column `a`: "), "{error}");
        assert!(Column::target("a", Kind::Number).missing(place).is_err());
    }
}
