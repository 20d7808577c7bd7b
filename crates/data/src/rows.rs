//! The rows of a CSV file, one after the other, and the cells in them.

use std::io::{BufRead, Cursor, Read};

use csv::{ByteRecord, ReaderBuilder, Terminator};

use crate::{Error, Place, Result, Source};

/// The delimiters that are looked for when none is given; of equally frequent ones the first wins.
const DELIMITERS: [u8; 4] = *b",;\t|";

/// How the cells of a CSV file are written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dialect {
    /// The byte between cells, or nothing to find it in the first line.
    pub(crate) delimiter: Option<u8>,
    /// The byte around cells that contain delimiters.
    pub(crate) quote: u8,
    /// Lines at the beginning that are no part of the table.
    pub(crate) skip_lines: u64,
}

/// A CSV file as a stream of rows.
pub(crate) struct Rows<'a> {
    file: &'a str,
    delimiter: u8,
    reader: csv::Reader<Box<dyn Read>>,
    record: ByteRecord,
    skip_lines: u64,
    /// Rows read so far, the header included.
    count: u64,
    /// The line on which the last one began.
    line: u64,
    /// Whether the row behind the file has been read.
    is_at_end: bool,
}

/// The cell of the row that is put behind the file.
const LAST: &[u8] = b"\n";

/// What some programs write in front of UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

impl<'a> Rows<'a> {
    pub(crate) fn open(source: &'a Source, dialect: Dialect) -> Result<Self> {
        let file = source.name();
        let unreadable = |reason| Error::Unreadable { file: file.to_owned(), reason };
        let mut stream = source.open()?;
        for _ in 0..dialect.skip_lines {
            stream.skip_until(b'\n').map_err(unreadable)?;
        }
        // `csv` would leave it out, too, but count its bytes.
        if stream.fill_buf().map_err(unreadable)?.starts_with(BYTE_ORDER_MARK) {
            stream.consume(BYTE_ORDER_MARK.len());
        }
        let delimiter = match dialect.delimiter {
            Some(delimiter) => delimiter,
            None => most_frequent_delimiter(stream.fill_buf().map_err(unreadable)?, dialect.quote),
        };
        // With rows that end in LF and in nothing else, and an LF after the last one, the line counter of `csv` stands
        // exactly one past the row that was just read. A CR before the LF counts as a blank at the end of a cell.
        // The quote behind that LF begins a row of its own, or else ends a cell that began with a quote and never ended.
        let stream: Box<dyn Read> = Box::new(stream.chain(Cursor::new([b'\n', dialect.quote, b'\n'])));
        let reader = ReaderBuilder::new()
            .delimiter(delimiter)
            .quote(dialect.quote)
            .terminator(Terminator::Any(b'\n'))
            .has_headers(false)
            .flexible(true)
            .from_reader(stream);
        Ok(Self {
            file,
            delimiter,
            reader,
            record: ByteRecord::new(),
            skip_lines: dialect.skip_lines,
            count: 0,
            line: 0,
            is_at_end: false,
        })
    }

    pub(crate) fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// Counts rows from 1 although no header has been read.
    pub(crate) fn without_header(mut self) -> Self {
        self.count = 1;
        self
    }

    /// The next row that is not blank.
    pub(crate) fn next(&mut self) -> Result<Option<Row<'_>>> {
        loop {
            let before = self.reader.position().clone();
            match self.reader.read_byte_record(&mut self.record) {
                Ok(true) => {}
                Ok(false) if self.is_at_end => return Ok(None),
                Ok(false) => return Err(Error::OpenQuote { file: self.file.to_owned(), line: self.line }),
                Err(error) => return Err(Error::Unreadable { file: self.file.to_owned(), reason: error.into() }),
            }
            // The bytes of a cell without quotes are all that was read, but for line ends. Around a cell there are two quotes
            // more; the row behind the file has one, and no line end behind it.
            let position = self.reader.position();
            let (bytes, lines) = (position.byte() - before.byte(), position.line() - before.line());
            let is_blank = self.record.len() == 1
                && self.record[0].trim_ascii().is_empty()
                && self.record[0].len() as u64 + lines == bytes;
            self.is_at_end = is_blank && &self.record[0] == LAST;
            if !is_blank {
                break;
            }
        }
        self.count += 1;
        let lines_inside = self.record.as_slice().iter().filter(|&&byte| byte == b'\n').count() as u64;
        self.line = self.reader.position().line() - 1 - lines_inside + self.skip_lines;
        Ok(Some(Row { file: self.file, record: &self.record, number: self.count - 1, line: self.line }))
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
        Place { file: self.file.to_owned(), row: self.number, line: Some(self.line) }
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
}

/// The delimiter that the first line that is not blank holds most of, outside quotes.
fn most_frequent_delimiter(beginning: &[u8], quote: u8) -> u8 {
    let mut counts = [0_usize; DELIMITERS.len()];
    let mut quoted = false;
    let lines = beginning.split_inclusive(|byte| *byte == b'\n');
    let blank: usize = lines.take_while(|line| line.trim_ascii().is_empty()).map(<[u8]>::len).sum();
    for &byte in &beginning[blank..] {
        match byte {
            _ if byte == quote => quoted = !quoted,
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
    fn read(text: &str, quote: u8, skip_lines: u64) -> Vec<(u64, u64, Vec<String>)> {
        let source = Source::memory("t.csv", text.as_bytes());
        let mut rows = Rows::open(&source, Dialect { delimiter: None, quote, skip_lines }).unwrap();
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
            let numbers: Vec<(u64, u64)> = read(text, b'"', 0).iter().map(|row| (row.0, row.1)).collect();
            assert_eq!(numbers, [(0, 1), (1, 2), (2, 4), (3, 8)], "{text:?}");
        }
    }

    #[test]
    fn cells_lose_blanks_and_quotes() {
        let rows = read("\u{feff} a , \"b\"\r\n\" 1 \", 2\r\n", b'"', 0);
        assert_eq!(rows[0].2, ["a", "\"b\""]);
        assert_eq!(rows[1].2, ["1", "2"]);
        assert_eq!(read("'a;b';c\n", b'\'', 0)[0].2, ["a;b", "c"]);
    }

    #[test]
    fn lines_can_be_skipped() {
        let rows = read("150;4;x,\n\"\na,b\n\n1,2\n", b'"', 2);
        assert_eq!(rows.iter().map(|row| (row.1, row.2.len())).collect::<Vec<_>>(), [(3, 2), (5, 2)]);
        assert!(read("a,b\n", b'"', 9).is_empty());
    }

    #[test]
    fn a_quote_that_never_closes_is_a_fault() {
        for (text, line) in [
            ("a,b\n1,\"x\n2,y\n3,z\n", 2),
            ("a,b\n\n1,\"x\n2,y\n\n", 3),
            ("a,b\n1,x\n2,\"y", 3),
            ("a,b\n1,x\n2,\"y\"\"\n", 3),
            ("a,\"b\n1,2\n", 1),
            ("a,b\n\"\n\"\n1,\"x\n", 4),
            ("a\n1\n\"", 3),
        ] {
            let source = Source::memory("t.csv", text.as_bytes());
            let mut rows = Rows::open(&source, Dialect { delimiter: None, quote: b'"', skip_lines: 0 }).unwrap();
            let error = loop {
                match rows.next() {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("{text:?}: no error"),
                    Err(error) => break error.to_string(),
                }
            };
            assert!(error.starts_with(&format!("`t.csv`, line {line}: a cell that begins with a quote")), "{error}");
        }
        for text in ["a,b\n1,\"x\n\"\n", "a,b\n1,\"x\n\"", "a,b\n1,\"x\"\"\"", "a,b\n1,5\"", "a,b\n1,x\n\n \n"] {
            assert_eq!(read(text, b'"', 0).len(), 2, "{text:?}");
        }
    }

    #[test]
    fn a_cell_between_quotes_is_a_row_even_if_it_is_blank() {
        for (text, lines) in [
            ("a\n1\n\"\"\n2\n", &[1, 2, 3, 4][..]),
            ("\"\"\n\n\"\"\n", &[1, 3]),
            ("\u{feff}\r\n \r\na\r\n\r\n\"\"\r\n \r\n2\r\n\"\"", &[3, 5, 7, 8]),
            ("a\n\n \n\n\" \" \n  \n1\n", &[1, 5, 7]),
            ("a\n\"\n\"\n1\n", &[1, 2, 4]),
            ("a,b\n1,x\n\"\n\"\n", &[1, 2, 3]),
            ("a\n\"\"\n\n", &[1, 2]),
        ] {
            let rows = read(text, b'"', 0);
            assert_eq!(rows.iter().map(|row| row.1).collect::<Vec<_>>(), lines, "{text:?}");
            assert!(rows.iter().map(|row| row.0).eq(0..lines.len() as u64), "{text:?}");
        }
    }

    #[test]
    fn the_first_line_tells_the_delimiter() {
        for (line, delimiter) in [
            ("a,b", b','),
            ("a;b;c", b';'),
            ("a\tb", b'\t'),
            ("a|b", b'|'),
            ("a", b','),
            ("\"x,y,z\";b\n,,,,", b';'),
            ("\r\n \na;b\n,,", b';'),
            ("\ta", b'\t'),
        ] {
            assert_eq!(most_frequent_delimiter(line.as_bytes(), b'"'), delimiter, "{line}");
        }
    }
}
