//! LIBSVM files: in each line a label and the features that are not 0, as `label index:value index:value ...`.
//!
//! Indices count from 1 and ascend. The columns are named by them, and the first one is called `label`. What follows a `#`
//! is a comment, and `qid:` is refused, since there is no ranking here.

use std::io::BufRead;

use crate::error::Place;
use crate::infer::{FewValues, Inferred};
use crate::reader::{LABEL, Wanted};
use crate::table::Blocks;
use crate::{Error, Header, Kind, Result, Source};

/// The largest index, since the features become a matrix with a column for each index.
const MAX_INDEX: usize = 1 << 20;

/// A LIBSVM file; its columns are known once it has been read to the end.
#[derive(Debug)]
pub(crate) struct Libsvm;

impl Libsvm {
    /// Whether a file with this beginning is LIBSVM: the first line with more than a label has features and nothing else.
    pub(crate) fn recognises(beginning: &[u8]) -> bool {
        let text = String::from_utf8_lossy(beginning);
        let fields = |line| -> Vec<&str> { without_comment(line).split_whitespace().collect() };
        let Some(line) = text.lines().map(fields).find(|fields| fields.len() > 1) else { return false };
        // The last field may be cut off where the beginning ends.
        let features = &line[1..(line.len() - 1).max(2)];
        !line[0].contains(':')
            && features.iter().all(|field| {
                field.split_once(':').is_some_and(|(index, value)| {
                    (index == "qid" || index.parse::<usize>().is_ok()) && value.parse::<f64>().is_ok()
                })
            })
    }

    /// Reads the file, to learn the largest index, and gives the names of the columns.
    pub(crate) fn open(source: &Source) -> Result<(Self, Vec<String>)> {
        let mut largest = 0;
        let rows = each_row(source, |row| -> Result<()> {
            row.features(|index, _| {
                largest = largest.max(index);
                Ok(())
            })
        })?;
        if rows == 0 {
            return Err(Error::NoRows { file: source.name().to_owned() });
        }
        let mut names = vec![LABEL.to_owned()];
        names.extend(Header::numbered(largest));
        Ok((Self, names))
    }

    /// The place of the column that an index names, whether or not a row of the file has it.
    pub(crate) fn position(index: &str) -> Option<usize> {
        index.parse().ok().filter(|index| (1..=MAX_INDEX).contains(index))
    }

    /// The types of the columns: numbers all of them, but maybe the label.
    pub(crate) fn infer(&self, source: &Source, columns: &[(usize, &str)]) -> Result<Vec<Inferred>> {
        let (mut few, mut kind) = (FewValues::default(), Kind::Number);
        each_row(source, |row| -> Result<()> {
            let number = row.label.parse().ok();
            if number.is_none() {
                kind = Kind::Category;
            }
            few.add(row.label, number);
            Ok(())
        })?;
        let of = |(position, name): &(usize, &str)| match position {
            0 => Inferred { classes: few.count(), ..Inferred::known(name, kind) },
            _ => Inferred::known(name, Kind::Number),
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
        // For each index, its place among the wanted columns.
        let largest = wanted.iter().map(|wanted| wanted.position).max().unwrap_or(0);
        let mut place_of = vec![None; largest + 1];
        for (place, wanted) in wanted.iter().enumerate() {
            if wanted.column.kind() != Kind::Number && wanted.position > 0 {
                return Err(wanted.wrong_type(source, "numbers").into());
            }
            place_of[wanted.position] = Some(place);
        }
        let label = place_of[0];
        each_row(source, |row| {
            for (place, wanted) in wanted.iter().enumerate() {
                if wanted.position > 0 {
                    blocks.set(place, 0.0);
                }
            }
            row.features(|index, value| {
                if let Some(Some(place)) = place_of.get(index) {
                    blocks.set(*place, wanted[*place].column.number(value, || row.place())?);
                }
                Ok(())
            })?;
            if let Some(place) = label {
                let column = &mut wanted[place].column;
                let cell = match column.kind() {
                    Kind::Category => column.text(row.label, || row.place())?,
                    Kind::Number => match row.label.parse() {
                        Ok(number) => column.number(number, || row.place())?,
                        Err(_) => Err(row.malformed(format!("the label `{}` is not a number", row.label)))?,
                    },
                    Kind::Date(_) => Err(wanted[place].wrong_type(source, "labels"))?,
                };
                blocks.set(place, cell);
            }
            blocks.end_row()
        })?;
        Ok(())
    }
}

/// A line with a label.
struct Row<'a> {
    file: &'a str,
    number: u64,
    line: u64,
    label: &'a str,
    fields: &'a str,
}

impl Row<'_> {
    fn place(&self) -> Place {
        Place { file: self.file.to_owned(), row: self.number, line: Some(self.line) }
    }

    fn malformed(&self, reason: String) -> Error {
        Error::Malformed { place: self.place(), reason }
    }

    /// Gives the index and the value of every feature.
    fn features(&self, mut sink: impl FnMut(usize, f64) -> Result<()>) -> Result<()> {
        let mut last = 0;
        for field in self.fields.split_whitespace() {
            let shown = || field.chars().take(40).collect::<String>().escape_debug().to_string();
            let feature = field.split_once(':');
            if feature.is_some_and(|(index, _)| index == "qid") {
                return Err(self.malformed("`qid:` belongs to ranking, which is not possible: remove it".to_owned()));
            }
            let parsed = feature.and_then(|(index, value)| Some((index.parse::<usize>().ok()?, value.parse().ok()?)));
            let Some((index, value)) = parsed else {
                return Err(self.malformed(format!("`{}` is not an index and a value such as 3:0.5", shown())));
            };
            if index <= last {
                let rule = "indices count from 1 and ascend";
                return Err(self.malformed(format!("the index of `{}` is not above {last}: {rule}", shown())));
            }
            if index > MAX_INDEX {
                return Err(self.malformed(format!("the index of `{}` is above {MAX_INDEX}", shown())));
            }
            last = index;
            sink(index, value)?;
        }
        Ok(())
    }
}

fn without_comment(line: &str) -> &str {
    line.split('#').next().unwrap_or_default()
}

/// Calls `sink` for every line with a label, and counts them.
fn each_row<E: From<Error>>(
    source: &Source,
    mut sink: impl FnMut(Row<'_>) -> std::result::Result<(), E>,
) -> std::result::Result<u64, E> {
    let file = source.name();
    let mut stream = source.open()?;
    let (mut bytes, mut number, mut line) = (Vec::new(), 0, 0);
    loop {
        bytes.clear();
        let read = stream.read_until(b'\n', &mut bytes);
        if read.map_err(|reason| Error::Unreadable { file: file.to_owned(), reason })? == 0 {
            return Ok(number);
        }
        line += 1;
        let Ok(text) = std::str::from_utf8(&bytes) else {
            return Err(Error::NotUtf8 { file: file.to_owned(), line, position: 1 }.into());
        };
        let text = without_comment(text.trim_start_matches('\u{feff}')).trim();
        if text.is_empty() {
            continue;
        }
        number += 1;
        let (label, fields) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let row = Row { file, number, line, label, fields };
        if label.contains(':') {
            return Err(row.malformed("there is no label before the first feature".to_owned()).into());
        }
        sink(row)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Column, Format, ReadOptions, Table, TableReader};

    fn read(text: &str, columns: &[&str]) -> Result<Table> {
        let options = ReadOptions { format: Some(Format::Libsvm), ..ReadOptions::default() };
        let reader = TableReader::open(Source::memory("t.libsvm", text.as_bytes()), &options)?;
        reader.read(columns.iter().map(|name| Column::new(name, Kind::Number)).collect())
    }

    #[test]
    fn what_is_not_written_is_zero() {
        let text = "# a comment\n1 1:0.5 3:2 # and another\n\n-1\r\n+1 2:1e2\n";
        let table = read(text, &["3", "label", "1", "2", "9"]).unwrap();
        let column = |column| table.cells(column).collect::<Vec<_>>();
        assert_eq!(column(0), [2.0, 0.0, 0.0]);
        assert_eq!(column(1), [1.0, -1.0, 1.0]);
        assert_eq!((column(2), column(3), column(4)), (vec![0.5, 0.0, 0.0], vec![0.0, 0.0, 100.0], vec![0.0; 3]));
    }

    #[test]
    fn faults_name_the_row() {
        for (text, complaint) in [
            ("1 1:2\n1 2:1 2:3\n", "row 2 (line 2): the index of `2:3` is not above 2"),
            ("1 0:2\n", "row 1 (line 1): the index of `0:2` is not above 0: indices count from 1"),
            ("# x\n1 qid:3 1:2\n", "row 1 (line 2): `qid:` belongs to ranking"),
            ("1 1:2\n1 x\n", "row 2 (line 2): `x` is not an index and a value"),
            ("1 1:2\n1:2\n", "row 2 (line 2): there is no label"),
            ("1 1:2\n1 1:1e39\n", "row 2 (line 2), column `1`"),
            ("1 1:2\n1 9999999:1\n", "above 1048576"),
            ("# nothing\n", "no data rows"),
        ] {
            let error = read(text, &["1"]).unwrap_err().to_string();
            assert!(error.contains(complaint) && error.lines().count() == 1, "{error}");
        }
    }

    #[test]
    fn columns_are_indices() {
        for name in ["0", "1048577", "99999999999", "18446744073709551615", "18446744073709551616", "-1", "x"] {
            let error = read("1 1:2\n0 2:3\n", &[name]).unwrap_err().to_string();
            assert!(error.contains(&format!("`t.libsvm` has no column `{name}`")), "{error}");
        }
        let table = read("1 1:2\n0 2:3\n", &["1048576", "2"]).unwrap();
        assert!(table.cells(0).eq([0.0, 0.0]) && table.cells(1).eq([0.0, 3.0]));
    }

    #[test]
    fn only_libsvm_is_recognised() {
        for text in ["1 1:2", "1 3:1 10:1\n0 1:1 ", "x\n1 1:2 # y\n", "1 qid:2 1:3\n"] {
            assert!(Libsvm::recognises(text.as_bytes()), "{text}");
        }
        for text in ["", "a,b\n1,2\n", "1 2\n", "10:30 1:2\n", "time place\n1 10:30\n", "a b:c\n"] {
            assert!(!Libsvm::recognises(text.as_bytes()), "{text}");
        }
    }
}
