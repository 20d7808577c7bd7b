//! `backprop check`: is the gradient of a model right?

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;
use comfy_table::{CellAlignment, Table as Grid, presets};
use model::Model;
use net::gradient_check::{LayerCheck, WeightIndex, check_within};
use serde::Serialize;

use crate::machine::Simd;
use crate::network;
use crate::reading::Reading;
use crate::report::{Report, count, print};
use crate::values;

/// Multiply-adds that the comparison with differences may take, all networks together: seconds.
const MULTIPLY_ADDS: f64 = 6e8;

/// Check the gradient of a model on some rows of a table
///
/// Two questions are answered for each layer. Does backpropagation, in double precision, agree with central differences of
/// the loss? And does the gradient that training computes, in single precision, agree with that, as far as rounding
/// allows? Errors are relative to the largest derivative of the layer. Of a large network a sample of the weights is compared
/// with differences. Ends with exit code 1 if an error is larger than it may be.
#[derive(Args)]
#[command(after_help = "\
Examples:
  backprop check model.safetensors patients.csv
  backprop check model.safetensors patients.csv --rows 32 --level scalar
  backprop check model.safetensors patients.csv --member 2 --json")]
pub struct Check {
    /// Model that `backprop train` has saved
    model: PathBuf,

    /// Table with the feature columns of the model and its target, or - for the standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Rows to check with, the first ones of the table
    #[arg(long, value_name = "N", value_parser = values::row, default_value = "8")]
    rows: usize,

    /// Which network of the model, counted from 1 [default: all of them]
    #[arg(long, value_name = "K", value_parser = values::members)]
    member: Option<usize>,

    /// Which weights of a large network are compared with differences
    #[arg(long, value_name = "S", value_parser = values::seed, default_value = "0")]
    seed: u64,

    #[command(flatten)]
    reading: Reading,

    #[command(flatten)]
    simd: Simd,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What was found in a layer of a network.
#[derive(Serialize)]
struct Found {
    /// The network, counted from 1.
    network: usize,
    #[serde(flatten)]
    check: LayerCheck,
    backpropagation_bound: f64,
    passes: bool,
}

/// The worst of some errors.
#[derive(Serialize)]
struct Worst {
    network: usize,
    #[serde(flatten)]
    weight: WeightIndex,
    error: f64,
    bound: f64,
}

impl Check {
    /// Checks, and prints.
    pub fn run(&self) -> Result<ExitCode> {
        let level = self.simd.level()?;
        let model = Model::load(&self.model)?;
        let members = match self.member {
            None => 1..=model.members.len(),
            Some(member) if member <= model.members.len() => member..=member,
            Some(member) => {
                let (file, all) = (self.model.display(), model.members.len());
                bail!("`{file}` has no network {member}: its networks are 1 to {all}");
            }
        };
        let mut report = Report::default();
        let reader = self.reading.open(&self.file, &mut report)?;
        let mut columns = model.pipeline.columns();
        columns.push(model.pipeline.target().to_read());
        let table = reader.read_rows(columns, 0..self.rows)?;
        let data = model.dataset(&table)?;

        let budget = MULTIPLY_ADDS / members.clone().count() as f64;
        let mut found = Vec::new();
        for network in members {
            let checks = check_within(&model.members[network - 1], &data, level, budget, self.seed)?;
            found.extend(checks.into_iter().map(|check| {
                let (backpropagation_bound, passes) = (check.backpropagation_bound(), check.passes());
                Found { network, check, backpropagation_bound, passes }
            }));
        }
        network::report(&model, &mut report);
        report.line(
            "data",
            format!(
                "the first {} {} of {}",
                count(table.rows()),
                if table.rows() == 1 { "row" } else { "rows" },
                table.file()
            ),
        );
        report.line("SIMD level", level.to_string());
        report.value("data", table.file());
        report.value("rows", table.rows());
        report.value("level", level.to_string());
        let passes = conclude(&found, &mut report);
        report.value("layers", &found);
        report.print(self.json)?;
        if !self.json {
            print(format!("{}\n", grid(&found)).as_bytes())?;
        }
        Ok(if passes { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Adds what was compared, what was worst, and whether that passes.
fn conclude(found: &[Found], report: &mut Report) -> bool {
    let sum = |number: fn(&LayerCheck) -> usize| found.iter().map(|found| number(&found.check)).sum::<usize>();
    let [weights, compared, kinks] = [sum(|c| c.weights), sum(|c| c.compared), sum(|c| c.at_a_kink)];
    let mut text = format!("{} of {} weights and biases with central differences", count(compared), count(weights));
    if kinks > 0 {
        text += &format!("; {} left out, since relu has its kink within the step", count(kinks));
    }
    report.line("compared", text);
    report.value("weights", weights);
    report.value("compared", compared);
    report.value("at_a_kink", kinks);
    let line = |worst: &Worst| {
        let of = if found.iter().all(|found| found.network == worst.network) {
            String::new()
        } else {
            format!(" of network {}", worst.network)
        };
        format!("{:.1e} at {}{of}, {:.1e} is allowed", worst.error, worst.weight, worst.bound)
    };
    let of_differences = found.iter().filter(|found| found.check.compared > 0);
    let differences = worst(of_differences.map(|Found { network, check, backpropagation_bound, .. }| Worst {
        network: *network,
        weight: check.backpropagation_worst,
        error: check.backpropagation_error,
        bound: *backpropagation_bound,
    }));
    let rounding = worst(found.iter().map(|Found { network, check, .. }| Worst {
        network: *network,
        weight: check.single_precision_worst,
        error: check.single_precision_error,
        bound: check.single_precision_bound,
    }));
    report.line(
        "differences",
        differences.as_ref().map_or_else(|| "nothing could be compared with them".to_owned(), line),
    );
    report.line("rounding", rounding.as_ref().map_or_else(String::new, line));
    report.value("differences", &differences);
    report.value("rounding", &rounding);
    let wrong = found.iter().filter(|found| !found.passes).count();
    let passes = wrong == 0;
    report.line(
        "result",
        match (passes, compared) {
            (true, 0) => {
                "the gradient in single precision is right, but nothing could be compared with differences".to_owned()
            }
            (true, _) => "the gradient is right".to_owned(),
            (false, _) => format!("the gradient is wrong in {wrong} of {} layers", found.len()),
        },
    );
    report.value("passes", passes);
    passes
}

/// The error that is largest beside what it may be; one that is no number is the worst.
fn worst(errors: impl Iterator<Item = Worst>) -> Option<Worst> {
    let share = |worst: &Worst| if worst.error == 0.0 { 0.0 } else { (worst.error / worst.bound).abs() };
    errors.max_by(|one, other| share(one).total_cmp(&share(other)))
}

/// A line for each layer.
fn grid(found: &[Found]) -> Grid {
    let mut grid = Grid::new();
    grid.load_style(presets::ASCII_MARKDOWN);
    grid.set_header([
        "network",
        "layer",
        "compared",
        "differences",
        "allowed",
        "at",
        "rounding",
        "allowed",
        "at",
        "passes",
    ]);
    for Found { network, check, backpropagation_bound, passes } in found {
        let [error, bound, rounding, allowed] = [
            check.backpropagation_error,
            *backpropagation_bound,
            check.single_precision_error,
            check.single_precision_bound,
        ]
        .map(|number| format!("{number:.1e}"));
        let [at, rounding_at] =
            [check.backpropagation_worst, check.single_precision_worst].map(|weight| weight.to_string());
        let (error, at) = if check.compared == 0 { ("-".to_owned(), "-".to_owned()) } else { (error, at) };
        let compared = format!("{} of {}", count(check.compared), count(check.weights));
        let passes = if *passes { "yes" } else { "NO" }.to_owned();
        grid.add_row([
            network.to_string(),
            check.layer.to_string(),
            compared,
            error,
            bound,
            at,
            rounding,
            allowed,
            rounding_at,
            passes,
        ]);
    }
    let numbers = grid.column_iter_mut().enumerate().filter(|(column, _)| ![5, 8, 9].contains(column));
    numbers.for_each(|(_, column)| column.set_cell_alignment(CellAlignment::Right));
    grid
}
