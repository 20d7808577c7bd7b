//! What can be wrong with a table. Every error is one line that says where the fault is and what to do about it.

use std::fmt;

/// The result of an operation on a table.
pub type Result<T> = std::result::Result<T, Error>;

/// A row of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, as the caller named it.
    pub file: String,
    /// The data row, counted from 1; the header and blank lines do not count.
    pub row: u64,
    /// The line of the file on which the row begins, counted from 1; a file that is no text has none.
    pub line: Option<u64>,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}, row {}", name(&self.file), self.row)?;
        self.line.map_or(Ok(()), |line| write!(formatter, " (line {line})"))
    }
}

/// A fault in a table, its columns, its target or its split.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be opened or read.
    #[error("cannot read {}: {reason}", name(file))]
    Unreadable {
        /// The file.
        file: String,
        /// What the operating system said.
        reason: std::io::Error,
    },
    /// The file has no line with anything in it.
    #[error("{} is empty{}: a header line and data rows are needed", name(file), behind(*skipped))]
    Empty {
        /// The file.
        file: String,
        /// The lines that were to be skipped before.
        skipped: u64,
    },
    /// The first line holds numbers only.
    #[error("the first line of {} holds numbers: add a header line with the names of the columns above it", name(file))]
    NoHeader {
        /// The file.
        file: String,
    },
    /// The first line holds text that occurs again below it, and numbers.
    #[error(
        "the first line of {} looks like a row of data, since {} occurs again below it: add a header line with the names of the columns above it",
        name(file),
        quoted(cell)
    )]
    DoubtfulHeader {
        /// The file.
        file: String,
        /// The text that occurs again in its column.
        cell: String,
    },
    /// There is no row below the header.
    #[error("{} has no data rows", name(file))]
    NoRows {
        /// The file.
        file: String,
    },
    /// There is no such row.
    #[error("{} has no row {row}: its rows are 1 to {rows}", name(file))]
    MissingRow {
        /// The file.
        file: String,
        /// The row, counted from 1.
        row: usize,
        /// Rows that there are.
        rows: usize,
    },
    /// The file is not what its beginning or its name says that it is.
    #[error("cannot read {}: {reason}", name(file))]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The table does not fit into memory.
    #[error("{} is too large: {what}", name(file))]
    TooLarge {
        /// The file.
        file: String,
        /// What there is too much of.
        what: String,
    },
    /// A name that was asked for is not in the header.
    #[error("{} has no column {}; {}", name(file), quoted(column), near(column, columns))]
    MissingColumn {
        /// The file.
        file: String,
        /// The name that was asked for.
        column: String,
        /// The names that are there.
        columns: Vec<String>,
    },
    /// A name that was asked for stands above several columns.
    #[error("{} has several columns named {}: rename all but one of them", name(file), quoted(column))]
    DuplicateColumn {
        /// The file.
        file: String,
        /// The name.
        column: String,
    },
    /// A feature column has no name, so that it could not be found again at prediction.
    #[error("column {position} of {} has no name: name it in the header", name(file))]
    UnnamedColumn {
        /// The file.
        file: String,
        /// The column's place, counted from 1.
        position: usize,
    },
    /// Nothing is left to learn from.
    #[error("{} has no feature columns besides the target and the ignored ones", name(file))]
    NoFeatures {
        /// The file.
        file: String,
    },
    /// A row has more or fewer cells than the header.
    #[error(
        "{place}: the number of cells is {found}, but the header has {expected} columns: check delimiters and quotes"
    )]
    RaggedRow {
        /// The row.
        place: Place,
        /// Cells in the row.
        found: usize,
        /// Columns in the header.
        expected: usize,
    },
    /// A quoted cell never ends, so that all lines below are a part of it.
    #[error(
        "{}, line {line}: a cell that begins with a quote never ends, so that all lines below belong to it: close the quote",
        name(file)
    )]
    OpenQuote {
        /// The file.
        file: String,
        /// The line of the file on which the row begins, counted from 1.
        line: u64,
    },
    /// A cell is not UTF-8 text.
    #[error("{}, line {line}, cell {position} is not UTF-8 text: save the file as UTF-8", name(file))]
    NotUtf8 {
        /// The file.
        file: String,
        /// The line of the file, counted from 1.
        line: u64,
        /// The cell's place in its row, counted from 1.
        position: usize,
    },
    /// A row of a LIBSVM file is not such a row.
    #[error("{place}: {reason}")]
    Malformed {
        /// The row.
        place: Place,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// A column has values that no feature can be made of, such as lists.
    #[error("column {} of {} holds {found}, which cannot be used: leave it out", quoted(column), name(file))]
    Unsupported {
        /// The file.
        file: String,
        /// The column's name.
        column: String,
        /// Its type, in the words of the file's format.
        found: String,
    },
    /// A column has another type than it should have.
    #[error("column {} of {} holds {found}, but {wanted} are needed", quoted(column), name(file))]
    WrongType {
        /// The file.
        file: String,
        /// The column's name.
        column: String,
        /// What it should hold.
        wanted: String,
        /// What it holds.
        found: String,
    },
    /// A cell of a column of numbers is text.
    #[error("{place}, column {}: {} is not a number", quoted(column), quoted(cell))]
    NotANumber {
        /// The row.
        place: Place,
        /// The column's name.
        column: String,
        /// The cell.
        cell: String,
    },
    /// A cell of a column of dates is something else.
    #[error("{place}, column {}: {} is not a date such as {example}", quoted(column), quoted(cell))]
    NotADate {
        /// The row.
        place: Place,
        /// The column's name.
        column: String,
        /// The cell.
        cell: String,
        /// A date as the column writes it.
        example: &'static str,
    },
    /// A number is infinite or beyond single precision.
    #[error(
        "{place}, column {}: {} is not a finite number of single precision (at most 3.4e38): correct it or delete the row",
        quoted(column),
        quoted(cell)
    )]
    NotFinite {
        /// The row.
        place: Place,
        /// The column's name.
        column: String,
        /// The cell.
        cell: String,
    },
    /// The target has no label.
    #[error("{place}, target column {} is empty: fill it in or delete the row", quoted(column))]
    EmptyLabel {
        /// The row.
        place: Place,
        /// The target column's name.
        column: String,
    },
    /// The target has so many labels that it is free text.
    #[error(
        "the target column {} of {} has labels that are too long or too many to be classes (more than {most}): choose a column of classes or of numbers",
        quoted(column),
        name(file)
    )]
    TooManyLabels {
        /// The file.
        file: String,
        /// The target column's name.
        column: String,
        /// The most labels that are possible.
        most: usize,
    },
    /// A positive class was asked for, but the target is a number.
    #[error(
        "the target column {} holds numbers to be predicted, so that there is no class {}",
        quoted(column),
        quoted(label)
    )]
    NoClasses {
        /// The target column's name.
        column: String,
        /// The label that was asked for.
        label: String,
    },
    /// The target has one label only.
    #[error(
        "every row of {} has the label {} in its target column {}: two classes are needed",
        name(file),
        quoted(label),
        quoted(column)
    )]
    OneClass {
        /// The file.
        file: String,
        /// The target column's name.
        column: String,
        /// The only label.
        label: String,
    },
    /// The target has more than two labels.
    #[error(
        "the target column {} of {} has {} different labels ({}), but two classes are needed",
        quoted(column),
        name(file),
        labels.len(),
        list(labels, 3)
    )]
    ManyClasses {
        /// The file.
        file: String,
        /// The target column's name.
        column: String,
        /// The labels, in the order in which they first appear.
        labels: Vec<String>,
    },
    /// The label that was to be t = 1 does not occur.
    #[error(
        "no row has the label {} in the target column {}: its labels are {} and {}",
        quoted(label),
        quoted(column),
        quoted(&labels[0]),
        quoted(&labels[1])
    )]
    UnknownPositive {
        /// The label that was asked for.
        label: String,
        /// The target column's name.
        column: String,
        /// The two labels that do occur.
        labels: [String; 2],
    },
    /// A row whose label is none of the classes of the target.
    #[error(
        "{place}: the label {} in the target column {} is none that the model knows, which are {}",
        quoted(label),
        quoted(column),
        list(labels, MAX_LISTED)
    )]
    UnknownLabel {
        /// The first such row.
        place: Place,
        /// Its label.
        label: String,
        /// The target column's name.
        column: String,
        /// The labels of the classes.
        labels: Vec<String>,
    },
    /// A class that was given a weight does not occur.
    #[error(
        "no row has the label {} in the target column {}: its labels are {}",
        quoted(label),
        quoted(column),
        list(labels, MAX_LISTED)
    )]
    UnknownClass {
        /// The label that was given a weight.
        label: String,
        /// The target column's name.
        column: String,
        /// The labels that do occur.
        labels: Vec<String>,
    },
    /// A class was given a weight that is none.
    #[error("the weight {weight} of the class {} is not a number from 0 on", quoted(label))]
    ClassWeight {
        /// The class.
        label: String,
        /// Its weight.
        weight: f64,
    },
    /// A row's weight is negative or missing.
    #[error("{place}, column {}: the weight {cell} is not a number from 0 on", quoted(column))]
    Weight {
        /// The row.
        place: Place,
        /// The name of the column of weights.
        column: String,
        /// The weight.
        cell: String,
    },
    /// A row's weight is so small that a float cannot hold it with all its digits.
    #[error(
        "{place}, column {}: the weight {weight:e} is too small, those above 0 must be at least 1.2e-38: multiply all of them by a number",
        quoted(column)
    )]
    SmallWeight {
        /// The row.
        place: Place,
        /// The name of the column of weights.
        column: String,
        /// The weight.
        weight: f32,
    },
    /// All weights together are too large.
    #[error(
        "the weights in column {} of {} add up to {sum:.1e}, and may add up to 3.4e38 at most: divide all of them by a number",
        quoted(column),
        name(file)
    )]
    LargeWeights {
        /// The file.
        file: String,
        /// The name of the column of weights.
        column: String,
        /// Their sum.
        sum: f64,
    },
    /// No row has any weight.
    #[error("every weight in column {} of {} is 0", quoted(column), name(file))]
    NoWeight {
        /// The file.
        file: String,
        /// The name of the column of weights.
        column: String,
    },
    /// The column that splits the rows holds an unknown word.
    #[error("{place}, column {}: {} is none of train, validation and test", quoted(column), quoted(cell))]
    SplitWord {
        /// The row.
        place: Place,
        /// The column's name.
        column: String,
        /// The cell.
        cell: String,
    },
    /// The column that splits the rows leaves a part empty.
    #[error("column {} of {} has no row with {part}", quoted(column), name(file))]
    EmptyPart {
        /// The file.
        file: String,
        /// The column's name.
        column: String,
        /// The words of the part that is empty.
        part: &'static str,
    },
    /// A column of folds has an empty cell, or the same fold in every row.
    #[error("column {} of {} cannot split the rows into folds: {reason}", quoted(column), name(file))]
    FoldColumn {
        /// The file.
        file: String,
        /// The column's name.
        column: String,
        /// Why not.
        reason: String,
    },
    /// There cannot be so many folds.
    #[error("{folds} folds are impossible with {rows} rows: give a number from 2 to {rows}")]
    Folds {
        /// The number of folds.
        folds: usize,
        /// The number of rows.
        rows: usize,
    },
    /// No feature tells rows apart.
    #[error("no column of {} has anything to learn from in the rows to train on: {}", name(file), reasons.join(", "))]
    NothingToLearn {
        /// The file.
        file: String,
        /// Why each column was dropped.
        reasons: Vec<String>,
    },
    /// A class cannot have rows on both sides of the split.
    #[error(
        "only one row of {} has the label {}: at least two are needed, one to train on and one to hold out",
        name(file),
        quoted(label)
    )]
    LonelyRow {
        /// The file.
        file: String,
        /// The label.
        label: String,
    },
    /// So few rows cannot be split.
    #[error(
        "{rows} rows cannot be split into rows to train on and rows to hold out: at least two of a class are needed"
    )]
    FewRows {
        /// The number of rows.
        rows: usize,
    },
    /// The share of rows to hold out is not strictly between 0 and 1.
    #[error("the fraction of rows to hold out is {fraction}: it must lie between 0 and 1, both excluded")]
    Fraction {
        /// The share.
        fraction: f64,
    },
    /// The description of the table inside a model file cannot be used.
    #[error("the description of the table in {} cannot be used: {reason}", name(file))]
    Pipeline {
        /// The model file.
        file: String,
        /// Why not.
        reason: String,
    },
}

impl Error {
    /// The column that could be left out to be rid of the fault, if there is one: the name of the feature column
    /// with the faulty cell, or nothing between quotes for a column without a name.
    pub fn avoidable_column(&self) -> Option<&str> {
        match self {
            Error::NotANumber { column, .. }
            | Error::NotADate { column, .. }
            | Error::NotFinite { column, .. }
            | Error::Unsupported { column, .. }
            | Error::WrongType { column, .. }
            | Error::DuplicateColumn { column, .. } => Some(column),
            Error::UnnamedColumn { .. } => Some(""),
            _ => None,
        }
    }
}

/// The most columns that an error lists.
pub(crate) const MAX_LISTED: usize = 20;

/// The longest piece of a file's text that an error repeats, in characters.
const MAX_QUOTED: usize = 60;

/// A file's name in backticks; escaped, because names may hold line ends.
fn name(file: &str) -> String {
    format!("`{}`", file.escape_debug())
}

/// Says that lines are skipped.
fn behind(skipped: u64) -> String {
    if skipped == 0 { String::new() } else { format!(" behind the {skipped} lines that are skipped") }
}

/// Text out of a file in backticks: escaped, and cut if it is long.
pub(crate) fn quoted(text: &str) -> String {
    let shown: String = text.chars().take(MAX_QUOTED).collect();
    let ellipsis = if shown.len() < text.len() { "..." } else { "" };
    format!("`{}{ellipsis}`", shown.escape_debug())
}

/// The first `at_most` names, and a sign that there are more.
pub(crate) fn list(names: &[String], at_most: usize) -> String {
    let mut shown: Vec<String> = names.iter().take(at_most).map(|name| quoted(name)).collect();
    if names.len() > at_most {
        shown.push("...".to_owned());
    }
    shown.join(", ")
}

/// The column that may have been meant, or the columns that there are.
fn near(wanted: &str, columns: &[String]) -> String {
    /// Similarity (Jaro-Winkler, 0 to 1) from which a name is more likely misspelt than another one.
    const ALIKE: f64 = 0.8;
    let (wanted, mut best) = (wanted.to_lowercase(), (ALIKE, None));
    for column in columns {
        let similarity = strsim::jaro_winkler(&wanted, &column.to_lowercase());
        if similarity > best.0 {
            best = (similarity, Some(column));
        }
    }
    match best.1 {
        Some(column) => format!("did you mean {}?", quoted(column)),
        None => format!("its columns are {}", list(columns, MAX_LISTED)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| name.to_string()).collect()
    }

    #[test]
    fn a_misspelt_column_is_recognised() {
        let columns = names(&["mean_radius", "diagnosis"]);
        assert_eq!(near("diagnosys", &columns), "did you mean `diagnosis`?");
        assert_eq!(near("DIAGNOSIS", &columns), "did you mean `diagnosis`?");
        assert_eq!(near("price", &columns), "its columns are `mean_radius`, `diagnosis`");
    }

    #[test]
    fn text_out_of_files_stays_on_one_short_line() {
        assert_eq!(quoted("a\nb\0"), "`a\\nb\\0`");
        assert_eq!(quoted(&"x".repeat(10_000)).len(), MAX_QUOTED + 5);
        assert_eq!(list(&names(&["a", "b", "c"]), 2), "`a`, `b`, ...");
        let place = Place { file: "two\nlines.csv".to_owned(), row: 1, line: Some(2) };
        assert_eq!(place.to_string(), "`two\\nlines.csv`, row 1 (line 2)");
    }
}
