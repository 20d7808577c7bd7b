//! The command line.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::bench::Bench;
use crate::check::Check;
use crate::checkpoints;
use crate::completions::Completions;
use crate::config;
use crate::cross_validate::CrossValidate;
use crate::describe::Describe;
use crate::evaluate::Evaluate;
use crate::explain::Explain;
use crate::export::Export;
use crate::failure;
use crate::info::Info;
use crate::predict::Predict;
use crate::train::Train;
use crate::write_report::WriteReport;

/// Multilayer perceptrons for tables, trained by backpropagation on the CPU: for two classes, several classes, or numbers.
///
/// Two classes are called t = 0 and t = 1. Predictions and what is measured of them are of p(t = 1), the
/// probability of the positive class; `train --positive` chooses which label that is.
#[derive(Parser)]
#[command(name = "backprop", version, max_term_width = 100)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

/// What the command can do.
#[derive(Subcommand)]
pub enum Command {
    Train(Box<Train>),
    Predict(Predict),
    Evaluate(Evaluate),
    Report(WriteReport),
    CrossValidate(Box<CrossValidate>),
    Describe(Describe),
    Info(Info),
    Explain(Explain),
    Check(Check),
    Export(Export),
    Bench(Bench),
    Completions(Completions),
}

impl Command {
    /// Does it, and gives the exit code to end with. `arguments` are all of the command line, the program's name included.
    ///
    /// # Errors
    /// Whatever goes wrong, as one line for the user.
    pub fn run(&self, arguments: &[String]) -> Result<ExitCode> {
        match self {
            Command::Train(train) => train.run(arguments, &named_plainly(arguments)),
            Command::Predict(predict) => predict.run(),
            Command::Evaluate(evaluate) => evaluate.run(&named_plainly(arguments)),
            Command::Report(report) => report.run(&named_plainly(arguments)),
            Command::CrossValidate(cross_validate) => cross_validate.run(),
            Command::Describe(describe) => describe.run(),
            Command::Info(info) => info.run(),
            Command::Explain(explain) => explain.run(),
            // The only one that can end well with bad news.
            Command::Check(check) => return check.run(),
            Command::Export(export) => export.run(),
            Command::Bench(bench) => bench.run(),
            Command::Completions(completions) => completions.run(CommandLine::command()),
        }?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Reads the command line and the files with arguments that it names, and gives all words, too. Where help or the version is
/// asked for, prints that and ends the program.
///
/// # Errors
/// If the arguments make no sense.
pub fn parse() -> Result<(Command, Vec<String>)> {
    let command = CommandLine::command();
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    let read = |arguments: &[OsString]| {
        let matches = command.clone().try_get_matches_from(arguments).map_err(failure::from_arguments);
        matches.and_then(|matches| Ok((CommandLine::from_arg_matches(&matches)?, matches)))
    };
    let (mut line, mut matches) = read(&arguments)?;
    for expand in [config::expand, checkpoints::expand] {
        if let Some((expanded, file)) = expand(&command, &matches, &arguments)? {
            // It was right without the file.
            (line, matches) = read(&expanded).map_err(|error| anyhow!("in `{}`: {error}", file.display()))?;
            arguments = expanded;
        }
    }
    let arguments = arguments.iter().map(|argument| argument.to_string_lossy().into_owned()).collect();
    Ok((line.command, arguments))
}

/// The arguments that change no bit of a model: those with a value, and those without.
const WITHOUT_EFFECT: [&str; 8] =
    ["--threads", "--level", "--model", "--config", "--checkpoint", "--checkpoint-every", "--resume", "--report"];
const FLAGS_WITHOUT_EFFECT: [&str; 2] = ["--json", "--fingerprint"];

/// The command line with the plain name of the program.
fn named_plainly(arguments: &[String]) -> Vec<String> {
    ["backprop".to_owned()].into_iter().chain(arguments.iter().skip(1).cloned()).collect()
}

/// The command line without the arguments that change no bit of a model, and with the plain name of the program.
pub fn without_effect_removed(arguments: &[String]) -> Vec<String> {
    let mut kept = vec!["backprop".to_owned()];
    let mut arguments = arguments.iter().skip(1);
    while let Some(argument) = arguments.next() {
        let (name, has_value) = argument.split_once('=').map_or((&**argument, false), |(name, _)| (name, true));
        if WITHOUT_EFFECT.contains(&name) {
            if !has_value {
                arguments.next();
            }
        } else if !FLAGS_WITHOUT_EFFECT.contains(&name) {
            kept.push(argument.clone());
        }
    }
    kept
}
