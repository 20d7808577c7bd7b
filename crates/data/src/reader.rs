//! Reading a table, whatever the format of its file.

use std::fmt;
use std::io::BufRead;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;

#[cfg(feature = "arrow")]
use crate::arrow::Arrow;
use crate::delimited::Delimited;
use crate::idx::{Idx, labels_beside};
use crate::infer::Inferred;
use crate::libsvm::Libsvm;
use crate::table::{Block, Blocks};
use crate::{Column, Error, Header, Result, Source, Table};

/// The name of the column of labels in formats that do not name it.
pub const LABEL: &str = "label";

/// The formats of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Text with a delimiter between cells.
    Csv,
    /// Text with a label and `index:value` pairs in each line.
    Libsvm,
    /// Images as those of MNIST.
    Idx,
    /// Parquet.
    Parquet,
    /// Arrow IPC, the file format (also called Feather 2) or the streaming format.
    Arrow,
}

impl Format {
    const NAMES: [(Format, &str); 5] = [
        (Format::Csv, "csv"),
        (Format::Libsvm, "libsvm"),
        (Format::Idx, "idx"),
        (Format::Parquet, "parquet"),
        (Format::Arrow, "arrow"),
    ];

    /// The format of a file with this beginning.
    fn recognise(beginning: &[u8]) -> Self {
        match beginning {
            [b'P', b'A', b'R', b'1', ..] => Format::Parquet,
            [b'A', b'R', b'R', b'O', b'W', b'1', ..] | [0xff, 0xff, 0xff, 0xff, ..] => Format::Arrow,
            _ if Idx::recognises(beginning) => Format::Idx,
            _ if Libsvm::recognises(beginning) => Format::Libsvm,
            _ => Format::Csv,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Format::NAMES.iter().find(|(format, _)| format == self);
        formatter.write_str(name.map_or("", |(_, name)| name))
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let format = Format::NAMES.iter().find(|(_, name)| *name == text);
        format.map(|(format, _)| *format).ok_or_else(|| {
            let names: Vec<&str> = Format::NAMES.iter().map(|(_, name)| *name).collect();
            format!("give one of {}", names.join(", "))
        })
    }
}

/// How to read a file. All but `format` and `labels` are for CSV only.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadOptions {
    /// The format, or nothing to recognise it by the file's beginning.
    pub format: Option<Format>,
    /// The byte between cells, or nothing to take the most frequent one of comma, semicolon, tab and `|` in the first
    /// line.
    pub delimiter: Option<u8>,
    /// The byte around cells that contain delimiters.
    pub quote: u8,
    /// Whether the first line has the names of the columns; else they are named 1, 2, ...
    pub has_header: bool,
    /// Lines before the header, or before the first row, that are no part of the table.
    pub skip_lines: u64,
    /// The labels of an IDX file, or nothing to look for a file beside it that has the same name but for `labels` in the
    /// place of `images`.
    pub labels: Option<PathBuf>,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self { format: None, delimiter: None, quote: b'"', has_header: true, skip_lines: 0, labels: None }
    }
}

impl ReadOptions {
    /// The files that are read for the table at `path`: if it holds images, those of their labels, too.
    pub fn files(&self, path: &Path) -> Vec<PathBuf> {
        let labels = self.labels.clone().or_else(|| labels_beside(path));
        [path.to_owned()].into_iter().chain(labels).collect()
    }
}

/// A column to read, and where it is in the file, counted from 0.
pub(crate) struct Wanted {
    pub(crate) position: usize,
    pub(crate) column: Column,
}

impl Wanted {
    /// The complaint that the file has `found` in the place of what the column holds.
    pub(crate) fn wrong_type(&self, source: &Source, found: &str) -> Error {
        Error::WrongType {
            file: source.name().to_owned(),
            column: self.column.name().to_owned(),
            wanted: self.column.kind().to_string(),
            found: found.to_owned(),
        }
    }
}

/// A file of which the names of the columns are known, and of which nothing else has been kept.
///
/// CSV is UTF-8, with or without a byte order mark; lines end in LF or CRLF; blanks around a cell and blank lines do not
/// count. Only the columns that are asked for need to make sense. Text files may be compressed with gzip, and IDX files,
/// too. A cell that is empty, `?`, `NA`, `N/A`, `NaN`, `null`, `None` or the like is missing.
#[derive(Debug)]
pub struct TableReader {
    source: Source,
    header: Header,
    format: Format,
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    Csv(Delimited),
    Libsvm(Libsvm),
    Idx(Idx),
    #[cfg(feature = "arrow")]
    Arrow(Arrow),
}

impl TableReader {
    /// Opens a file and reads the names of its columns.
    ///
    /// # Errors
    /// If the file cannot be read, is empty, or has no header although it should.
    pub fn open(source: Source, options: &ReadOptions) -> Result<Self> {
        let format = match options.format {
            Some(format) => format,
            None => {
                let mut stream = source.open()?;
                let beginning = stream.fill_buf();
                let file = || source.name().to_owned();
                Format::recognise(beginning.map_err(|reason| Error::Unreadable { file: file(), reason })?)
            }
        };
        let (inner, names) = match format {
            Format::Csv => Delimited::open(&source, options).map(|(inner, names)| (Inner::Csv(inner), names)),
            Format::Libsvm => Libsvm::open(&source).map(|(inner, names)| (Inner::Libsvm(inner), names)),
            Format::Idx => Idx::open(&source, options).map(|(inner, names)| (Inner::Idx(inner), names)),
            #[cfg(feature = "arrow")]
            Format::Parquet | Format::Arrow => {
                Arrow::open(&source, format).map(|(inner, names)| (Inner::Arrow(inner), names))
            }
            #[cfg(not(feature = "arrow"))]
            Format::Parquet | Format::Arrow => Err(Error::Damaged {
                file: source.name().to_owned(),
                reason: "this program was built without the feature `arrow`, which reads Parquet and Arrow".to_owned(),
            }),
        }?;
        let header = Header::new(source.name(), names);
        Ok(Self { source, header, format, inner })
    }

    /// The names of the columns.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The format, whether given or recognised.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The delimiter between the cells of a CSV file, whether given or found.
    pub fn delimiter(&self) -> Option<char> {
        match &self.inner {
            Inner::Csv(csv) => csv.delimiter(),
            _ => None,
        }
    }

    /// Finds out the types of the named columns; those of a text file from every cell of theirs.
    ///
    /// # Errors
    /// If there is no such column, or a row is damaged, or the header looks like a row of data.
    pub fn infer(&self, columns: &[String]) -> Result<Vec<Inferred>> {
        let places = columns.iter().map(|name| Ok((self.position(name)?, name.as_str())));
        let places: Vec<(usize, &str)> = places.collect::<Result<_>>()?;
        match &self.inner {
            Inner::Csv(csv) => csv.infer(&self.source, &places),
            Inner::Libsvm(libsvm) => libsvm.infer(&self.source, &places),
            Inner::Idx(idx) => idx.infer(&places),
            #[cfg(feature = "arrow")]
            Inner::Arrow(arrow) => arrow.infer(&self.source, &places),
        }
    }

    /// Reads all rows of these columns. A cell takes four bytes; besides there is one block of 4 MiB, and each column of
    /// categories has a [`Dictionary`](crate::Dictionary).
    ///
    /// # Errors
    /// If there is no such column, no row, a row with too many or too few cells, or a cell that is not what its column
    /// holds.
    pub fn read(&self, columns: Vec<Column>) -> Result<Table> {
        let mut blocks = Vec::new();
        let columns = self.read_blocks(columns, |block| -> Result<()> {
            blocks.push(block);
            Ok(())
        })?;
        Ok(Table::new(self.source.name(), columns, blocks))
    }

    /// Reads some rows, counted from 0, of these columns: those of the range that are in the table. Takes the memory of those
    /// rows; the other ones are read, too, and have to make sense.
    ///
    /// # Errors
    /// As [`TableReader::read`], or if no row of the range is in the table.
    pub fn read_rows(&self, columns: Vec<Column>, range: Range<usize>) -> Result<Table> {
        let (width, mut blocks, mut first) = (columns.len(), Vec::new(), 0);
        let mut keep = |block| -> Result<()> {
            blocks.push(block);
            Ok(())
        };
        let mut kept = Blocks::new(width, &mut keep);
        let columns = self.read_blocks(columns, |block| -> Result<()> {
            for row in (0..block.rows()).filter(|row| range.contains(&(first + row))) {
                (0..width).for_each(|column| kept.set(column, block.column(column)[row]));
                kept.end_row()?;
            }
            first += block.rows();
            Ok(())
        })?;
        let file = self.source.name();
        if kept.rows() == 0 {
            return Err(Error::MissingRow { file: file.to_owned(), row: range.start + 1, rows: first });
        }
        kept.finish(file)?;
        Ok(Table::new(file, columns, blocks).beginning_at(range.start))
    }

    /// Reads all rows of these columns, and gives them away in blocks of at most 4 MiB. Returns the columns with all of
    /// their labels. `sink` may stop the reading by an error.
    ///
    /// # Errors
    /// As [`TableReader::read`].
    pub fn read_blocks<E: From<Error>>(
        &self,
        columns: Vec<Column>,
        mut sink: impl FnMut(Block) -> std::result::Result<(), E>,
    ) -> std::result::Result<Vec<Column>, E> {
        let wanted = columns.into_iter().map(|column| Ok(Wanted { position: self.position(column.name())?, column }));
        let mut wanted: Vec<Wanted> = wanted.collect::<Result<_>>()?;
        let mut rows = 0_usize;
        let mut counted = |block: Block| {
            rows += block.rows();
            match u32::try_from(rows) {
                Ok(_) => sink(block),
                Err(_) => {
                    let (file, what) = (self.source.name().to_owned(), format!("it has more than {} rows", u32::MAX));
                    Err(Error::TooLarge { file, what }.into())
                }
            }
        };
        let mut blocks = Blocks::new(wanted.len(), &mut counted);
        match &self.inner {
            Inner::Csv(csv) => csv.read(&self.source, &mut wanted, &mut blocks)?,
            Inner::Libsvm(libsvm) => libsvm.read(&self.source, &mut wanted, &mut blocks)?,
            Inner::Idx(idx) => idx.read(&self.source, &mut wanted, &mut blocks)?,
            #[cfg(feature = "arrow")]
            Inner::Arrow(arrow) => arrow.read(&self.source, &mut wanted, &mut blocks)?,
        }
        blocks.finish(self.source.name())?;
        Ok(wanted.into_iter().map(|wanted| wanted.column).collect())
    }

    /// The place of a column in the file. A LIBSVM file has every possible index, although it writes no zeros.
    fn position(&self, column: &str) -> Result<usize> {
        match (self.header.position(column), &self.inner) {
            (Err(error), Inner::Libsvm(_)) => Libsvm::position(column).ok_or(error),
            (position, _) => position,
        }
    }
}
