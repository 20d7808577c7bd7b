//! The names of a table's columns, and which of them are features.

use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::error::{MAX_LISTED, list};
use crate::{Column, Error, Result};

/// The column names of a file.
#[derive(Debug, Clone)]
pub struct Header {
    file: String,
    columns: Vec<String>,
    /// The place of each name, or nothing for a name that several columns have.
    positions: HashMap<String, Option<usize>>,
}

impl Header {
    /// Takes the cells of the header line, already without blanks around them.
    pub(crate) fn new(file: &str, columns: Vec<String>) -> Self {
        let mut positions = HashMap::with_capacity(columns.len());
        for (position, column) in columns.iter().enumerate() {
            positions.entry(column.clone()).and_modify(|place| *place = None).or_insert(Some(position));
        }
        Self { file: file.to_owned(), columns, positions }
    }

    /// The names of these columns of `file`.
    pub(crate) fn of(file: &str, columns: &[Column]) -> Self {
        Self::new(file, columns.iter().map(|column| column.name().to_owned()).collect())
    }

    /// Names for the columns of a file that names none: their places, counted from 1.
    pub(crate) fn numbered(count: usize) -> Vec<String> {
        (1..=count).map(|place| place.to_string()).collect()
    }

    /// The file whose header this is.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The names of all columns, in the order of the file.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The name of the column that is meant by its name or else by its place, counted from 1.
    ///
    /// # Errors
    /// If there is no such column, or several of that name.
    pub fn resolve(&self, column: &str) -> Result<&str> {
        let position = match (self.position(column), column.parse::<usize>()) {
            (Err(Error::MissingColumn { .. }), Ok(place)) if (1..=self.columns.len()).contains(&place) => place - 1,
            (position, _) => position?,
        };
        let column = &self.columns[position];
        self.position(column).map(|_| column.as_str())
    }

    /// The feature columns of a training table: all but those that are `left_out`, such as the target, in the order of
    /// the file.
    ///
    /// # Errors
    /// If a column that is left out does not exist, if no feature is left, or if a feature's name is empty or not unique.
    pub fn features(&self, left_out: &[String]) -> Result<Vec<String>> {
        if let Some(column) = left_out.iter().find(|column| !self.positions.contains_key(*column)) {
            return Err(self.missing(column));
        }
        let left_out: HashSet<&str> = left_out.iter().map(String::as_str).collect();
        let mut features = Vec::new();
        for (index, column) in self.columns.iter().enumerate() {
            if left_out.contains(column.as_str()) {
                continue;
            }
            if column.is_empty() {
                return Err(Error::UnnamedColumn { file: self.file.clone(), position: index + 1 });
            }
            self.position(column)?;
            features.push(column.clone());
        }
        if features.is_empty() {
            return Err(Error::NoFeatures { file: self.file.clone() });
        }
        Ok(features)
    }

    /// The place of the one column with this name, counted from 0.
    pub(crate) fn position(&self, column: &str) -> Result<usize> {
        match self.positions.get(column) {
            Some(Some(position)) => Ok(*position),
            Some(None) => Err(Error::DuplicateColumn { file: self.file.clone(), column: column.to_owned() }),
            None => Err(self.missing(column)),
        }
    }

    fn missing(&self, column: &str) -> Error {
        Error::MissingColumn { file: self.file.clone(), column: column.to_owned(), columns: self.columns.clone() }
    }
}

/// The names in backticks, the first of them if there are many.
impl fmt::Display for Header {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&list(&self.columns, MAX_LISTED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(columns: &[&str]) -> Header {
        Header::new("t.csv", columns.iter().map(|column| column.to_string()).collect())
    }

    fn features(columns: &[&str], left_out: &[&str]) -> Result<Vec<String>> {
        let left_out: Vec<String> = left_out.iter().map(|column| column.to_string()).collect();
        header(columns).features(&left_out)
    }

    #[test]
    fn features_are_what_is_not_left_out() {
        assert_eq!(features(&["id", "a", "t", "b"], &["t", "id"]).unwrap(), ["a", "b"]);
    }

    #[test]
    fn columns_that_are_left_out_may_lack_a_name_of_their_own() {
        assert_eq!(features(&["", "a", "x", "x", "t"], &["t", "", "x"]).unwrap(), ["a"]);
    }

    #[test]
    fn a_column_is_meant_by_its_name_before_its_place() {
        let header = header(&["2", "b", "kind", "kind"]);
        assert_eq!((header.resolve("2").unwrap(), header.resolve("b").unwrap()), ("2", "b"));
        assert_eq!(header.resolve("1").unwrap(), "2");
        for (column, complaint) in
            [("0", "no column `0`"), ("5", "no column `5`"), ("4", "several"), ("kind", "several")]
        {
            let error = header.resolve(column).unwrap_err().to_string();
            assert!(error.contains(complaint), "{error}");
        }
    }

    #[test]
    fn faults_name_the_column() {
        for (columns, left_out, complaint) in [
            (&["a", "kind"][..], &["kinds"][..], "did you mean `kind`?"),
            (&["a", "t"], &["t", "b"], "no column `b`"),
            (&["a", "a", "t"], &["t"], "several columns named `a`"),
            (&["a", "", "t"], &["t"], "column 2 of `t.csv` has no name"),
            (&["t"], &["t"], "no feature columns"),
        ] {
            let error = features(columns, left_out).unwrap_err().to_string();
            assert!(error.contains(complaint), "{error}");
        }
    }
}
