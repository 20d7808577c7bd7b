//! Reading a table: first its header, then the chosen columns of all its rows.

use std::fs::File;
use std::io::{BufReader, Cursor};
use std::path::Path;

use crate::rows::Rows;
use crate::{Error, Header, Labels, Result};

/// The feature columns of a table, as numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    columns: Vec<String>,
    values: Vec<f32>,
}

impl Table {
    /// The names of the feature columns; there is at least one.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The number of rows, at least one.
    pub fn rows(&self) -> usize {
        self.values.len() / self.columns.len()
    }

    /// The numbers, (rows, columns), row-major. All of them are finite.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The numbers, as [`Table::values`], for keeps.
    pub fn into_values(self) -> Vec<f32> {
        self.values
    }

    /// The numbers of the given rows, counted from 0, one row after the other.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn gather(&self, rows: &[usize]) -> Vec<f32> {
        let width = self.columns.len();
        rows.iter().flat_map(|row| &self.values[row * width..(row + 1) * width]).copied().collect()
    }
}

/// A CSV file whose header has been read, and whose other rows have not.
///
/// The text is UTF-8, with or without a byte order mark; lines end in LF or CRLF; cells may be quoted; blanks around
/// a cell and blank lines do not count. Only the columns that are asked for need to make sense.
pub struct TableReader {
    header: Header,
    rows: Rows,
}

impl TableReader {
    /// Opens a file and reads its header. Without a `delimiter`, the most frequent one of comma, semicolon, tab and
    /// `|` in the first line is taken.
    ///
    /// # Errors
    /// If the file cannot be read, is empty, or has no header.
    pub fn open(path: &Path, delimiter: Option<u8>) -> Result<Self> {
        let name = path.display().to_string();
        match File::open(path) {
            Ok(file) => Self::new(Rows::new(name, BufReader::with_capacity(1 << 16, file), delimiter)?),
            Err(reason) => Err(Error::Unreadable { file: name, reason }),
        }
    }

    /// The same for text in memory, which errors call `name`.
    ///
    /// # Errors
    /// As [`TableReader::open`].
    pub fn from_bytes(name: &str, bytes: impl AsRef<[u8]> + 'static, delimiter: Option<u8>) -> Result<Self> {
        Self::new(Rows::new(name.to_owned(), Cursor::new(bytes), delimiter)?)
    }

    fn new(mut rows: Rows) -> Result<Self> {
        let columns: Vec<String> = match rows.next()? {
            Some(first) => {
                (0..first.len()).map(|position| first.text(position).map(str::to_owned)).collect::<Result<_>>()?
            }
            None => return Err(Error::Empty { file: rows.file().to_owned() }),
        };
        Ok(Self { header: Header::new(rows.file(), columns)?, rows })
    }

    /// The columns of the file.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The delimiter between cells, whether given or found.
    pub fn delimiter(&self) -> char {
        char::from(self.rows.delimiter())
    }

    /// Reads the named columns of all rows, in the order in which they are named.
    ///
    /// # Errors
    /// If there is no such column, no row, a row with too many or too few cells, or a cell that is not a finite number.
    pub fn read(mut self, features: &[String]) -> Result<Table> {
        self.read_rows(features, None)
    }

    /// Reads the named columns and the labels in the target column.
    ///
    /// # Errors
    /// As [`TableReader::read`], and if a label is empty.
    pub fn read_labelled(mut self, features: &[String], target: &str) -> Result<(Table, Labels)> {
        let mut labels = Labels::new(self.header.file(), target);
        let table = self.read_rows(features, Some(&mut labels))?;
        Ok((table, labels))
    }

    fn read_rows(&mut self, features: &[String], mut labels: Option<&mut Labels>) -> Result<Table> {
        let expected = self.header.columns().len();
        let positions: Vec<usize> =
            features.iter().map(|column| self.header.position(column)).collect::<Result<_>>()?;
        let target = labels.as_ref().map(|labels| self.header.position(labels.column())).transpose()?;
        let mut values = Vec::new();
        while let Some(row) = self.rows.next()? {
            if row.len() != expected {
                return Err(Error::RaggedRow { place: row.place(), found: row.len(), expected });
            }
            for (&position, column) in positions.iter().zip(features) {
                values.push(row.number(position, column)?);
            }
            if let (Some(labels), Some(target)) = (&mut labels, target) {
                let label = row.text(target)?;
                if label.is_empty() {
                    return Err(Error::EmptyLabel { place: row.place(), column: labels.column().to_owned() });
                }
                labels.push(label);
            }
        }
        if values.is_empty() {
            return Err(Error::NoRows { file: self.rows.file().to_owned() });
        }
        Ok(Table { columns: features.to_vec(), values })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(bytes: &'static [u8]) -> Result<Table> {
        let reader = TableReader::from_bytes("t.csv", bytes, None)?;
        reader.read(&["a".to_owned(), "b".to_owned()])
    }

    #[test]
    fn columns_come_in_the_order_asked_for() {
        let table = read(b"b,other,a\n2,x,1\n4,\xff,3.5e0\n").unwrap();
        assert_eq!(table.values(), [1.0, 2.0, 3.5, 4.0]);
        assert_eq!((table.rows(), table.gather(&[1])), (2, vec![3.5, 4.0]));
    }

    #[test]
    fn labels_come_with_their_rows() {
        let reader = TableReader::from_bytes("t.csv", b"a;kind\n1; x \n2;y\n3;x\n", None).unwrap();
        assert_eq!(reader.delimiter(), ';');
        let (table, labels) = reader.read_labelled(&["a".to_owned()], "kind").unwrap();
        assert_eq!(table.values(), [1.0, 2.0, 3.0]);
        assert_eq!((labels.names(), labels.codes()), (&["x".to_owned(), "y".to_owned()][..], &[0, 1, 0][..]));
    }

    #[test]
    fn every_fault_names_its_place() {
        for (text, complaint) in [
            (&b""[..], "`t.csv` is empty"),
            (b"\xef\xbb\xbf\r\n \r\n", "`t.csv` is empty"),
            (b"a,b\n", "no data rows"),
            (b"1,2\n3,4\n", "the first line of `t.csv` holds numbers"),
            (b"a,c\n1,2\n", "no column `b`"),
            (b"a,b,b\n1,2,3\n", "several columns named `b`"),
            (b"a,b\n1,2\n3\n", "`t.csv`, row 2 (line 3): the number of cells is 1, but the header has 2 columns"),
            (b"a,b\n1,2,3\n", "row 1 (line 2): the number of cells is 3"),
            (b"a,b\n\n1,\n", "row 1 (line 3), column `b` is empty"),
            (b"a,b\nx\0,2\n", "row 1 (line 2), column `a`: `x\\0` is not a number"),
            (b"a,b\n1,2\n?,2\n", "row 2 (line 3), column `a`: `?` is not a number"),
            (b"a,b\n1,inf\n", "column `b`: `inf` is not a finite number"),
            (b"a,b\n1,NaN\n", "column `b`: `NaN` is not a finite number"),
            (b"a,b\n1,-1e400\n", "column `b`: `-1e400` is not a finite number"),
            (b"a,b\n1,1e39\n", "column `b`: `1e39` is not a finite number"),
            (b"a,b\n1,\xe9\n", "`t.csv`, line 2, cell 2 is not UTF-8"),
            (b"a,\xe9\n1,2\n", "`t.csv`, line 1, cell 2 is not UTF-8"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(complaint), "{error}");
            assert_eq!(error.lines().count(), 1, "{error}");
        }
    }

    #[test]
    fn an_empty_label_is_a_fault() {
        let reader = TableReader::from_bytes("t.csv", b"a,kind\n1,x\n2,\n", None).unwrap();
        let error = reader.read_labelled(&["a".to_owned()], "kind").unwrap_err().to_string();
        assert!(error.contains("row 2 (line 3), target column `kind` is empty"), "{error}");
    }

    #[test]
    fn files_are_read_as_text_in_memory_is() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"a,b\n1,2\n").unwrap();
        let columns = ["a".to_owned(), "b".to_owned()];
        let table = TableReader::open(file.path(), None).unwrap().read(&columns).unwrap();
        assert_eq!(table.values(), [1.0, 2.0]);

        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().to_owned(), folder.path().join("absent.csv")] {
            let error = TableReader::open(&path, None).err().unwrap().to_string();
            assert!(error.starts_with("cannot read"), "{error}");
        }
    }
}
