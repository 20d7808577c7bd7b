//! What happens to errors: one line on the standard error, and exit code 2.

use std::io::{self, Write};
use std::process::{self, ExitCode};

use anyhow::{Error, anyhow};
use clap::error::ErrorKind;

use crate::report;

/// The exit code of every failure, which is also that of a wrong command line.
const FAILURE: u8 = 2;

/// Tells the user, and gives the exit code to end with.
pub fn report(error: &Error) -> ExitCode {
    if is_broken_pipe(error) {
        return ExitCode::SUCCESS;
    }
    tell(&error.to_string());
    ExitCode::from(FAILURE)
}

/// Tells the user what went wrong.
pub fn tell(what: &str) {
    // Nobody is left to be told if the standard error cannot be written either.
    let _ = writeln!(io::stderr(), "error: {}", one_line(what));
}

/// A wrong command line as one line, where clap would use a paragraph. Does not return if the error is in truth a
/// request for help or for the version that can be answered.
pub fn from_arguments(error: clap::Error) -> Error {
    if !error.use_stderr() || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        match error.print().and_then(|()| io::stdout().flush()) {
            Ok(()) => process::exit(error.exit_code()),
            Err(error) => return report::unwritten(error).into(),
        }
    }
    // What looks like an argument is hardly ever meant as a value.
    let is_told = |line: &&str| !line.trim_start().starts_with("tip: to pass '");
    let text = error.to_string();
    let text = text.lines().filter(is_told).collect::<Vec<_>>().join("\n");
    let paragraphs: Vec<String> = text
        .split("\n\n")
        .filter(|paragraph| {
            !paragraph.trim().is_empty()
                && !paragraph.starts_with("Usage:")
                && !paragraph.starts_with("For more information")
        })
        .map(|paragraph| one_line(paragraph.trim_start_matches("error: ")))
        .collect();
    anyhow!("{} (see --help)", paragraphs.join("; "))
}

/// Whether whoever read our output has stopped doing so, like `head`, which is no failure.
fn is_broken_pipe(error: &Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// The text with every run of blanks and line ends turned into one blank.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
