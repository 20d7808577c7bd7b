//! The rows of a CSV file, one after the other, and the cells in them.

use std::io::{BufRead, Read};

use csv::{ByteRecord, ReaderBuilder, Terminator};

use crate::{Error, Place, Result};

/// The delimiters that are looked for when none is given; of equally frequent ones the first wins.
const DELIMITERS: [u8; 4] = *b",;\t|";

/// A CSV file as a stream of rows, the header being the first of them.
pub(crate) struct Rows {
    file: String,
    delimiter: u8,
    reader: csv::Reader<Box<dyn Read>>,
    record: ByteRecord,
    /// Rows read so far, the header included.
    count: u64,
}

impl Rows {
    pub(crate) fn new(file: String, mut source: impl BufRead + 'static, delimiter: Option<u8>) -> Result<Self> {
        let delimiter = match delimiter {
            Some(delimiter) => delimiter,
            None => match source.fill_buf() {
                Ok(beginning) => most_frequent_delimiter(beginning),
                Err(reason) => return Err(Error::Unreadable { file, reason }),
            },
        };
        // With rows that end in LF and in nothing else, and an LF after the last one, the line counter of `csv` stands
        // exactly one past the row that was just read. A CR before the LF counts as a blank at the end of a cell.
        let source: Box<dyn Read> = Box::new(source.chain(&b"\n"[..]));
        let reader = ReaderBuilder::new()
            .delimiter(delimiter)
            .terminator(Terminator::Any(b'\n'))
            .has_headers(false)
            .flexible(true)
            .from_reader(source);
        Ok(Self { file, delimiter, reader, record: ByteRecord::new(), count: 0 })
    }

    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    pub(crate) fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// The next row that is not blank.
    pub(crate) fn next(&mut self) -> Result<Option<Row<'_>>> {
        loop {
            match self.reader.read_byte_record(&mut self.record) {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(error) => return Err(Error::Unreadable { file: self.file.clone(), reason: error.into() }),
            }
            if self.record.len() > 1 || !self.record[0].trim_ascii().is_empty() {
                break;
            }
        }
        self.count += 1;
        let lines_inside = self.record.as_slice().iter().filter(|&&byte| byte == b'\n').count() as u64;
        let line = self.reader.position().line() - 1 - lines_inside;
        // A quote that is never closed swallows the last LF, too; then `csv` knows better where the row began.
        let line = line.max(self.record.position().map_or(line, |position| position.line()));
        Ok(Some(Row { file: &self.file, record: &self.record, number: self.count - 1, line }))
    }
}

/// One row.
pub(crate) struct Row<'a> {
    file: &'a str,
    record: &'a ByteRecord,
    /// Counted from 0, which is the header.
    number: u64,
    line: u64,
}

impl Row<'_> {
    pub(crate) fn place(&self) -> Place {
        Place { file: self.file.to_owned(), row: self.number, line: self.line }
    }

    /// The number of cells.
    pub(crate) fn len(&self) -> usize {
        self.record.len()
    }

    /// A cell without the blanks around it.
    pub(crate) fn text(&self, position: usize) -> Result<&str> {
        match std::str::from_utf8(&self.record[position]) {
            Ok(cell) => Ok(cell.trim()),
            Err(_) => Err(Error::NotUtf8 { file: self.file.to_owned(), line: self.line, position: position + 1 }),
        }
    }

    /// A cell as a finite number; `column` is its name.
    pub(crate) fn number(&self, position: usize, column: &str) -> Result<f32> {
        let cell = self.text(position)?;
        let column = || column.to_owned();
        if cell.is_empty() {
            return Err(Error::EmptyCell { place: self.place(), column: column() });
        }
        match cell.parse::<f64>().map(|number| number as f32) {
            Ok(number) if number.is_finite() => Ok(number),
            Ok(_) => Err(Error::NotFinite { place: self.place(), column: column(), cell: cell.to_owned() }),
            Err(_) => Err(Error::NotANumber { place: self.place(), column: column(), cell: cell.to_owned() }),
        }
    }
}

/// The delimiter that the first line holds most of, outside quotes.
fn most_frequent_delimiter(beginning: &[u8]) -> u8 {
    let mut counts = [0_usize; DELIMITERS.len()];
    let mut quoted = false;
    for &byte in beginning {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => break,
            _ if quoted => {}
            _ => {
                if let Some(found) = DELIMITERS.iter().position(|&delimiter| delimiter == byte) {
                    counts[found] += 1;
                }
            }
        }
    }
    let mut best = 0;
    for candidate in 1..DELIMITERS.len() {
        if counts[candidate] > counts[best] {
            best = candidate;
        }
    }
    DELIMITERS[best]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every row as (number, line, cells).
    fn read(text: &'static str) -> Vec<(u64, u64, Vec<String>)> {
        let mut rows = Rows::new("t.csv".to_owned(), text.as_bytes(), None).unwrap();
        let mut all = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            let cells = (0..row.len()).map(|position| row.text(position).unwrap().to_owned()).collect();
            all.push((row.number, row.line, cells));
        }
        all
    }

    #[test]
    fn rows_know_their_line_whatever_stands_between_them() {
        for text in [
            "a,b\n1,2\n\n3,\"x\ny\"\n\n  \n5,6\n",
            "a,b\n1,2\n\n3,\"x\ny\"\n\n\n5,6",
            "\u{feff}a,b\r\n1,2\r\n\r\n3,\"x\ny\"\r\n\r\n\r\n5,6\r\n",
            "a,b\r\n1,2\r\n\r\n3,\"x\ny\"\r\n \r\n\r\n5,6\r\n\r\n\r\n",
        ] {
            let numbers: Vec<(u64, u64)> = read(text).iter().map(|row| (row.0, row.1)).collect();
            assert_eq!(numbers, [(0, 1), (1, 2), (2, 4), (3, 8)], "{text:?}");
        }
    }

    #[test]
    fn cells_lose_blanks_and_quotes() {
        let rows = read("\u{feff} a , \"b\"\r\n\" 1 \", 2\r\n");
        assert_eq!(rows[0].2, ["a", "\"b\""]);
        assert_eq!(rows[1].2, ["1", "2"]);
    }

    #[test]
    fn the_first_line_tells_the_delimiter() {
        for (line, delimiter) in
            [("a,b", b','), ("a;b;c", b';'), ("a\tb", b'\t'), ("a|b", b'|'), ("a", b','), ("\"x,y,z\";b\n,,,,", b';')]
        {
            assert_eq!(most_frequent_delimiter(line.as_bytes()), delimiter, "{line}");
        }
    }
}
