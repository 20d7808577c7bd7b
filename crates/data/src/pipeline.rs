//! The way from a table to the network's inputs, and from its outputs back to what was to be predicted.

use serde::{Deserialize, Serialize};

use crate::encoder::Sample;
use crate::{Block, Column, Encoder, Error, Header, Kind, NumberEncoding, Reason, Result, Table, Target, table};

/// What becomes of one column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Feature {
    /// The column's name.
    pub name: String,
    /// What becomes of its cells.
    pub encoder: Encoder,
}

/// A column that is not used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// The column's name.
    pub name: String,
    /// Why it is of no use.
    pub reason: Reason,
}

/// The way from a row of a table to a row of inputs, learnt from training rows, and the target.
///
/// It is written as JSON and kept in the model file under [`Pipeline::KEY`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pipeline {
    features: Vec<Feature>,
    target: Target,
}

/// A pipeline as it is written.
#[derive(Serialize)]
struct Versioned<'a> {
    version: u32,
    #[serde(flatten)]
    pipeline: &'a Pipeline,
}

/// What every version of a pipeline begins with.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

impl Pipeline {
    /// The name under which the model file's metadata holds the pipeline.
    pub const KEY: &str = "pipeline";

    /// The version of the JSON that this release writes, and the only one that it reads.
    pub const VERSION: u32 = 3;

    /// Learns from the given rows of a table, ascending and counted from 0, and from no others, what to do with the named
    /// columns; `numbers` is a [`Scaling`](crate::Scaling) or more. Columns without information are dropped, and come with the
    /// reason.
    ///
    /// # Errors
    /// If there is no such column, or no column is left.
    ///
    /// # Panics
    /// If there is no such row, or none at all.
    pub fn fit(
        table: &Table,
        columns: &[String],
        rows: &[usize],
        target: Target,
        numbers: impl Into<NumberEncoding>,
    ) -> Result<(Self, Vec<Dropped>)> {
        assert!(!rows.is_empty(), "a pipeline learns from at least one row");
        let positions = columns.iter().map(|name| table.position(name)).collect::<Result<Vec<_>>>()?;
        let NumberEncoding { scaling, pieces } = numbers.into();
        let have_pieces = positions.iter().filter(|position| table.columns()[**position].kind() != Kind::Category);
        let pieces = pieces.of(rows.len(), have_pieces.count());
        let (mut features, mut dropped) = (Vec::new(), Vec::new());
        for (name, position) in columns.iter().zip(positions) {
            let column = &table.columns()[position];
            let sample = Sample { name, rows, cells: &table.gather(position, rows) };
            match Encoder::fit(column.kind(), &sample, column.labels(), scaling, pieces) {
                Ok(encoder) => features.push(Feature { name: name.clone(), encoder }),
                Err(reason) => dropped.push(Dropped { name: name.clone(), reason }),
            }
        }
        if features.is_empty() {
            let reasons =
                dropped.iter().take(5).map(|Dropped { name, reason }| format!("`{}` ({reason})", name.escape_debug()));
            return Err(Error::NothingToLearn { file: table.file().to_owned(), reasons: reasons.collect() });
        }
        Ok((Self { features, target }, dropped))
    }

    /// The columns that are used, in the order of their inputs.
    pub fn features(&self) -> &[Feature] {
        &self.features
    }

    /// The target.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The number of inputs of the network.
    pub fn inputs(&self) -> usize {
        self.features.iter().map(|feature| feature.encoder.inputs()).sum()
    }

    /// The columns to read from a table for prediction.
    pub fn columns(&self) -> Vec<Column> {
        let column = |Feature { name, encoder }: &Feature| match encoder {
            Encoder::Category(category) => Column::with_labels(name, category.levels()),
            _ => Column::new(name, encoder.kind()),
        };
        self.features.iter().map(column).collect()
    }

    /// Prepares for blocks of these columns, which errors call those of `file`. Columns are found by name, so that they
    /// may come in any order and with others between them.
    ///
    /// # Errors
    /// If a column is missing, or has another type than in the training table.
    pub fn encoding(&self, columns: &[Column], file: &str) -> Result<Encoding<'_>> {
        let header = Header::of(file, columns);
        let mut encoded = Vec::with_capacity(self.features.len());
        for Feature { name, encoder } in &self.features {
            let position = header.position(name)?;
            let column = &columns[position];
            if column.kind() != encoder.kind() {
                let (wanted, found) = (encoder.kind().to_string(), column.kind().to_string());
                return Err(Error::WrongType { file: file.to_owned(), column: name.clone(), wanted, found });
            }
            let levels = match encoder {
                Encoder::Category(category) => category.places(column.labels()),
                _ => Vec::new(),
            };
            encoded.push(EncodedColumn { position, encoder, levels });
        }
        Ok(Encoding { columns: encoded })
    }

    /// The inputs of some rows of a table, which need not be those that were trained on: (rows, inputs), row-major. All
    /// are finite.
    ///
    /// # Errors
    /// As [`Pipeline::encoding`], or if they do not fit into memory.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn apply(&self, table: &Table, rows: &[usize]) -> Result<Vec<f32>> {
        let encoding = self.encoding(table.columns(), table.file())?;
        let mut inputs = self.matrix(rows.len(), table.file())?;
        let height = table::rows_per_block(table.columns().len());
        for row in rows {
            encoding.row(&table.blocks()[row / height], row % height, &mut inputs);
        }
        Ok(inputs)
    }

    /// The inputs of several sets of rows, each ascending, as [`Pipeline::apply`] gives them; but the table's memory is
    /// given back block by block, so that it and the inputs never are in memory together as wholes.
    ///
    /// # Errors
    /// As [`Pipeline::apply`].
    ///
    /// # Panics
    /// If there is no such row, or rows do not ascend.
    pub fn consume<const N: usize>(&self, table: Table, parts: [&[usize]; N]) -> Result<[Vec<f32>; N]> {
        let encoding = self.encoding(table.columns(), table.file())?;
        let mut inputs = [const { Vec::new() }; N];
        for (inputs, rows) in inputs.iter_mut().zip(parts) {
            assert!(rows.is_sorted(), "rows ascend");
            *inputs = self.matrix(rows.len(), table.file())?;
        }
        let (mut parts, mut first) = (parts, 0);
        let (_, blocks) = table.into_parts();
        for block in blocks {
            let end = first + block.rows();
            for (inputs, rest) in inputs.iter_mut().zip(&mut parts) {
                let (here, later) = rest.split_at(rest.partition_point(|row| *row < end));
                here.iter().for_each(|row| encoding.row(&block, row - first, inputs));
                *rest = later;
            }
            first = end;
        }
        assert!(parts.iter().all(|rest| rest.is_empty()), "every row is in the table");
        Ok(inputs)
    }

    /// Room for the inputs of so many rows.
    fn matrix(&self, rows: usize, file: &str) -> Result<Vec<f32>> {
        let mut matrix = Vec::new();
        let size = rows.checked_mul(self.inputs());
        match size.map(|size| matrix.try_reserve_exact(size)) {
            Some(Ok(())) => Ok(matrix),
            _ => {
                let what = format!("{rows} rows of {} inputs do not fit into memory", self.inputs());
                Err(Error::TooLarge { file: file.to_owned(), what })
            }
        }
    }

    /// The pipeline as JSON. Every number reads back to the same bits.
    pub fn to_json(&self) -> String {
        let versioned = Versioned { version: Self::VERSION, pipeline: self };
        serde_json::to_string(&versioned).expect("strings and finite numbers are always JSON")
    }

    /// Reads what [`Pipeline::to_json`] wrote, for a network with so many `inputs`. Errors call the source `file`.
    ///
    /// # Errors
    /// [`Error::Pipeline`] if the JSON is damaged, of another version, or does not fit the network.
    pub fn from_json(json: &str, inputs: usize, file: &str) -> Result<Self> {
        // A reason may quote the JSON, line ends and all.
        let one_line = |reason: String| reason.replace(char::is_control, " ");
        let unusable = |reason: String| Error::Pipeline { file: file.to_owned(), reason: one_line(reason) };
        let Version { version } = serde_json::from_str(json).map_err(|error| unusable(error.to_string()))?;
        if version != Self::VERSION {
            let known = Self::VERSION;
            return Err(unusable(format!("it has version {version}, and this program reads version {known}")));
        }
        let pipeline: Self = serde_json::from_str(json).map_err(|error| unusable(error.to_string()))?;
        if pipeline.inputs() != inputs {
            let described = pipeline.inputs();
            return Err(unusable(format!("it describes {described} inputs for a network of {inputs}")));
        }
        if !pipeline.features.iter().all(|feature| feature.encoder.is_sound()) || !pipeline.target.is_sound() {
            return Err(unusable("a number in it is missing or impossible".to_owned()));
        }
        Ok(pipeline)
    }
}

/// A pipeline that has found its columns in a table.
#[derive(Debug)]
pub struct Encoding<'a> {
    columns: Vec<EncodedColumn<'a>>,
}

#[derive(Debug)]
struct EncodedColumn<'a> {
    position: usize,
    encoder: &'a Encoder,
    /// The level of each code of a label.
    levels: Vec<Option<usize>>,
}

impl Encoding<'_> {
    /// Appends the inputs of a row of a block.
    fn row(&self, block: &Block, row: usize, inputs: &mut Vec<f32>) {
        for EncodedColumn { position, encoder, levels } in &self.columns {
            encoder.encode(block.column(*position)[row], levels, inputs);
        }
    }

    /// Appends the inputs of all rows of a block: (rows, inputs), row-major.
    pub fn block(&self, block: &Block, inputs: &mut Vec<f32>) {
        (0..block.rows()).for_each(|row| self.row(block, row, inputs));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PieceCount, ReadOptions, Scaling, Source, TableReader};

    fn table() -> Table {
        let text =
            "a,b \"c\",when,kind,same\n0.1,x,2024-01-01,yes,1\n1e-38,y,2024-01-09,no,1\n3e38,x,?,yes,1\n,y,,no,1\n";
        let reader = TableReader::open(Source::memory("t.csv", text.as_bytes()), &ReadOptions::default()).unwrap();
        let inferred = reader.infer(reader.header().columns()).unwrap();
        reader.read(inferred.iter().map(|column| Column::new(&column.name, column.kind)).collect()).unwrap()
    }

    fn pipeline() -> (Pipeline, Vec<Dropped>) {
        let table = table();
        let target = Target::fit(&table, "kind", None, &[0, 1]).unwrap();
        let columns = ["a", "b \"c\"", "when", "same"].map(str::to_owned);
        Pipeline::fit(&table, &columns, &[0, 1, 2, 3], target, Scaling::Standard).unwrap()
    }

    #[test]
    fn useless_columns_are_dropped() {
        let (pipeline, dropped) = pipeline();
        assert_eq!(
            pipeline.features().iter().map(|feature| &*feature.name).collect::<Vec<_>>(),
            ["a", "b \"c\"", "when"]
        );
        assert_eq!(dropped, [Dropped { name: "same".to_owned(), reason: Reason::Constant }]);
        let table = table();
        let error = Pipeline::fit(&table, &["same".to_owned()], &[0, 1], pipeline.target().clone(), Scaling::Standard);
        let error = error.unwrap_err().to_string();
        assert!(error.contains("`same` (constant)"), "{error}");
    }

    #[test]
    fn a_table_is_consumed_as_it_is_copied() {
        let (pipeline, _) = pipeline();
        // The number and its mark; two labels; the days and their mark, and one cycle, the week.
        assert_eq!(pipeline.inputs(), 2 + 2 + 4);
        let all = pipeline.apply(&table(), &[0, 1, 2, 3]).unwrap();
        let [even, odd, none] = pipeline.consume(table(), [&[0, 2], &[1, 3], &[]]).unwrap();
        let rows: Vec<&[f32]> = all.chunks_exact(8).collect();
        assert_eq!((even, odd, none), ([rows[0], rows[2]].concat(), [rows[1], rows[3]].concat(), vec![]));
        assert!(all.iter().all(|input| input.is_finite()));
    }

    #[test]
    fn a_table_for_prediction_is_checked_by_name() {
        let (pipeline, _) = pipeline();
        let read = |text: &str| {
            let reader = TableReader::open(Source::memory("p.csv", text.as_bytes()), &ReadOptions::default())?;
            pipeline.apply(&reader.read(pipeline.columns())?, &[0])
        };
        let straight = read("a,\"b \"\"c\"\"\",when\n1,y,2024-01-05\n").unwrap();
        assert_eq!(straight, read("more,when,a,\"b \"\"c\"\"\"\nx,2024-01-05,1,y\n").unwrap());
        for (text, complaint) in [
            ("a,when\n1,2024-01-05\n", "`p.csv` has no column `b \\\"c\\\"`"),
            ("a,\"b \"\"c\"\"\",when\nx,y,2024-01-05\n", "row 1 (line 2), column `a`: `x` is not a number"),
            ("a,\"b \"\"c\"\"\",when\n1,y,5.1.2024\n", "`5.1.2024` is not a date such as 2024-12-31"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(complaint) && error.lines().count() == 1, "{error}");
        }
        let columns = [("a", Kind::Category), ("b \"c\"", Kind::Category), ("when", Kind::Number)];
        let columns = columns.map(|(name, kind)| Column::new(name, kind));
        let error = pipeline.encoding(&columns, "p.csv").unwrap_err().to_string();
        assert_eq!(error, "column `a` of `p.csv` holds text, but numbers are needed");
    }

    #[test]
    fn labels_of_another_table_are_found_by_their_value() {
        let read = |labels: [&str; 6], column: Column| {
            let text = labels.map(|label| format!("{label},{}\n", label.len())).concat();
            let source = Source::memory("t.csv", format!("a,kind\n{text}").into_bytes());
            let columns = vec![column, Column::target("kind", Kind::Category)];
            TableReader::open(source, &ReadOptions::default()).unwrap().read(columns).unwrap()
        };
        let plain = || Column::new("a", Kind::Category);
        let table = read(["1", "1", "2", "2", "blue", "blue"], plain());
        let (target, rows) = (Target::fit(&table, "kind", None, &[0]).unwrap(), [0, 1, 2, 3, 4, 5]);
        let (pipeline, _) = Pipeline::fit(&table, &["a".to_owned()], &rows, target, Scaling::Standard).unwrap();
        let inputs = pipeline.apply(&table, &rows).unwrap();
        for column in [plain(), pipeline.columns().remove(0)] {
            let other = read(["1.0", "1", "2.0", "2.00", "blue", "blue"], column);
            assert_eq!(pipeline.apply(&other, &rows).unwrap(), inputs);
        }
    }

    #[test]
    fn json_keeps_every_bit() {
        let (pipeline, _) = pipeline();
        let json = pipeline.to_json();
        assert!(json.starts_with(r#"{"version":3,"features":[{"name":"a","encoder":{"number":{"#), "{json}");
        assert_eq!(Pipeline::from_json(&json, 8, "m").unwrap(), pipeline);
    }

    #[test]
    fn numbers_and_dates_can_come_in_pieces() {
        let table = table();
        let target = pipeline().0.target().clone();
        let columns = ["a", "b \"c\"", "when"].map(str::to_owned);
        let numbers = NumberEncoding { scaling: Scaling::Standard, pieces: PieceCount::UpTo(9) };
        let (pipeline, _) = Pipeline::fit(&table, &columns, &[0, 1, 2, 3], target, numbers).unwrap();
        // Three different numbers are two pieces; two different days are none.
        assert_eq!(pipeline.inputs(), 4 + 2 + 4);
        let inputs = pipeline.apply(&table, &[0, 2, 3]).unwrap();
        let rows: Vec<&[f32]> = inputs.chunks_exact(10).map(|row| &row[1..4]).collect();
        // The last row has no number, and the median is that of the first one.
        assert_eq!(rows, [[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [1.0, 0.0, 1.0]]);
        let json = pipeline.to_json();
        assert_eq!(Pipeline::from_json(&json, 10, "m").unwrap(), pipeline);
        let error = Pipeline::from_json(&json.replace(r#""pieces":[1e-38,"#, r#""pieces":[1.0,"#), 10, "m");
        assert!(error.unwrap_err().to_string().contains("a number in it"), "{json}");
    }

    #[test]
    fn unusable_json_says_why() {
        let json = pipeline().0.to_json();
        for (json, inputs, complaint) in [
            (json.replace("\"version\":3", "\"version\":1"), 8, "it has version 1, and this program reads version 3"),
            (json.clone(), 3, "it describes 8 inputs for a network of 3"),
            (json.replace(r#""spread":"#, r#""spread":-"#), 8, "a number in it"),
            (json.replace(r#""levels":["x","y"]"#, r#""levels":["x","y","z"]"#), 9, "a number in it"),
            (json.replace(r#""column":"kind","#, ""), 8, "missing field `column`"),
            ("[]".to_owned(), 8, "`m`"),
            ("{".to_owned(), 8, "EOF"),
        ] {
            let error = Pipeline::from_json(&json, inputs, "m").unwrap_err().to_string();
            assert!(error.contains(complaint) && error.lines().count() == 1, "{error}");
        }
    }
}
