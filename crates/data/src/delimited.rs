//! CSV files: cells between delimiters, with a header or without one.

use crate::infer::{Inference, Inferred};
use crate::reader::{ReadOptions, Wanted};
use crate::rows::{Dialect, Row, Rows};
use crate::table::Blocks;
use crate::{Error, Header, Kind, Result, Source};

/// A CSV file whose first line has been read.
#[derive(Debug)]
pub(crate) struct Delimited {
    dialect: Dialect,
    has_header: bool,
    columns: usize,
}

impl Delimited {
    /// Reads the first line, and gives the names of the columns, too.
    pub(crate) fn open(source: &Source, options: &ReadOptions) -> Result<(Self, Vec<String>)> {
        let file = || source.name().to_owned();
        let mut dialect =
            Dialect { delimiter: options.delimiter, quote: options.quote, skip_lines: options.skip_lines };
        let mut rows = Rows::open(source, dialect)?;
        dialect.delimiter = Some(rows.delimiter());
        let Some(first) = rows.next()? else { return Err(Error::Empty { file: file(), skipped: options.skip_lines }) };
        let cells: Vec<String> =
            (0..first.len()).map(|position| first.text(position).map(str::to_owned)).collect::<Result<_>>()?;
        let columns = cells.len();
        let names = match options.has_header {
            true if cells.iter().all(|cell| is_number(cell)) => return Err(Error::NoHeader { file: file() }),
            true => cells,
            false => Header::numbered(columns),
        };
        Ok((Self { dialect, has_header: options.has_header, columns }, names))
    }

    /// The delimiter between cells, whether given or found.
    pub(crate) fn delimiter(&self) -> Option<char> {
        self.dialect.delimiter.map(char::from)
    }

    /// Reads all rows to find out the types of the columns at these positions with these names.
    pub(crate) fn infer(&self, source: &Source, columns: &[(usize, &str)]) -> Result<Vec<Inferred>> {
        let mut inferences: Vec<Inference> = columns.iter().map(|(_, name)| Inference::new(name)).collect();
        let mut rows = self.data_rows(source)?;
        while let Some(row) = self.next(&mut rows)? {
            for ((position, _), inference) in columns.iter().zip(&mut inferences) {
                inference.add(row.text(*position)?, || row.place());
            }
        }
        let repeated: Vec<bool> = inferences.iter().map(|inference| inference.repeats_name).collect();
        let inferred: Vec<Inferred> = inferences.into_iter().map(Inference::finish).collect();
        // A number that names a column of numbers, and text that occurs again below it: no header looks like that.
        let numbers = inferred.iter().any(|column| column.kind == Kind::Number && is_number(&column.name));
        let text = inferred.iter().zip(repeated).find(|(column, repeated)| *repeated && column.kind != Kind::Number);
        match text {
            Some((column, _)) if self.has_header && numbers => {
                Err(Error::DoubtfulHeader { file: source.name().to_owned(), cell: column.name.clone() })
            }
            _ => Ok(inferred),
        }
    }

    /// Reads the wanted columns of all rows.
    pub(crate) fn read<E: From<Error>>(
        &self,
        source: &Source,
        wanted: &mut [Wanted],
        blocks: &mut Blocks<'_, E>,
    ) -> std::result::Result<(), E> {
        let mut rows = self.data_rows(source)?;
        while let Some(row) = self.next(&mut rows)? {
            for (place, Wanted { position, column }) in wanted.iter_mut().enumerate() {
                blocks.set(place, column.text(row.text(*position)?, || row.place())?);
            }
            blocks.end_row()?;
        }
        Ok(())
    }

    /// The rows below the header.
    fn data_rows<'a>(&self, source: &'a Source) -> Result<Rows<'a>> {
        let mut rows = Rows::open(source, self.dialect)?;
        match self.has_header {
            true => rows.next().map(|_| ())?,
            false => rows = rows.without_header(),
        }
        Ok(rows)
    }

    fn next<'a>(&self, rows: &'a mut Rows<'_>) -> Result<Option<Row<'a>>> {
        let Some(row) = rows.next()? else { return Ok(None) };
        match row.len() == self.columns {
            true => Ok(Some(row)),
            false => Err(Error::RaggedRow { place: row.place(), found: row.len(), expected: self.columns }),
        }
    }
}

fn is_number(cell: &str) -> bool {
    cell.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Column, Table, TableReader};

    fn read(text: &[u8], columns: &[(&str, Kind)], options: &ReadOptions) -> Result<Table> {
        let reader = TableReader::open(Source::memory("t.csv", text), options)?;
        reader.read(columns.iter().map(|(name, kind)| Column::new(name, *kind)).collect())
    }

    #[test]
    fn columns_come_in_the_order_asked_for() {
        let text = b"b,other,a\n2,x,1\n4,\xff,3.5e0\n";
        let table = read(text, &[("a", Kind::Number), ("b", Kind::Number)], &ReadOptions::default()).unwrap();
        assert!(table.cells(0).eq([1.0, 3.5]) && table.cells(1).eq([2.0, 4.0]));
    }

    #[test]
    fn a_row_of_one_cell_may_lack_it() {
        let table = read(b"\na\n1\n\"\"\n\n3\n", &[("a", Kind::Number)], &ReadOptions::default()).unwrap();
        let cells: Vec<f32> = table.cells(0).collect();
        assert!(cells.len() == 3 && cells[1].is_nan() && cells[2] == 3.0, "{cells:?}");
        let error = read(b"a\n\"\"\n\nx\n", &[("a", Kind::Number)], &ReadOptions::default()).unwrap_err();
        assert!(error.to_string().contains("row 2 (line 4)"), "{error}");
    }

    #[test]
    fn without_a_header_columns_are_named_by_their_places() {
        let options = ReadOptions { has_header: false, ..ReadOptions::default() };
        let table = read(b"1, x\n\n2,y", &[("2", Kind::Category), ("1", Kind::Number)], &options).unwrap();
        assert!(table.cells(1).eq([1.0, 2.0]));
        assert_eq!(table.columns()[0].labels(), ["x", "y"]);
        let error = read(b"1,2\n3,x\n", &[("2", Kind::Number)], &options).unwrap_err().to_string();
        assert!(error.contains("row 2 (line 2), column `2`"), "{error}");
    }

    #[test]
    fn a_row_of_data_is_no_header() {
        for (text, refused) in [
            ("39,State-gov\n50,Private\n38,State-gov\n", true),
            ("39,State-gov\n50,Private\n", false),
            ("region,2019\nnorth,1\n", false),
            ("yes,no\nyes,no\n", false),
        ] {
            let reader = TableReader::open(Source::memory("t.csv", text.as_bytes()), &ReadOptions::default()).unwrap();
            let inferred = reader.infer(reader.header().columns());
            assert_eq!(matches!(inferred, Err(Error::DoubtfulHeader { .. })), refused, "{text}");
        }
    }

    #[test]
    fn every_fault_names_its_place() {
        let columns = [("a", Kind::Number), ("b", Kind::Number)];
        for (text, complaint) in [
            (&b""[..], "`t.csv` is empty"),
            (b"\xef\xbb\xbf\r\n \r\n", "`t.csv` is empty"),
            (b"a,b\n", "no data rows"),
            (b"1,2\n3,4\n", "the first line of `t.csv` holds numbers"),
            (b"a,c\n1,2\n", "no column `b`"),
            (b"a,b,b\n1,2,3\n", "several columns named `b`"),
            (b"a,b\n1,2\n3\n", "`t.csv`, row 2 (line 3): the number of cells is 1, but the header has 2 columns"),
            (b"a,b\n1,2,3\n", "row 1 (line 2): the number of cells is 3"),
            (b"a,b\nx\0,2\n", "row 1 (line 2), column `a`: `x\\0` is not a number"),
            (b"a,b\n1,inf\n", "column `b`: `inf` is not a finite number"),
            (b"a,b\n1,-1e400\n", "column `b`: `-1e400` is not a finite number"),
            (b"a,b\n1,1e39\n", "column `b`: `1e39` is not a finite number"),
            (b"a,b\n1,\xe9\n", "`t.csv`, line 2, cell 2 is not UTF-8"),
            (b"a,\xe9\n1,2\n", "`t.csv`, line 1, cell 2 is not UTF-8"),
        ] {
            let error = read(text, &columns, &ReadOptions::default()).unwrap_err().to_string();
            assert!(error.contains(complaint), "{error}");
            assert_eq!(error.lines().count(), 1, "{error}");
        }
    }

    #[test]
    fn a_target_without_a_label_is_a_fault() {
        let reader =
            TableReader::open(Source::memory("t.csv", &b"a,kind\n1,x\n2,\n"[..]), &ReadOptions::default()).unwrap();
        let error = reader.read(vec![Column::target("kind", Kind::Category)]).unwrap_err().to_string();
        assert!(error.contains("row 2 (line 3), target column `kind` is empty"), "{error}");
    }
}
