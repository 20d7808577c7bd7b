//! The experiment behind docs/accuracy.md: cross-validates the default recipe, or one that differs from it, on tables that
//! `folds.py` wrote. `accuracy.py` does it for all of them, and makes the tables of the document.
//!
//! ```text
//! cargo run --release -p model --example accuracy -- scores|time FOLDER SET,SET,... [NAME=VALUE ...]
//! ```
//!
//! `scores` prints the means over the folds, and `time` the CPU seconds of one fit on one thread, to all folds but the first.
//! NAME is a field of `model::Recipe`, as in `learning_rate=0.001` or `hidden=[64,32]`.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use data::{Column, Kind, ReadOptions, Source, Split, Table, TableReader};
use model::{Columns, Compute, Recipe, cross_validate, fit};
use net::metrics::Metric;
use serde_json::{Map, Value};

/// Those of the document.
const METRICS: [Metric; 3] = [Metric::RocAuc, Metric::LogLoss, Metric::Accuracy];

/// The recipe that chooses what is named and leaves the rest open.
fn recipe(choices: &[String]) -> Result<Recipe> {
    let mut chosen = Map::new();
    for choice in choices {
        let (name, value) = choice.split_once('=').with_context(|| format!("give NAME=VALUE, not {choice}"))?;
        // A number, a list, or a text.
        let value = match serde_json::from_str(value) {
            Ok(value) if name != "pieces" => value,
            _ => Value::String(value.to_owned()),
        };
        chosen.insert(name.to_owned(), value);
    }
    Ok(serde_json::from_value(Value::Object(chosen))?)
}

/// Reads a table with a class in `target` and a part in `fold`.
fn read(path: &Path) -> Result<(Table, Columns)> {
    let reader = TableReader::open(Source::path(path), &ReadOptions::default())?;
    let features = reader.header().features(&["target".to_owned(), "fold".to_owned()])?;
    let inferred = reader.infer(&features)?;
    let mut columns: Vec<Column> = inferred.iter().map(|column| Column::new(&column.name, column.kind)).collect();
    columns.push(Column::target("target", Kind::Category));
    columns.push(Column::new("fold", Kind::Number));
    Ok((reader.read(columns)?, Columns { positive: Some("1".to_owned()), ..Columns::new(features, "target") }))
}

/// Prints the means of the metrics over the folds.
fn print_scores(set: &str, table: &Table, columns: &Columns, splits: &[Split], recipe: &Recipe) -> Result<()> {
    let found = cross_validate(table, columns, splits, recipe, Compute::default(), &|_, _| (), &|| false)?;
    let means = METRICS.map(|metric| {
        let mean = found.summary.iter().find(|score| score.metric == metric).and_then(|score| score.mean);
        mean.map_or("-".to_owned(), |mean| format!("{mean:.6}"))
    });
    println!("{set},{}", means.join(","));
    Ok(())
}

/// Prints the number of inputs and the CPU seconds of a fit; not those of preparing its inputs.
fn print_time(set: &str, table: &Table, columns: &Columns, split: &Split, recipe: &Recipe) -> Result<()> {
    let prepared = columns.prepare_from(table, split, recipe)?;
    let inputs = prepared.pipeline.inputs();
    let start = cpu_seconds()?;
    fit(prepared.pipeline, prepared.training, None, &prepared.settings, Compute::default(), &|_| true)?;
    println!("{set},{inputs},{:.3}", cpu_seconds()? - start);
    Ok(())
}

/// The CPU seconds of this thread so far.
fn cpu_seconds() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").context("CPU time is read from Linux")?;
    let nanoseconds: f64 = text.split(' ').next().unwrap_or_default().parse()?;
    Ok(nanoseconds / 1e9)
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    ensure!(arguments.len() >= 3, "give scores or time, a folder, and sets; and perhaps NAME=VALUE");
    let recipe = recipe(&arguments[3..])?;
    match &arguments[0][..] {
        "scores" => println!("set,{}", METRICS.map(Metric::title).join(",")),
        "time" => println!("set,inputs,CPU seconds"),
        other => bail!("give scores or time, not {other}"),
    }
    for set in arguments[2].split(',') {
        let (table, columns) = read(&Path::new(&arguments[1]).join(format!("{set}.csv")))?;
        let splits = Split::folds_by_column(&table, "fold")?;
        match &arguments[0][..] {
            "scores" => print_scores(set, &table, &columns, &splits, &recipe)?,
            _ => print_time(set, &table, &columns, &splits[0], &recipe)?,
        }
    }
    Ok(())
}
