//! Checkpoints of a training, and going on from them.
//!
//! A checkpoint keeps the command line that it was made with. `--resume` puts its arguments in front of those that are
//! there, as `--config` does, so that nothing else has to be said again.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Args, Command};
use model::{Checkpoint, Fit};
use net::checkpoint::Every;

use crate::{config, values};

/// The arguments that say where and when checkpoints are written.
#[derive(Args)]
#[command(next_help_heading = "Checkpoints")]
pub struct Checkpoints {
    /// File to write what the training has come to to, from time to time and after Ctrl-C, so that it can go on
    #[arg(long, value_name = "PATH")]
    checkpoint: Option<PathBuf>,

    /// How often: a time such as 30s, 500ms or 10min, or a number of epochs of each network, such as 5epochs [default: 30s]
    #[arg(long, value_name = "EVERY", value_parser = values::every, allow_hyphen_values = true)]
    checkpoint_every: Option<Every>,

    /// Go on from a checkpoint, with the arguments that it was made with, and go on writing to it
    #[arg(long, value_name = "PATH")]
    resume: Option<PathBuf>,
}

/// The names of arguments that a checkpoint does not hand on.
const NOT_RESUMED: [&str; 3] = ["checkpoint", RESUME, config::CONFIG];
const RESUME: &str = "resume";

/// The time from one checkpoint to the next, unless something else is wanted.
const DEFAULT: Every = Every::Time(Duration::from_secs(30));

impl Checkpoints {
    /// The file that checkpoints are written to.
    pub fn path(&self) -> Option<&Path> {
        self.checkpoint.as_deref().or(self.resume.as_deref())
    }

    /// The file that the run goes on from, if it does not go on writing to it.
    pub fn source(&self) -> Option<&Path> {
        self.resume.as_deref().filter(|resume| self.path() != Some(resume))
    }

    /// Keeps checkpoints that are needed from being overwritten.
    ///
    /// # Errors
    /// If one would be, or there is none although it is said how often it is written.
    pub fn check(&self) -> Result<()> {
        let Some(path) = self.path() else {
            if self.checkpoint_every.is_some() {
                bail!("--checkpoint-every needs --checkpoint or --resume");
            }
            return Ok(());
        };
        let shown = path.display();
        let is_resumed = self.resume.as_deref() == Some(path);
        if !is_resumed && path.exists() && !Checkpoint::load(path).is_ok_and(|checkpoint| checkpoint.is_finished()) {
            bail!(
                "`{shown}` is there already, and no checkpoint of a training that has ended: go on from it with --resume, \
                 or remove it"
            );
        }
        Ok(())
    }

    /// The checkpoint to go on from.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn resumed(&self) -> Result<Option<Checkpoint>> {
        Ok(self.resume.as_deref().map(Checkpoint::load).transpose()?)
    }

    /// Has them written during a fit, with the arguments of the command line in them.
    pub fn keep<'a>(&self, fit: Fit<'a>, arguments: &[String]) -> Fit<'a> {
        let Some(path) = self.path() else { return fit };
        let note = serde_json::to_string(arguments).expect("words become JSON");
        fit.checkpoints(path, self.checkpoint_every.unwrap_or(DEFAULT), note)
    }
}

/// The command line in a checkpoint, if the command has put one there.
pub fn arguments(checkpoint: &Checkpoint) -> Option<Vec<String>> {
    serde_json::from_str(checkpoint.note()).ok()
}

/// The command line with the arguments of the checkpoint that its `--resume` names in front of its own, if it has one; and
/// the name of that file. `matches` is what `command` makes of the command line.
///
/// # Errors
/// If the checkpoint cannot be read.
pub fn expand(
    command: &Command,
    matches: &ArgMatches,
    arguments: &[OsString],
) -> Result<Option<(Vec<OsString>, PathBuf)>> {
    let Some((name, given)) = matches.subcommand() else { return Ok(None) };
    let Ok(Some(path)) = given.try_get_one::<PathBuf>(RESUME) else { return Ok(None) };
    let kept = self::arguments(&Checkpoint::load(path)?);
    let kept = kept.and_then(|kept| command.clone().try_get_matches_from(kept).ok());
    let Some(kept) = kept.as_ref().and_then(|kept| kept.subcommand_matches(name)) else { return Ok(None) };
    let command = command.find_subcommand(name).expect("what was matched is there");
    let mut found = Vec::new();
    for argument in command.get_arguments() {
        let id = argument.get_id().as_str();
        let is_in = |matches: &ArgMatches| matches.value_source(id) == Some(ValueSource::CommandLine);
        if NOT_RESUMED.contains(&id) || !is_in(kept) || is_in(given) {
            continue;
        }
        match argument.get_action() {
            ArgAction::SetTrue => found.extend(argument.get_long().map(|name| format!("--{name}").into())),
            _ => found.extend(kept.get_raw(id).into_iter().flatten().map(|value| word(argument.get_long(), value))),
        }
    }
    Ok(Some((config::with_words(arguments, found), path.clone())))
}

/// A value of an argument as a word of a command line.
fn word(name: Option<&str>, value: &OsStr) -> OsString {
    let mut word = name.map_or_else(OsString::new, |name| format!("--{name}=").into());
    word.push(value);
    word
}
