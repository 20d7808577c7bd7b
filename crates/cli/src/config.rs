//! `--config run.toml`: arguments from a file.
//!
//! Each key is the long name of an argument (or `file`, for the table), and its value is read as on the command line,
//! where the same argument wins. So there is one place that knows what may be said and what it means: the command line.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command};
use toml::{Table, Value};

/// The argument that names the file.
#[derive(Args)]
pub struct Config {
    /// File of TOML with arguments by their long names, such as `epochs = 30`; those on the command line win
    #[arg(long, value_name = "FILE.toml")]
    config: Option<PathBuf>,
}

impl Config {
    /// The file.
    pub fn path(&self) -> Option<&Path> {
        self.config.as_deref()
    }
}

/// The name of that argument.
pub const CONFIG: &str = "config";

/// The command line with the arguments that its `--config` names in front of its own, if it has one; and the name of
/// that file. `matches` is what `command` makes of the command line.
///
/// # Errors
/// If the file cannot be read, or has a key that is no argument.
pub fn expand(
    command: &Command,
    matches: &ArgMatches,
    arguments: &[OsString],
) -> Result<Option<(Vec<OsString>, PathBuf)>> {
    let Some((_, of_subcommand)) = matches.subcommand() else { return Ok(None) };
    let Ok(Some(path)) = of_subcommand.try_get_one::<PathBuf>(CONFIG) else { return Ok(None) };
    let file = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|error| anyhow!("cannot read `{file}`: {error}"))?;
    let found = words_of(&text, &file, command, matches)?.into_iter().map(OsString::from);
    Ok(Some((with_words(arguments, found), path.clone())))
}

/// The words for what the text of `file` says, without the arguments that the command line has itself.
///
/// # Errors
/// If it is not TOML, or has a key that is no argument.
pub fn words_of(text: &str, file: &str, command: &Command, matches: &ArgMatches) -> Result<Vec<String>> {
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
        anyhow!("`{file}`, line {line}: {}", error.message())
    })?;
    let (name, matches) = matches.subcommand().expect("a file belongs to a subcommand");
    let command = command.find_subcommand(name).expect("what was matched is there");
    let mut found = Vec::new();
    for (key, value) in &table {
        let argument =
            argument(command, key).ok_or_else(|| anyhow!("`{file}` has the key `{key}`: {}", advice(command, key)))?;
        if matches.value_source(argument.get_id().as_str()) != Some(ValueSource::CommandLine) {
            let words = words(argument, value).ok_or_else(|| anyhow!("`{file}`: the value of `{key}` is of no use"))?;
            found.extend(words);
        }
    }
    Ok(found)
}

/// A command line with words behind the names of the program and the subcommand.
pub fn with_words(arguments: &[OsString], words: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let (names, rest) = arguments.split_at(2.min(arguments.len()));
    names.iter().cloned().chain(words).chain(rest.iter().cloned()).collect()
}

/// The argument that a key means; words may be joined by hyphens or by underscores.
fn argument<'a>(command: &'a Command, key: &str) -> Option<&'a Arg> {
    let key = key.replace('_', "-");
    command.get_arguments().find(|argument| {
        let names = argument.get_long_and_visible_aliases().unwrap_or_default();
        let is_positional = argument.is_positional() && argument.get_id().as_str() == key;
        key != CONFIG && (is_positional || names.contains(&&*key))
    })
}

/// What to say of a key that is no argument.
fn advice(command: &Command, key: &str) -> String {
    let names = command.get_arguments().filter_map(|argument| argument.get_long()).filter(|name| *name != CONFIG);
    let similarity = |name: &str| strsim::jaro_winkler(name, &key.replace('_', "-"));
    let near = names.max_by(|a, b| similarity(a).total_cmp(&similarity(b))).filter(|name| similarity(name) > 0.8);
    match near {
        Some(name) => format!("there is no such argument, did you mean `{name}`?"),
        None => format!("there is no such argument; `backprop {} --help` lists them", command.get_name()),
    }
}

/// The argument as words of a command line.
fn words(argument: &Arg, value: &Value) -> Option<Vec<String>> {
    let word = |value: &Value| match (argument.get_long(), text(value)?) {
        (Some(name), text) => Some(format!("--{name}={text}")),
        (None, text) => Some(text),
    };
    match (argument.get_action(), value) {
        (ArgAction::SetTrue, Value::Boolean(is_set)) => {
            Some(argument.get_long().filter(|_| *is_set).map(|name| format!("--{name}")).into_iter().collect())
        }
        (ArgAction::SetTrue, _) => None,
        (ArgAction::Append, Value::Array(values)) => values.iter().map(word).collect(),
        _ => Some(vec![word(value)?]),
    }
}

/// A value as it is written on the command line: lists with commas, tables as `name=value` with commas.
fn text(value: &Value) -> Option<String> {
    Some(match value {
        Value::String(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(is_so) => is_so.to_string(),
        Value::Datetime(_) => return None,
        Value::Array(values) => values.iter().map(text).collect::<Option<Vec<_>>>()?.join(","),
        Value::Table(table) => {
            let pair = |(key, value): (&String, &Value)| Some(format!("{key}={}", text(value)?));
            table.iter().map(pair).collect::<Option<Vec<_>>>()?.join(",")
        }
    })
}
