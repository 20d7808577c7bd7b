//! IDX files, the format of MNIST: an array of numbers for each image, and the labels in a file of their own.
//!
//! A file begins with two zero bytes, the type of its numbers, its rank and its dimensions. The first dimension counts the
//! rows; the others are flattened into columns that are named 1, 2, ... in row-major order. Bytes are divided by 255, so
//! that pixels lie in 0..1; numbers of other types stay as they are.

use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};

use crate::error::Place;
use crate::infer::{FewValues, Inferred};
use crate::reader::{LABEL, ReadOptions, Wanted};
use crate::table::Blocks;
use crate::{Error, Header, Kind, Result, Source};

/// The most numbers in a row.
const MAX_COLUMNS: usize = 1 << 20;

/// Images, and labels if their file was given or found.
#[derive(Debug)]
pub(crate) struct Idx {
    columns: usize,
    labels: Option<Source>,
}

/// The types of the numbers, all of them big-endian.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Type {
    U8,
    I8,
    I16,
    I32,
    F32,
    F64,
}

impl Type {
    fn of(code: u8) -> Option<Self> {
        Some(match code {
            0x08 => Type::U8,
            0x09 => Type::I8,
            0x0b => Type::I16,
            0x0c => Type::I32,
            0x0d => Type::F32,
            0x0e => Type::F64,
            _ => return None,
        })
    }

    fn size(self) -> usize {
        match self {
            Type::U8 | Type::I8 => 1,
            Type::I16 => 2,
            Type::I32 | Type::F32 => 4,
            Type::F64 => 8,
        }
    }

    /// The number in so many bytes as [`Type::size`] says.
    fn number(self, bytes: &[u8]) -> f64 {
        match (self, bytes) {
            (Type::U8, &[a]) => f64::from(a),
            (Type::I8, &[a]) => f64::from(a as i8),
            (Type::I16, &[a, b]) => f64::from(i16::from_be_bytes([a, b])),
            (Type::I32, &[a, b, c, d]) => f64::from(i32::from_be_bytes([a, b, c, d])),
            (Type::F32, &[a, b, c, d]) => f64::from(f32::from_be_bytes([a, b, c, d])),
            (Type::F64, &[a, b, c, d, e, f, g, h]) => f64::from_be_bytes([a, b, c, d, e, f, g, h]),
            _ => unreachable!("bytes are cut into pieces of the type's size"),
        }
    }
}

/// An array that is read row by row.
struct Array<'a> {
    file: &'a str,
    stream: Box<dyn BufRead>,
    kind: Type,
    rows: usize,
    columns: usize,
    row: Vec<u8>,
}

impl<'a> Array<'a> {
    fn open(source: &'a Source) -> Result<Self> {
        let file = source.name();
        let mut array = Self { file, stream: source.open()?, kind: Type::U8, rows: 0, columns: 1, row: vec![0; 4] };
        array.fill()?;
        let [0, 0, kind, rank @ 1..=255] = array.row[..] else {
            return Err(array.damaged("it does not begin as an IDX file does"));
        };
        let Some(kind) = Type::of(kind) else {
            return Err(array.damaged(&format!("its numbers have the unknown type {kind:#04x}")));
        };
        let mut dimensions = Vec::new();
        for _ in 0..rank {
            array.fill()?;
            let &[a, b, c, d] = &array.row[..] else { unreachable!("the buffer has four bytes") };
            dimensions.push(u32::from_be_bytes([a, b, c, d]) as usize);
        }
        let columns = dimensions[1..].iter().try_fold(1_usize, |product, size| product.checked_mul(*size));
        match columns {
            Some(columns @ 1..=MAX_COLUMNS) => array.columns = columns,
            _ => return Err(array.damaged(&format!("its rows have {:?} numbers", &dimensions[1..]))),
        }
        (array.kind, array.rows) = (kind, dimensions[0]);
        array.row = vec![0; array.columns * kind.size()];
        Ok(array)
    }

    fn damaged(&self, reason: &str) -> Error {
        Error::Damaged { file: self.file.to_owned(), reason: reason.to_owned() }
    }

    /// Reads as many bytes as the buffer holds.
    fn fill(&mut self) -> Result<()> {
        self.stream.read_exact(&mut self.row).map_err(|reason| match reason.kind() {
            std::io::ErrorKind::UnexpectedEof => self.damaged("it ends too early"),
            _ => Error::Unreadable { file: self.file.to_owned(), reason },
        })
    }

    /// The next row.
    fn next(&mut self) -> Result<impl Iterator<Item = f64> + '_> {
        self.fill()?;
        let kind = self.kind;
        Ok(self.row.chunks_exact(kind.size()).map(move |bytes| kind.number(bytes)))
    }
}

impl Idx {
    /// Whether a file with this beginning is an IDX file.
    pub(crate) fn recognises(beginning: &[u8]) -> bool {
        matches!(beginning, [0, 0, kind, 1..=255, ..] if Type::of(*kind).is_some())
    }

    /// Reads the dimensions, looks for the labels, and gives the names of the columns.
    pub(crate) fn open(source: &Source, options: &ReadOptions) -> Result<(Self, Vec<String>)> {
        let array = Array::open(source)?;
        let labels = match &options.labels {
            Some(path) => Some(Source::file(path)?),
            None => source.as_path().and_then(labels_beside).map(|path| Source::path(&path)),
        };
        let mut names = Header::numbered(array.columns);
        if let Some(labels) = &labels {
            let labels = Array::open(labels)?;
            if labels.columns != 1 {
                return Err(labels.damaged("it holds more than one label for each image"));
            }
            if labels.rows != array.rows {
                let (labelled, images) = (labels.rows, array.rows);
                return Err(
                    labels.damaged(&format!("it has {labelled} labels, but {} has {images} images", array.file))
                );
            }
            names.push(LABEL.to_owned());
        }
        Ok((Self { columns: array.columns, labels }, names))
    }

    /// The types of the columns: numbers all of them.
    pub(crate) fn infer(&self, columns: &[(usize, &str)]) -> Result<Vec<Inferred>> {
        let mut few = FewValues::default();
        if let Some(labels) = &self.labels {
            let mut labels = Array::open(labels)?;
            for _ in 0..labels.rows {
                labels.next()?.for_each(|label| few.add(&label.to_string(), Some(label)));
            }
        }
        let of = |(position, name): &(usize, &str)| Inferred {
            classes: if *position == self.columns { few.count() } else { None },
            ..Inferred::known(name, Kind::Number)
        };
        Ok(columns.iter().map(of).collect())
    }

    /// Reads the wanted columns of all rows.
    pub(crate) fn read<E: From<Error>>(
        &self,
        source: &Source,
        wanted: &mut [Wanted],
        blocks: &mut Blocks<'_, E>,
    ) -> std::result::Result<(), E> {
        if let Some(wanted) = wanted.iter().find(|wanted| matches!(wanted.column.kind(), Kind::Date(_))) {
            return Err(wanted.wrong_type(source, "numbers").into());
        }
        let mut images = Array::open(source)?;
        let label_place = wanted.iter().position(|wanted| wanted.position == self.columns);
        let mut labels = match (&self.labels, label_place) {
            (Some(labels), Some(place)) => Some((Array::open(labels)?, place)),
            _ => None,
        };
        let scale = if images.kind == Type::U8 { 1.0 / 255.0 } else { 1.0 };
        let mut row = Vec::with_capacity(images.columns);
        for number in 1..=images.rows as u64 {
            let place = || Place { file: source.name().to_owned(), row: number, line: None };
            row.clear();
            row.extend(images.next()?);
            for (place_in_block, wanted) in wanted.iter_mut().enumerate() {
                if let Some(number) = row.get(wanted.position) {
                    blocks.set(place_in_block, wanted.column.number(number * scale, place)?);
                }
            }
            if let Some((labels, place_in_block)) = &mut labels {
                for label in labels.next()? {
                    blocks.set(*place_in_block, wanted[*place_in_block].column.number(label, place)?);
                }
            }
            blocks.end_row()?;
        }
        Ok(())
    }
}

/// The labels that belong to the images at `path` by their names, as `train-labels-idx1-ubyte` does to
/// `train-images-idx3-ubyte`, if there is such a file.
pub(crate) fn labels_beside(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    if !name.contains("images") {
        return None;
    }
    let labels = path.with_file_name(name.replace("images", "labels").replace("idx3", "idx1"));
    labels.is_file().then_some(labels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Column, Table, TableReader};

    fn read(bytes: &[u8]) -> Result<Table> {
        let reader = TableReader::open(Source::memory("t.idx", bytes), &ReadOptions::default())?;
        let columns = reader.header().columns().iter().map(|name| Column::new(name, Kind::Number)).collect();
        reader.read(columns)
    }

    #[test]
    fn arrays_of_any_rank_and_type_become_rows() {
        let bytes = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 51, 255, 102];
        let table = read(&bytes).unwrap();
        assert_eq!(table.cells(0).collect::<Vec<_>>(), [0.0, 1.0]);
        assert_eq!(table.cells(1).collect::<Vec<_>>(), [51.0 / 255.0, 102.0 / 255.0]);
        let mut bytes = vec![0, 0, 0x0d, 1, 0, 0, 0, 2];
        bytes.extend([1.5_f32, -2.0].iter().flat_map(|number| number.to_be_bytes()));
        assert_eq!(read(&bytes).unwrap().cells(0).collect::<Vec<_>>(), [1.5, -2.0]);
        let bytes = [0, 0, 0x0b, 1, 0, 0, 0, 1, 0xff, 0xfe];
        assert_eq!(read(&bytes).unwrap().cells(0).collect::<Vec<_>>(), [-2.0]);
    }

    #[test]
    fn damaged_files_say_so() {
        let whole = [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4];
        for (bytes, complaint) in [
            (&whole[..15], "ends too early"),
            (&whole[..9], "ends too early"),
            (&[0, 0, 8, 3, 0, 0, 0, 1, 255, 255, 255, 255, 255, 255, 255, 255], "its rows have"),
            (&[0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 0], "its rows have [0] numbers"),
            (&[0, 0, 8, 2, 0, 0, 0, 0, 0, 0, 0, 1], "no data rows"),
        ] {
            let error = read(bytes).unwrap_err().to_string();
            assert!(error.contains("`t.idx`") && error.contains(complaint), "{error}");
        }
    }
}
