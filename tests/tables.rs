//! Tables of every format: real files, generated ones, damaged ones.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use data::{
    Column, Format, Kind, Pipeline, ReadOptions, Result, Scaling, Source, Split, Table, TableReader, Target, Task,
};
use proptest::prelude::*;

/// A real file that is not part of this repository, if it is there.
fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    if !path.exists() {
        // Not `eprintln!`, whose lines are kept from the reader while tests succeed.
        let _ = writeln!(io::stderr(), "SKIPPED: there is no {}", path.display());
        return None;
    }
    Some(path)
}

/// All columns, with the types that are found.
fn read(source: Source, options: &ReadOptions) -> Result<Table> {
    let reader = TableReader::open(source, options)?;
    let inferred = reader.infer(reader.header().columns())?;
    reader.read(inferred.iter().map(|column| Column::new(&column.name, column.kind)).collect())
}

fn text(bytes: impl AsRef<[u8]>) -> Source {
    Source::memory("t", bytes.as_ref())
}

/// The numbers of rows, of columns of numbers and of text, and of missing cells.
fn shape(table: &Table) -> (usize, usize, usize, usize) {
    let of_kind = |kind| table.columns().iter().filter(|column| column.kind() == kind).count();
    let missing = (0..table.columns().len()).map(|column| table.summary(column).missing).sum();
    (table.rows(), of_kind(Kind::Number), of_kind(Kind::Category), missing)
}

#[test]
fn real_files_are_understood() {
    let header = ReadOptions::default();
    let none = ReadOptions { has_header: false, ..ReadOptions::default() };
    let blanks = ReadOptions { delimiter: Some(b' '), ..none.clone() };
    let skip = ReadOptions { skip_lines: 1, ..none.clone() };
    for (name, options, expected) in [
        ("adult-train.csv", &none, (32_561, 6, 9, 1836 + 1843 + 583)),
        ("adult-test.csv", &none, (16_281, 6, 9, 6465 - 1836 - 1843 - 583)),
        ("agaricus.txt.train", &header, (6513, 127, 0, 0)),
        ("bank-additional-full.csv", &header, (41_188, 10, 11, 0)),
        ("banknote_authentication.csv", &none, (1372, 5, 0, 0)),
        ("breast_cancer_sklearn.csv", &skip, (569, 31, 0, 0)),
        ("california_housing.csv.gz", &header, (20_640, 9, 0, 0)),
        ("credit-g.csv", &header, (1000, 7, 14, 0)),
        ("elec.csv", &header, (45_312, 7, 0, 0)),
        ("fashion-mnist/t10k-images-idx3-ubyte.gz", &header, (10_000, 785, 0, 0)),
        ("letter.csv", &none, (20_000, 16, 1, 0)),
        ("lightgbm_binary.test", &none, (500, 29, 0, 0)),
        ("magic.csv", &header, (19_020, 10, 1, 0)),
        ("mammography.csv", &none, (11_183, 6, 1, 0)),
        ("mnist/t10k-images-idx3-ubyte.gz", &header, (10_000, 785, 0, 0)),
        ("mushroom.csv", &header, (8124, 0, 23, 2480)),
        ("oil-spill.csv", &none, (937, 50, 0, 0)),
        ("pima-diabetes.csv", &header, (768, 8, 1, 0)),
        ("sklearn_diabetes_data_raw.csv.gz", &blanks, (442, 10, 0, 0)),
        ("sklearn_digits.csv.gz", &none, (1797, 65, 0, 0)),
        ("sklearn_iris.csv", &skip, (150, 5, 0, 0)),
        // Its first line has as many cells as there are columns.
        ("sklearn_iris.csv", &header, (150, 5, 0, 0)),
        ("sklearn_wine_data.csv", &skip, (178, 14, 0, 0)),
        ("spambase.csv", &header, (4601, 57, 1, 0)),
        ("wdbc.csv", &header, (569, 30, 1, 0)),
        ("winequality-white.csv", &none, (4898, 12, 0, 0)),
    ] {
        let Some(path) = shared(name) else { continue };
        let table = read(Source::path(&path), options).unwrap();
        assert_eq!(shape(&table), expected, "{name}");
    }
}

#[test]
fn the_task_of_real_targets() {
    let none = ReadOptions { has_header: false, ..ReadOptions::default() };
    let skip = ReadOptions { skip_lines: 1, ..none.clone() };
    let header = ReadOptions::default();
    for (name, options, target, kind) in [
        ("banknote_authentication.csv", &none, "5", Kind::Category),
        ("california_housing.csv.gz", &header, "medianHouseValue", Kind::Number),
        ("letter.csv", &none, "17", Kind::Category),
        ("sklearn_digits.csv.gz", &none, "65", Kind::Category),
        ("sklearn_iris.csv", &skip, "5", Kind::Category),
        ("mnist/t10k-images-idx3-ubyte.gz", &header, "label", Kind::Category),
    ] {
        let Some(path) = shared(name) else { continue };
        let reader = TableReader::open(Source::path(&path), options).unwrap();
        let inferred = reader.infer(&[target.to_owned()]).unwrap();
        assert_eq!(Task::kind(None, &inferred[0], name).unwrap(), kind, "{name}");
    }
}

#[test]
fn the_digits_of_mnist_are_where_they_should_be() {
    let Some(path) = shared("mnist/t10k-images-idx3-ubyte.gz") else { return };
    let reader = TableReader::open(Source::path(&path), &ReadOptions::default()).unwrap();
    let mut columns: Vec<Column> = ["1", "203", "784"].iter().map(|name| Column::new(name, Kind::Number)).collect();
    columns.push(Column::target("label", Kind::Category));
    let table = reader.read(columns).unwrap();
    let target = Target::fit(&table, "label", None, &[0]).unwrap();
    assert_eq!(target.values(&table).unwrap()[..10], [7.0, 2.0, 1.0, 0.0, 4.0, 1.0, 4.0, 9.0, 5.0, 9.0]);
    // Pixel 203 is row 7, column 6 of the image; the first image, a seven, begins there with 84 of 255.
    assert_eq!((table.gather(1, &[0]), table.gather(0, &[0])), (vec![84.0 / 255.0], vec![0.0]));
}

#[test]
fn a_pipeline_of_a_real_table() {
    let Some(path) = shared("adult-train.csv") else { return };
    let options = ReadOptions { has_header: false, ..ReadOptions::default() };
    let table = read(Source::path(&path), &options).unwrap();
    let split = Split::stratified(&table.labels("15").unwrap(), 0.2, 0).unwrap();
    let features: Vec<String> = (1..=14).map(|place: usize| place.to_string()).collect();
    for scaling in [Scaling::Standard, Scaling::Robust] {
        let target = Target::fit(&table, "15", Some(">50K"), &split.training).unwrap();
        let (pipeline, dropped) = Pipeline::fit(&table, &features, &split.training, target, scaling).unwrap();
        assert_eq!((dropped.len(), pipeline.inputs()), (0, 108));
        let inputs = pipeline.apply(&table, &split.held_out).unwrap();
        let largest = inputs.iter().fold(0.0_f32, |largest, input| largest.max(input.abs()));
        let bound = if scaling == Scaling::Robust { 3.0 } else { 100.0 };
        assert!(largest <= bound, "{largest}");
        assert_eq!(Pipeline::from_json(&pipeline.to_json(), 108, "m").unwrap(), pipeline);
    }
}

/// Many rows of numbers, and then text: the column is text from the first row on.
#[test]
fn some_rows_are_read_as_all_are() {
    let mut content = "number,label\n".to_owned();
    (0..20).for_each(|row| content += &format!("{row},{}\n", ["a", "b", ""][row % 3]));
    let reader = TableReader::open(text(content), &ReadOptions::default()).unwrap();
    let columns = || vec![Column::new("label", Kind::Category), Column::new("number", Kind::Number)];
    let all = reader.read(columns()).unwrap();
    for range in [0..1, 4..7, 18..99, 0..usize::MAX] {
        let some = reader.read_rows(columns(), range.clone()).unwrap();
        let rows: Vec<usize> = (range.start..range.end.min(20)).collect();
        assert_eq!(some.rows(), rows.len());
        for (place, row) in rows.into_iter().enumerate() {
            for column in 0..2 {
                assert_eq!(some.text(column, place), all.text(column, row), "row {row}");
            }
        }
    }
    assert_eq!((all.text(0, 4), all.text(0, 5), all.text(1, 5)), (Some("b".to_owned()), None, Some("5".to_owned())));
    let error = reader.read_rows(columns(), 20..21).unwrap_err().to_string();
    assert_eq!(error, "`t` has no row 21: its rows are 1 to 20");
    let error = reader.read_rows(columns(), 4..9).unwrap().labels("label").unwrap_err().to_string();
    assert!(error.contains("`t`, row 6, target column `label` is empty"), "{error}");
}

#[test]
fn the_last_row_can_decide_the_type() {
    let mut content = "a,b\n".to_owned();
    for row in 0..200_000 {
        content += &format!("{},{}\n", row % 1000, row % 10);
    }
    content += "7,x\n";
    let table = read(text(content), &ReadOptions::default()).unwrap();
    assert_eq!(shape(&table), (200_001, 1, 1, 0));
    assert_eq!(table.columns()[1].labels(), ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "x"]);
}

/// Numbers and labels, some of them missing, as the cells of a CSV file.
fn tables() -> impl Strategy<Value = Vec<(Option<f32>, Option<String>)>> {
    let number = prop_oneof![
        4 => (-1000..1000_i32).prop_map(|number| Some(number as f32 / 8.0)),
        2 => any::<f32>().prop_filter("finite", |number| number.is_finite()).prop_map(Some),
        1 => Just(None),
    ];
    let label = prop_oneof![
        4 => "[a-c]".prop_map(Some),
        2 => "[a-z;,\" '\n]{1,12}".prop_map(Some),
        1 => Just(None),
    ];
    proptest::collection::vec((number, label), 1..60)
}

fn csv_of(rows: &[(Option<f32>, Option<String>)], delimiter: u8) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
    writer.write_record(["number", "label"]).unwrap();
    for (number, label) in rows {
        let number = number.map_or("NA".to_owned(), |number| format!("{number:?}"));
        writer.write_record([&number, label.as_deref().unwrap_or("")]).unwrap();
    }
    writer.into_inner().unwrap()
}

fn columns() -> Vec<Column> {
    vec![Column::new("number", Kind::Number), Column::new("label", Kind::Category)]
}

proptest! {
    #[test]
    fn csv_reads_back_what_was_written(rows in tables(), delimiter in prop_oneof![Just(b','), Just(b';'), Just(b'\t')]) {
        let options = ReadOptions { delimiter: Some(delimiter), ..ReadOptions::default() };
        let reader = TableReader::open(text(csv_of(&rows, delimiter)), &options).unwrap();
        let table = reader.read(columns()).unwrap();
        prop_assert_eq!(table.rows(), rows.len());
        let labels = table.columns()[1].labels();
        for (row, (number, label)) in rows.iter().enumerate() {
            let read = table.gather(0, &[row])[0];
            prop_assert!(number.map_or(read.is_nan(), |number| read.to_bits() == number.to_bits()));
            let code = table.gather(1, &[row])[0];
            let read = if code.is_nan() { "" } else { &labels[code as usize] };
            prop_assert_eq!(read, label.as_deref().unwrap_or("").trim());
        }
    }

    #[test]
    fn a_pipeline_gives_finite_inputs_and_survives_its_file(rows in tables(), new in tables()) {
        let reader = TableReader::open(text(csv_of(&rows, b',')), &ReadOptions::default()).unwrap();
        let table = reader.read(columns()).unwrap();
        // The target does not matter here, and is not among the columns.
        let kinds = reader_of("kind\na\nb\n").read(vec![Column::target("kind", Kind::Category)]).unwrap();
        let target = Target::fit(&kinds, "kind", None, &[0]).unwrap();
        let training: Vec<usize> = (0..rows.len()).filter(|row| row % 3 != 1).collect();
        let features = ["number".to_owned(), "label".to_owned()];
        for scaling in [Scaling::Standard, Scaling::Robust] {
            let Ok((pipeline, _)) = Pipeline::fit(&table, &features, &training, target.clone(), scaling) else { continue };
            let inputs = pipeline.inputs();
            prop_assert_eq!(&Pipeline::from_json(&pipeline.to_json(), inputs, "m").unwrap(), &pipeline);
            let all: Vec<usize> = (0..rows.len()).collect();
            let straight = pipeline.apply(&table, &all).unwrap();
            prop_assert_eq!(straight.len(), rows.len() * inputs);
            let [consumed] = pipeline.consume(table.clone(), [&all]).unwrap();
            prop_assert_eq!(&consumed, &straight);
            // The same rows read for prediction, block by block.
            let (columns, mut streamed) = (pipeline.columns(), Vec::new());
            let encoding = pipeline.encoding(&columns, "t").unwrap();
            reader.read_blocks(columns.clone(), |block| -> Result<()> {
                encoding.block(&block, &mut streamed);
                Ok(())
            }).unwrap();
            prop_assert_eq!(&streamed, &straight);
            // Other rows, with other labels and missing cells where there were none.
            let other = TableReader::open(text(csv_of(&new, b',')), &ReadOptions::default()).unwrap();
            let other = other.read(pipeline.columns()).unwrap();
            let all: Vec<usize> = (0..new.len()).collect();
            let others = pipeline.apply(&other, &all).unwrap();
            prop_assert!(straight.iter().chain(&others).all(|input| input.is_finite()));
        }
    }

    #[test]
    fn no_bytes_make_a_reader_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        beginning in proptest::sample::select(BEGINNINGS),
        format in prop_oneof![
            Just(None), Just(Some(Format::Csv)), Just(Some(Format::Libsvm)), Just(Some(Format::Idx)),
        ],
    ) {
        let options = ReadOptions { format, ..ReadOptions::default() };
        if let Err(error) = read(text([beginning, &bytes].concat()), &options) {
            prop_assert_eq!(error.to_string().lines().count(), 1, "{}", error);
        }
    }
}

/// How files of the formats begin.
const BEGINNINGS: &[&[u8]] = &[
    b"",
    b"PAR1",
    b"ARROW1\0\0",
    b"\xff\xff\xff\xff",
    b"\0\0\x08\x02\0\0\0\x03\0\0\0\x02",
    b"1 1:2\n",
    b"a,b\n",
    b"\x1f\x8b\x08\0",
];

fn reader_of(content: &str) -> TableReader {
    TableReader::open(text(content), &ReadOptions::default()).unwrap()
}

#[cfg(feature = "arrow")]
mod arrow {
    use std::sync::Arc;

    use arrow_array::builder::{Int64Builder, ListBuilder, StringDictionaryBuilder};
    use arrow_array::types::Int32Type;
    use arrow_array::{
        ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray,
        TimestampMillisecondArray, UInt8Array,
    };
    use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
    use parquet::arrow::ArrowWriter;
    use parquet::basic::{Compression, GzipLevel, ZstdLevel};
    use parquet::file::properties::WriterProperties;

    use super::*;

    fn batch() -> RecordBatch {
        let mut dictionary = StringDictionaryBuilder::<Int32Type>::new();
        [Some("x"), None, Some("y")].into_iter().for_each(|label| dictionary.append_option(label));
        let columns: [(&str, ArrayRef); 9] = [
            ("int", Arc::new(Int64Array::from(vec![Some(1), None, Some(3)]))),
            ("byte", Arc::new(UInt8Array::from(vec![7, 8, 9]))),
            ("float", Arc::new(Float64Array::from(vec![0.5, f64::NAN, -1.5]))),
            ("bool", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]))),
            ("text", Arc::new(StringArray::from(vec![Some("a"), Some(" b "), Some("?")]))),
            ("code", Arc::new(dictionary.finish())),
            ("day", Arc::new(Date32Array::from(vec![Some(0), Some(19_782), None]))),
            (
                "time",
                Arc::new(TimestampMillisecondArray::from(vec![0, 43_200_000, -86_400_000]).with_timezone("+02:00")),
            ),
            ("price", Arc::new(Decimal128Array::from(vec![125, -50, 0]).with_precision_and_scale(9, 2).unwrap())),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).unwrap()
    }

    fn parquet(batch: &RecordBatch, compression: Compression) -> Vec<u8> {
        let properties = WriterProperties::builder().set_compression(compression).build();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
        writer.write(batch).unwrap();
        writer.close().unwrap();
        bytes
    }

    fn ipc_file(batch: &RecordBatch, options: IpcWriteOptions) -> Vec<u8> {
        let mut writer = FileWriter::try_new_with_options(Vec::new(), &batch.schema(), options).unwrap();
        writer.write(batch).unwrap();
        writer.into_inner().unwrap()
    }

    fn ipc_stream(batch: &RecordBatch) -> Vec<u8> {
        let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
        writer.write(batch).unwrap();
        writer.into_inner().unwrap()
    }

    fn files(batch: &RecordBatch) -> Vec<Vec<u8>> {
        let lz4 = IpcWriteOptions::default().try_with_compression(Some(arrow_ipc::CompressionType::LZ4_FRAME)).unwrap();
        let zstd = IpcWriteOptions::default().try_with_compression(Some(arrow_ipc::CompressionType::ZSTD)).unwrap();
        vec![
            parquet(batch, Compression::UNCOMPRESSED),
            parquet(batch, Compression::SNAPPY),
            parquet(batch, Compression::GZIP(GzipLevel::default())),
            parquet(batch, Compression::ZSTD(ZstdLevel::default())),
            parquet(batch, Compression::LZ4_RAW),
            ipc_file(batch, IpcWriteOptions::default()),
            ipc_file(batch, lz4),
            ipc_file(batch, zstd),
            ipc_stream(batch),
        ]
    }

    #[test]
    fn every_type_and_compression_is_read() {
        use data::DateOrder::YearFirst;
        let folder = tempfile::tempdir().unwrap();
        for (number, bytes) in files(&batch()).into_iter().enumerate() {
            let path = folder.path().join(number.to_string());
            std::fs::write(&path, &bytes).unwrap();
            for source in [Source::path(&path), text(&bytes)] {
                let table = read(source, &ReadOptions::default()).unwrap();
                let kinds: Vec<Kind> = table.columns().iter().map(Column::kind).collect();
                let (number, category, date) = (Kind::Number, Kind::Category, Kind::Date(YearFirst));
                assert_eq!(kinds, [number, number, number, category, category, category, date, date, number]);
                let expected = [
                    [1.0, f32::NAN, 3.0],
                    [7.0, 8.0, 9.0],
                    [0.5, f32::NAN, -1.5],
                    [0.0, 1.0, f32::NAN],
                    [0.0, 1.0, f32::NAN],
                    [0.0, f32::NAN, 1.0],
                    [0.0, 19_782.0, f32::NAN],
                    [0.0, 0.5, -1.0],
                    [1.25, -0.5, 0.0],
                ];
                for (column, expected) in expected.iter().enumerate() {
                    let cells: Vec<f32> = table.cells(column).collect();
                    assert_eq!(format!("{cells:?}"), format!("{expected:?}"), "{}", table.columns()[column].name());
                }
                assert_eq!(
                    (table.columns()[3].labels(), table.columns()[4].labels()),
                    (&["true", "false"].map(str::to_owned)[..], &["a", "b"].map(str::to_owned)[..])
                );
            }
        }
    }

    #[test]
    fn columns_are_projected_and_checked_by_name() {
        for bytes in files(&batch()) {
            let reader = TableReader::open(text(&bytes), &ReadOptions::default()).unwrap();
            let columns = || vec![Column::new("price", Kind::Number), Column::new("byte", Kind::Category)];
            let table = reader.read(columns()).unwrap();
            assert!(table.cells(0).eq([1.25, -0.5, 0.0]));
            assert_eq!(table.columns()[1].labels(), ["7", "8", "9"]);
            let twice = [("price", Kind::Number), ("byte", Kind::Category), ("price", Kind::Category)];
            let twice = twice.map(|(name, kind)| Column::new(name, kind)).to_vec();
            let table = reader.read(twice).unwrap();
            assert!(table.cells(0).eq([1.25, -0.5, 0.0]));
            assert_eq!(table.columns()[2].labels(), ["1.25", "-0.5", "0"]);
            for (column, complaint) in [
                (Column::new("text", Kind::Number), "row 1, column `text`: `a` is not a number"),
                (Column::new("day", Kind::Number), "column `day` of `t` holds dates, but numbers are needed"),
                (Column::new("int", Kind::Date(data::DateOrder::YearFirst)), "holds numbers, but dates are needed"),
                (Column::target("int", Kind::Number), "row 2, target column `int` is empty"),
                (Column::new("prize", Kind::Number), "did you mean `price`?"),
            ] {
                let error = reader.read(vec![column]).unwrap_err().to_string();
                assert!(error.contains(complaint) && error.lines().count() == 1, "{error}");
            }
        }
    }

    #[test]
    fn text_and_few_numbers_are_looked_into() {
        let columns: [(&str, ArrayRef); 4] = [
            ("day", Arc::new(StringArray::from(vec!["2024-01-01", "2024-01-02"]))),
            ("code", Arc::new(StringArray::from(vec!["1", "2"]))),
            ("kind", Arc::new(Int64Array::from(vec![0, 1]))),
            ("none", Arc::new(arrow_array::NullArray::new(2))),
        ];
        let batch = RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).unwrap();
        for bytes in files(&batch) {
            let reader = TableReader::open(text(&bytes), &ReadOptions::default()).unwrap();
            let inferred = reader.infer(reader.header().columns()).unwrap();
            let kinds: Vec<Kind> = inferred.iter().map(|column| column.kind).collect();
            let date = Kind::Date(data::DateOrder::YearFirst);
            assert_eq!(kinds, [date, Kind::Category, Kind::Number, Kind::Number]);
            assert_eq!(inferred[2].classes, Some(2));
            assert_eq!(reader.read(vec![Column::new("none", Kind::Number)]).unwrap().summary(0).missing, 2);
        }
    }

    #[test]
    fn nested_columns_are_refused_by_name() {
        let mut lists = ListBuilder::new(Int64Builder::new());
        lists.append_value([Some(1), Some(2)]);
        let columns: [(&str, ArrayRef); 2] =
            [("a", Arc::new(Int64Array::from(vec![1]))), ("list", Arc::new(lists.finish()))];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        for bytes in files(&batch) {
            let error = read(text(&bytes), &ReadOptions::default()).unwrap_err();
            assert_eq!(error.avoidable_column(), Some("list"));
            let error = error.to_string();
            assert!(error.contains("column `list` of `t` holds List(") && error.lines().count() == 1, "{error}");
            let reader = TableReader::open(text(&bytes), &ReadOptions::default()).unwrap();
            assert!(reader.read(vec![Column::new("a", Kind::Number)]).unwrap().cells(0).eq([1.0]));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        /// All but compressed Arrow files, where a damaged length can make the decoder ask for more memory than there is.
        #[test]
        fn damaged_files_are_errors(file in prop::sample::select(vec![0_usize, 1, 2, 3, 4, 5, 8]), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
            let mut bytes = files(&batch()).swap_remove(file);
            let at = at.index(bytes.len());
            match cut {
                true => bytes.truncate(at),
                false => bytes[at] = byte,
            }
            if let Err(error) = read(text(&bytes), &ReadOptions::default()) {
                prop_assert_eq!(error.to_string().lines().count(), 1, "{}", error);
            }
        }
    }
}
