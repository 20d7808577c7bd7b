//! The table to train on: which file, which columns, which class is t = 1.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use clap::Args;
use data::{Column, DateOrder, Error, Format, Inferred, Kind, LABEL, Source, Table, TableReader, Task};
use model::Columns;

use crate::reading::{self, Reading};
use crate::report::{Report, list};
use crate::values;

/// The data set that is trained on if no file is given.
const BUNDLED: &[u8] = include_bytes!("../../../data/wdbc.csv");
const BUNDLED_NAME: &str = "wdbc.csv (bundled)";
const BUNDLED_TARGET: &str = "diagnosis";

/// The arguments that say what to learn.
#[derive(Args)]
#[command(next_help_heading = "Columns")]
pub struct TrainingTable {
    /// Table to train on, or - for the standard input [default: the bundled Wisconsin Diagnostic Breast Cancer data]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// Column that is to be predicted: its name, or else its place, counted from 1 [default for LIBSVM and IDX: label]
    #[arg(long, value_name = "COLUMN")]
    target: Option<String>,

    /// What the target column holds: classification for classes, regression for numbers [default: by its values]
    #[arg(long, value_parser = values::task)]
    task: Option<Task>,

    /// Label that is t = 1, the positive class [default: 1 of 0 and 1, else the rarer one]
    #[arg(long, value_name = "LABEL")]
    positive: Option<String>,

    /// Column to learn from; may be given several times [default: all but the target]
    #[arg(long = "features", value_name = "COLUMN")]
    features: Vec<String>,

    /// Column to leave out; may be given several times
    #[arg(long, value_name = "COLUMN", alias = "ignore", conflicts_with = "features")]
    drop: Vec<String>,

    /// Column of numbers, where anything else is an error; may be given several times [default: by its values]
    #[arg(long, value_name = "COLUMN")]
    numeric: Vec<String>,

    /// Column of labels, even if they are numbers; may be given several times [default: by its values]
    #[arg(long, value_name = "COLUMN")]
    categorical: Vec<String>,

    /// Column of numbers from 0 on that say how much each row counts, in training and in the scores
    #[arg(long, value_name = "COLUMN")]
    weights: Option<String>,

    /// How the file is read.
    #[command(flatten)]
    pub reading: Reading,
}

/// A column that splits the rows.
pub enum Partition<'a> {
    /// By the words train, validation and test.
    Words(&'a str),
    /// Into folds, by numbers or labels.
    Folds(&'a str),
}

impl TrainingTable {
    /// The file, unless the bundled data are meant.
    pub fn path(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The files that are read.
    pub fn files(&self) -> Vec<PathBuf> {
        self.path().map_or_else(Vec::new, |path| self.reading.files(path))
    }

    /// Reads the columns that are needed, those to learn from and others, and says what they are for.
    pub fn read(&self, partition: Option<Partition>, report: &mut Report) -> Result<(Table, Columns)> {
        let reader = match &self.file {
            Some(path) => self.reading.open(path, report)?,
            None => self.reading.open_source(Source::memory(BUNDLED_NAME, BUNDLED), report)?,
        };
        let header = reader.header();
        let target = self.target(&reader)?;
        let weights = self.weights.as_deref().map(|name| header.resolve(name)).transpose()?.map(str::to_owned);
        let by = match partition {
            Some(Partition::Words(name) | Partition::Folds(name)) => Some(header.resolve(name)?.to_owned()),
            None => None,
        };
        let others: Vec<String> =
            [Some(&target), weights.as_ref(), by.as_ref()].into_iter().flatten().cloned().collect();
        if let Some(name) = others.iter().enumerate().find_map(|(at, name)| others[..at].contains(name).then_some(name))
        {
            bail!(
                "the column `{}` cannot be two of the target, the weights and what splits the rows",
                name.escape_debug()
            );
        }
        let features = self.features(&reader, &others).map_err(|error| with_advice(error, &others))?;

        let file = header.file();
        let names = [&features[..], &others[..]].concat();
        let mut inferred = reader.infer(&names).map_err(reading::with_advice)?;
        let found = inferred.split_off(features.len());
        let mut columns = self.typed(inferred, report)?;
        columns.push(Task::to_read(self.task, &found[0], file)?);
        columns.extend(weights.iter().map(|name| Column::new(name, Kind::Number)));
        columns.extend(by.iter().zip(found.last()).map(|(name, found)| match partition {
            Some(Partition::Folds(_)) => Column::new(name, found.kind),
            _ => Column::new(name, Kind::Category),
        }));
        let table = reader.read(columns).map_err(|error| with_advice(error, &others))?;
        let positive = self.positive.clone();
        Ok((table, Columns { features, target, positive, weights }))
    }

    /// The name of the target column.
    fn target(&self, reader: &TableReader) -> Result<String> {
        let header = reader.header();
        let target = match (&self.target, &self.file, reader.format()) {
            (Some(target), _, _) => target,
            (None, None, _) => BUNDLED_TARGET,
            (None, Some(_), Format::Libsvm) => LABEL,
            (None, Some(_), Format::Idx) if header.resolve(LABEL).is_ok() => LABEL,
            (None, Some(_), Format::Idx) => bail!("where are the labels of `{}`? Give --labels", header.file()),
            (None, Some(_), _) => {
                bail!(
                    "which column of `{}` holds what is to be predicted? Give --target, one of {header}",
                    header.file()
                )
            }
        };
        Ok(header.resolve(target)?.to_owned())
    }

    /// The names of the columns to learn from, none of which is one of the `others`.
    fn features(&self, reader: &TableReader, others: &[String]) -> data::Result<Vec<String>> {
        let header = reader.header();
        if self.features.is_empty() {
            return header.features(&[others, &self.drop].concat());
        }
        let mut features: Vec<String> = Vec::new();
        for name in &self.features {
            let feature = header.resolve(name)?.to_owned();
            if !features.contains(&feature) && !others.contains(&feature) {
                features.push(feature);
            }
        }
        match features.is_empty() {
            true => Err(Error::NoFeatures { file: header.file().to_owned() }),
            false => Ok(features),
        }
    }

    /// The feature columns with the types that were found or asked for.
    fn typed(&self, inferred: Vec<Inferred>, report: &mut Report) -> Result<Vec<Column>> {
        for (argument, names) in [("numeric", &self.numeric), ("categorical", &self.categorical)] {
            if let Some(name) = names.iter().find(|name| inferred.iter().all(|column| column.name != **name)) {
                bail!("--{argument} {name:?} is none of the features");
            }
        }
        let mut columns = Vec::with_capacity(inferred.len());
        let (mut numbers, mut texts, mut dates) = (Vec::new(), Vec::new(), Vec::new());
        for Inferred { name, kind, note, .. } in inferred {
            let kind = match (self.numeric.contains(&name), self.categorical.contains(&name)) {
                (true, true) => bail!("column {name:?} cannot be both --numeric and --categorical"),
                (true, false) => Kind::Number,
                (false, true) => Kind::Category,
                (false, false) => {
                    if let Some(note) = note {
                        report.line("note", format!("column `{name}` is {note}; --numeric {name:?} refuses that"));
                    }
                    kind
                }
            };
            columns.push(Column::new(&name, kind));
            match kind {
                Kind::Number => numbers.push(name),
                Kind::Category => texts.push(name),
                Kind::Date(DateOrder::YearFirst) => dates.push(name),
                Kind::Date(DateOrder::MonthFirst) => dates.push(format!("{name} (month first)")),
                Kind::Date(DateOrder::DayFirst) => dates.push(format!("{name} (day first)")),
            }
        }
        for (word, names) in [("numbers", numbers), ("text", texts), ("dates", dates)] {
            if !names.is_empty() {
                report.line(word, list(&names));
            }
        }
        Ok(columns)
    }
}

/// Names the argument that helps if a column cannot be used as a feature.
fn with_advice(error: Error, others: &[String]) -> anyhow::Error {
    match error.avoidable_column() {
        Some(column) if !others.iter().any(|other| other == column) => {
            anyhow!("{error}; --drop {column:?} leaves the column out")
        }
        _ => error.into(),
    }
}
