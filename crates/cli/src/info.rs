//! `backprop info`: what a model file holds, or what the machine has.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use data::{CategoryEncoder, Encoder, NumberEncoder, Pipeline, Target};
use model::{Model, Provenance, Training};
use net::Level;
use serde_json::Value;

use crate::machine::granted_threads;
use crate::network;
use crate::report::{Report, command_line, count, json, list};

/// Show what a model holds or, without one, what this machine can do
#[derive(Args)]
#[command(after_help = "\
Examples:
  backprop info
  backprop info model.safetensors
  backprop info model.safetensors --json")]
pub struct Info {
    /// Model that `backprop train` has saved
    model: Option<PathBuf>,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Info {
    /// Prints it.
    pub fn run(&self) -> Result<()> {
        match &self.model {
            Some(path) => model(path, self.json),
            None => machine(self.json),
        }
    }
}

/// The levels and threads of this machine.
fn machine(as_json: bool) -> Result<()> {
    let mut report = Report::default();
    let best = Level::best();
    for level in Level::available() {
        let chosen = if level == best { ", the best one" } else { "" };
        let rounding = if level.is_fused() { "fused multiply-add" } else { "multiplies and adds in two roundings" };
        report.line("SIMD level", format!("{level}: {rounding}{chosen}"));
    }
    report.line("threads", format!("{} granted to this process", granted_threads()));
    report.value("levels", Level::available().iter().map(Level::to_string).collect::<Vec<_>>());
    report.value("best_level", best.to_string());
    report.value("threads", granted_threads());
    report.print(as_json)
}

/// The network in a model file, and the table that it wants.
fn model(path: &Path, as_json: bool) -> Result<()> {
    let model = Model::load(path)?;
    let pipeline = &model.pipeline;
    let mut report = Report::default();
    report.line("model", path.display().to_string());
    network::report(&model, &mut report);
    network::fingerprint(&model, true, &mut report);
    report_training(&model.training, &mut report);
    report.value("pipeline", pipeline);
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
    report.print(as_json)
}

/// How the model came about.
fn report_training(training: &Training, report: &mut Report) {
    report.value("training", training);
    if let Some(Provenance { version, command, data }) = &training.provenance {
        report.line("command", command_line(command));
        report.line("made by", format!("backprop {version}"));
        let [rows, trained_on, validation, held_out] =
            [data.rows, data.trained_on, data.validation, data.held_out].map(count);
        let parts = format!("{trained_on} trained on, {validation} for validation, {held_out} held out");
        report.line("data", format!("{}: {rows} rows, {parts}", data.file));
        if !data.dropped.is_empty() {
            let dropped: Vec<String> =
                data.dropped.iter().map(|(name, reason)| format!("`{name}` ({reason})")).collect();
            report.line("dropped", dropped.join(", "));
        }
    }
    if let Value::Object(settings) = json(&training.settings) {
        let setting = |(name, value): (String, Value)| match value {
            Value::String(text) => format!("{} {text}", name.replace('_', " ")),
            value => format!("{} {value}", name.replace('_', " ")),
        };
        report.line("settings", settings.into_iter().map(setting).collect::<Vec<_>>().join(", "));
    }
    for (member, curve) in training.curves.iter().enumerate() {
        let loss = |losses: &[f64]| losses.get(curve.best_epoch.wrapping_sub(1)).map(|loss| format!("{loss:.4}"));
        let epochs = curve.training.len();
        let mut text = format!("network {}: epoch {} of {epochs} was kept", member + 1, curve.best_epoch);
        for (word, losses) in [("loss", &curve.training), ("validation loss", &curve.validation)] {
            text += &loss(losses).map_or_else(String::new, |loss| format!(", {word} {loss}"));
        }
        if let Some(score) = loss(&curve.validation_score) {
            text += &format!(", {} {score}", training.settings.metric);
        }
        if let Some(temperature) = curve.temperature {
            text += &format!(", temperature {temperature:.4}");
        }
        report.line("training", text);
    }
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
