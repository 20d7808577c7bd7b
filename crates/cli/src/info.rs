//! `backprop info`: what a model file holds, or what the machine has.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use data::Pipeline;
use net::Level;

use crate::machine::granted_threads;
use crate::model::Model;
use crate::report::{Report, count};

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
    report.line("target", format!("column `{}`", pipeline.target));
    report.line("t = 1", format!("`{}`", pipeline.classes.label(1)));
    report.line("t = 0", format!("`{}`", pipeline.classes.label(0)));
    report.line(
        "version",
        format!("{} of the file, {} of the table's description in it", net::format::VERSION, Pipeline::VERSION),
    );
    let scales = pipeline.standardizer.mean().iter().zip(pipeline.standardizer.deviation());
    for (column, (mean, deviation)) in pipeline.columns.iter().zip(scales) {
        let scale = match *deviation {
            0.0 => format!("constant at {mean}, taken as 0"),
            deviation => format!("mean {mean:.6}, standard deviation {deviation:.6}"),
        };
        report.line("feature", format!("{column}: {scale}"));
    }
    report.print()
}
