//! The header of a table: which columns there are, and which of them are features.

use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::error::{MAX_LISTED, list};
use crate::{Error, Result};

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
    ///
    /// # Errors
    /// [`Error::NoHeader`] if every cell is a number: then the line is a row of data.
    pub(crate) fn new(file: &str, columns: Vec<String>) -> Result<Self> {
        if columns.iter().all(|column| column.parse::<f64>().is_ok()) {
            return Err(Error::NoHeader { file: file.to_owned() });
        }
        let mut positions = HashMap::with_capacity(columns.len());
        for (position, column) in columns.iter().enumerate() {
            positions.entry(column.clone()).and_modify(|place| *place = None).or_insert(Some(position));
        }
        Ok(Self { file: file.to_owned(), columns, positions })
    }

    /// The file whose header this is.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The names of all columns, in the order of the file.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The feature columns of a training table: all but the target and the ignored ones, in the order of the file.
    ///
    /// # Errors
    /// If the target or an ignored column does not exist, if no feature is left, or if a feature's name is empty or
    /// not unique.
    pub fn features(&self, target: &str, ignored: &[String]) -> Result<Vec<String>> {
        self.position(target)?;
        let mut left_out = HashSet::from([target]);
        for column in ignored {
            if !self.positions.contains_key(column) {
                return Err(self.missing(column));
            }
            left_out.insert(column);
        }
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

    fn header(columns: &[&str]) -> Result<Header> {
        Header::new("t.csv", columns.iter().map(|column| column.to_string()).collect())
    }

    fn complaint(columns: &[&str], target: &str, ignored: &[&str]) -> String {
        let ignored: Vec<String> = ignored.iter().map(|column| column.to_string()).collect();
        header(columns).unwrap().features(target, &ignored).unwrap_err().to_string()
    }

    #[test]
    fn features_are_what_is_neither_target_nor_ignored() {
        let features = header(&["id", "a", "t", "b"]).unwrap().features("t", &["id".to_owned()]).unwrap();
        assert_eq!(features, ["a", "b"]);
    }

    #[test]
    fn columns_that_are_left_out_may_lack_a_name_of_their_own() {
        let features = header(&["", "a", "x", "x", "t"]).unwrap().features("t", &["".to_owned(), "x".to_owned()]);
        assert_eq!(features.unwrap(), ["a"]);
    }

    #[test]
    fn faults_name_the_column() {
        assert!(complaint(&["a", "kind"], "kinds", &[]).contains("did you mean `kind`?"));
        assert!(complaint(&["a", "t"], "t", &["b"]).contains("no column `b`"));
        assert!(complaint(&["a", "a", "t"], "t", &[]).contains("several columns named `a`"));
        assert!(complaint(&["a", "t", "t"], "t", &[]).contains("several columns named `t`"));
        assert!(complaint(&["a", "", "t"], "t", &[]).contains("column 2 of `t.csv` has no name"));
        assert!(complaint(&["t"], "t", &[]).contains("no feature columns"));
    }

    #[test]
    fn a_row_of_numbers_is_not_a_header() {
        assert!(matches!(header(&["3.6216", "8.6661", "0"]), Err(Error::NoHeader { .. })));
        assert!(header(&["2019", "2020", "kind"]).is_ok());
    }
}
