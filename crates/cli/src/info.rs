//! `backprop info`: what a model file holds, or what the machine has.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use data::{CategoryEncoder, Encoder, NumberEncoder, Pipeline, Target};
use net::Level;

use crate::machine::granted_threads;
use crate::model::Model;
use crate::report::{Report, count, list};

/// Show what a model holds or, without one, what this machine can do
#[derive(Args)]
pub struct Info {
    /// Model that `backprop train` has saved
    model: Option<PathBuf>,
}

impl Info {
    /// Prints it.
    pub fn run(&self) -> Result<()> {
        match &self.model {
            Some(path) => model(path),
            None => machine(),
        }
    }
}

/// The levels and threads of this machine.
fn machine() -> Result<()> {
    let mut report = Report::default();
    let best = Level::best();
    for level in Level::available() {
        let chosen = if level == best { ", the best one" } else { "" };
        let rounding = if level.is_fused() { "fused multiply-add" } else { "multiplies and adds in two roundings" };
        report.line("SIMD level", format!("{level}: {rounding}{chosen}"));
    }
    report.line("threads", format!("{} granted to this process", granted_threads()));
    report.print()
}

/// The network in a model file, and the table that it wants.
fn model(path: &Path) -> Result<()> {
    let Model { network, pipeline } = Model::load(path)?;
    let shape = network.shape();
    let mut report = Report::default();
    report.line("model", path.display().to_string());
    report.line("network", format!("{shape}, {}, {} parameters", shape.activation(), count(network.parameter_count())));
    report.line("target", format!("column `{}`", pipeline.target().column()));
    match pipeline.target() {
        Target::Binary { classes, .. } => {
            report.line("t = 1", format!("`{}`", classes.label(1)));
            report.line("t = 0", format!("`{}`", classes.label(0)));
        }
        Target::Classes { labels, .. } => report.line("classes", list(labels)),
        Target::Number { scale, .. } => {
            report.line("scale", format!("mean {:.6}, standard deviation {:.6}", scale.center(), scale.spread()));
        }
    }
    report.line(
        "version",
        format!("{} of the file, {} of the table's description in it", net::format::FORMAT.version, Pipeline::VERSION),
    );
    for feature in pipeline.features() {
        let encoder = match &feature.encoder {
            Encoder::Number(number) => describe_number(number),
            Encoder::Category(category) => describe_category(category),
            Encoder::Date(_, date) => {
                let cycles: Vec<String> = date.cycles().iter().map(f64::to_string).collect();
                format!("days since 1970, {}; cycles of [{}] days", describe_number(date.days()), cycles.join(", "))
            }
        };
        report.line("feature", format!("{}: {encoder}", feature.name));
    }
    report.print()
}

fn describe_number(number: &NumberEncoder) -> String {
    let (median, mark) = (number.median(), if number.marks_missing() { " and marked" } else { "" });
    let missing = format!("missing ones are {median:.6}{mark}");
    match number.scale() {
        None => format!("always {median:.6}; {missing}"),
        Some(scale) => {
            let (center, spread) = (scale.center(), scale.spread());
            match scale.is_clipped() {
                true => format!("median {center:.6}, spread {spread:.6}, clipped; {missing}"),
                false => format!("mean {center:.6}, standard deviation {spread:.6}; {missing}"),
            }
        }
    }
}

fn describe_category(category: &CategoryEncoder) -> String {
    let missing = if category.has_missing() { ", missing" } else { "" };
    let other = if category.has_other() { ", all others" } else { "" };
    format!("an input for each of {}{missing}{other}", list(category.levels()))
}
