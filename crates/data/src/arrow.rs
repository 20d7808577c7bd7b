//! Parquet and Arrow IPC files: batches of typed columns.

use std::fmt::Display;
use std::fs::File;
use std::io::{Cursor, Read, Seek};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, RecordBatchReader};
use arrow_cast::cast;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, DataType, Schema, TimeUnit};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::ChunkReader;

use crate::error::Place;
use crate::guard::guarded;
use crate::infer::{FewValues, Inference, Inferred};
use crate::reader::{Format, Wanted};
use crate::table::{Blocks, rows_per_block};
use crate::{Column, DateOrder, Error, Kind, Result, Source};

/// The most rows of a Parquet file that are decoded at a time.
const BATCH_ROWS: usize = 4096;

/// What Arrow IPC's file format begins with; the streaming format begins otherwise.
const FILE_MAGIC: &[u8] = b"ARROW1";

/// Microseconds of a day.
const DAY: f64 = 86_400e6;

/// A file with a schema.
#[derive(Debug)]
pub(crate) struct Arrow {
    format: Format,
    schema: Arc<Schema>,
}

/// What can be made of a type.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Content {
    Numbers,
    Text,
    Dates,
}

impl Content {
    fn of(kind: &DataType) -> Option<Self> {
        match kind {
            DataType::Null | DataType::Decimal128(..) | DataType::Decimal256(..) => Some(Content::Numbers),
            kind if kind.is_numeric() => Some(Content::Numbers),
            DataType::Boolean | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Some(Content::Text),
            DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => Some(Content::Dates),
            DataType::Dictionary(_, values) => Content::of(values),
            _ => None,
        }
    }

    fn kind(self) -> Kind {
        match self {
            Content::Numbers => Kind::Number,
            Content::Text => Kind::Category,
            Content::Dates => Kind::Date(DateOrder::YearFirst),
        }
    }
}

impl Arrow {
    /// Reads the schema, and gives the names of the columns, too.
    pub(crate) fn open(source: &Source, format: Format) -> Result<(Self, Vec<String>)> {
        let schema = batches(source, format, None)?.schema();
        let names = schema.fields().iter().map(|field| field.name().to_owned()).collect();
        Ok((Self { format, schema }, names))
    }

    /// The types of the columns; only text is read for them, which may be dates, and numbers of few values.
    pub(crate) fn infer(&self, source: &Source, columns: &[(usize, &str)]) -> Result<Vec<Inferred>> {
        let contents = columns.iter().map(|(position, name)| self.content(source, *position, name));
        let contents: Vec<Content> = contents.collect::<Result<_>>()?;
        let mut texts: Vec<Inference> = columns.iter().map(|(_, name)| Inference::new(name)).collect();
        let mut numbers: Vec<FewValues> = columns.iter().map(|_| FewValues::default()).collect();
        let positions: Vec<usize> = columns.iter().map(|(position, _)| *position).collect();
        self.each_batch(source, &positions, |first_row, arrays| -> Result<()> {
            for (index, array) in arrays.iter().enumerate() {
                match contents[index] {
                    Content::Text => {
                        let text = cast_to(source, array, &DataType::Utf8)?;
                        for (row, text) in text.as_string::<i32>().iter().enumerate() {
                            texts[index].add(text.unwrap_or_default().trim(), || place(source, first_row + row));
                        }
                    }
                    Content::Numbers if numbers[index].count().is_some() => {
                        let values = cast_to(source, array, &DataType::Float64)?;
                        for number in values.as_primitive::<Float64Type>().iter().flatten() {
                            numbers[index].add(&number.to_string(), Some(number));
                        }
                    }
                    _ => {}
                }
            }
            Ok(())
        })?;
        let mut inferred = Vec::with_capacity(columns.len());
        for (((content, text), numbers), (_, name)) in contents.into_iter().zip(texts).zip(numbers).zip(columns) {
            inferred.push(match content {
                Content::Numbers => Inferred { classes: numbers.count(), ..Inferred::known(name, Kind::Number) },
                Content::Dates => Inferred::known(name, content.kind()),
                // Numbers that the file calls text stay what it calls them.
                Content::Text => match text.finish() {
                    found if found.kind == Kind::Number => Inferred { kind: Kind::Category, note: None, ..found },
                    found => Inferred { note: None, ..found },
                },
            });
        }
        Ok(inferred)
    }

    /// Reads the wanted columns of all rows.
    pub(crate) fn read<E: From<Error>>(
        &self,
        source: &Source,
        wanted: &mut [Wanted],
        blocks: &mut Blocks<'_, E>,
    ) -> std::result::Result<(), E> {
        for wanted in wanted.iter() {
            let content = self.content(source, wanted.position, wanted.column.name())?;
            let fits = match wanted.column.kind() {
                Kind::Number => content != Content::Dates,
                Kind::Category => true,
                Kind::Date(_) => content != Content::Numbers,
            };
            if !fits {
                return Err(wanted.wrong_type(source, &content.kind().to_string()).into());
            }
        }
        let positions: Vec<usize> = wanted.iter().map(|wanted| wanted.position).collect();
        self.each_batch(source, &positions, |first_row, arrays| {
            let rows = arrays.first().map_or(0, |array| array.len());
            let mut columns = Vec::with_capacity(arrays.len());
            for (array, wanted) in arrays.iter().zip(wanted.iter_mut()) {
                columns.push(cells(source, array, &mut wanted.column, first_row)?);
            }
            for row in 0..rows {
                for (place, cells) in columns.iter().enumerate() {
                    blocks.set(place, cells[row]);
                }
                blocks.end_row()?;
            }
            Ok(())
        })
    }

    fn content(&self, source: &Source, position: usize, column: &str) -> Result<Content> {
        let kind = self.schema.field(position).data_type();
        Content::of(kind).ok_or_else(|| Error::Unsupported {
            file: source.name().to_owned(),
            column: column.to_owned(),
            found: kind.to_string(),
        })
    }

    /// Gives the columns at these positions batch by batch, with the number of rows before the batch.
    fn each_batch<E: From<Error>>(
        &self,
        source: &Source,
        positions: &[usize],
        mut sink: impl FnMut(usize, Vec<ArrayRef>) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        // Files give the columns in their own order, and each of them once.
        let mut order: Vec<usize> = positions.to_vec();
        order.sort_unstable();
        order.dedup();
        let mut rows = 0;
        let mut batches = batches(source, self.format, Some(&order))?;
        while let Some(batch) = decode(source, || batches.next().transpose())? {
            let place = |position: &usize| order.partition_point(|other| other < position);
            let arrays = positions.iter().map(|position| Arc::clone(batch.column(place(position)))).collect();
            sink(rows, arrays)?;
            rows += batch.num_rows();
        }
        Ok(())
    }
}

/// The cells of a column in a batch.
fn cells(source: &Source, array: &ArrayRef, column: &mut Column, first_row: usize) -> Result<Vec<f32>> {
    let place = |row: usize| move || place(source, first_row + row);
    let content = Content::of(array.data_type());
    let mut cells = Vec::with_capacity(array.len());
    match (content, column.kind()) {
        (Some(Content::Numbers), _) => {
            let numbers = cast_to(source, array, &DataType::Float64)?;
            for (row, number) in numbers.as_primitive::<Float64Type>().iter().enumerate() {
                cells.push(column.number(number.unwrap_or(f64::NAN), place(row))?);
            }
        }
        (Some(Content::Dates), Kind::Date(_)) => {
            // With its own time zone, so that the moment stays the same.
            let zone = match array.data_type() {
                DataType::Timestamp(_, zone) => zone.clone(),
                _ => None,
            };
            let moments = cast_to(source, array, &DataType::Timestamp(TimeUnit::Microsecond, zone))?;
            for (row, moment) in moments.as_primitive::<TimestampMicrosecondType>().iter().enumerate() {
                let days = moment.map_or(f64::NAN, |microseconds| microseconds as f64 / DAY);
                cells.push(column.number(days, place(row))?);
            }
        }
        _ => {
            let texts = cast_to(source, array, &DataType::Utf8)?;
            for (row, text) in texts.as_string::<i32>().iter().enumerate() {
                cells.push(column.text(text.unwrap_or_default().trim(), place(row))?);
            }
        }
    }
    Ok(cells)
}

fn place(source: &Source, row: usize) -> Place {
    Place { file: source.name().to_owned(), row: row as u64 + 1, line: None }
}

/// Lets a decoder work, and tells its errors and its panics as those of the file.
fn decode<T, E: Display>(source: &Source, decoder: impl FnOnce() -> std::result::Result<T, E>) -> Result<T> {
    let reason = match guarded(decoder) {
        Some(Ok(decoded)) => return Ok(decoded),
        // It may quote the file, line ends and all.
        Some(Err(reason)) => reason.to_string().split(char::is_control).collect::<Vec<_>>().join(" "),
        None => "it is damaged".to_owned(),
    };
    Err(Error::Damaged { file: source.name().to_owned(), reason })
}

fn cast_to(source: &Source, array: &ArrayRef, kind: &DataType) -> Result<ArrayRef> {
    decode(source, || cast(array, kind))
}

/// The batches of a file; of all columns, or of those at these ascending positions.
fn batches(source: &Source, format: Format, columns: Option<&[usize]>) -> Result<Box<dyn RecordBatchReader>> {
    let file = match source.as_path() {
        Some(path) => {
            Some(File::open(path).map_err(|reason| Error::Unreadable { file: source.name().to_owned(), reason })?)
        }
        None => None,
    };
    let memory = || source.as_bytes().map(Arc::clone).unwrap_or_default();
    match (format, file) {
        (Format::Parquet, Some(file)) => decode(source, || parquet_batches(file, columns)),
        (Format::Parquet, None) => decode(source, || parquet_batches(Bytes::from_owner(memory()), columns)),
        (_, Some(file)) => ipc_batches(source, file, columns),
        (_, None) => ipc_batches(source, Cursor::new(memory()), columns),
    }
}

fn parquet_batches(
    input: impl ChunkReader + 'static,
    columns: Option<&[usize]>,
) -> parquet::errors::Result<Box<dyn RecordBatchReader>> {
    let mut builder = ParquetRecordBatchReaderBuilder::try_new(input)?;
    let mut batch_rows = BATCH_ROWS;
    if let Some(columns) = columns {
        batch_rows = batch_rows.min(rows_per_block(columns.len()));
        let mask = ProjectionMask::roots(builder.parquet_schema(), columns.iter().copied());
        builder = builder.with_projection(mask);
    }
    Ok(Box::new(builder.with_batch_size(batch_rows).build()?))
}

/// Arrow IPC in either of its two formats; the streaming one may be compressed with gzip as a whole.
fn ipc_batches(
    source: &Source,
    mut input: impl Read + Seek + 'static,
    columns: Option<&[usize]>,
) -> Result<Box<dyn RecordBatchReader>> {
    let unreadable = |reason| Error::Unreadable { file: source.name().to_owned(), reason };
    let mut beginning = Vec::new();
    (&mut input).take(FILE_MAGIC.len() as u64).read_to_end(&mut beginning).map_err(unreadable)?;
    input.rewind().map_err(unreadable)?;
    let columns = columns.map(<[usize]>::to_vec);
    let stream = source.open()?;
    decode(source, || -> std::result::Result<Box<dyn RecordBatchReader>, ArrowError> {
        Ok(match beginning == FILE_MAGIC {
            true => Box::new(FileReader::try_new_buffered(input, columns)?),
            false => Box::new(StreamReader::try_new(stream, columns)?),
        })
    })
}
