//! What a subcommand prints: lines with a word in front.

use std::io::{self, Write};

use anyhow::Result;
use indicatif::HumanCount;

/// Lines for the standard output.
#[derive(Default)]
pub struct Report(String);

impl Report {
    /// Adds a line.
    pub fn line(&mut self, word: &str, text: impl AsRef<str>) {
        self.0 += &format!("{word:<17} {}\n", text.as_ref());
    }

    /// Prints all lines.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn print(self) -> Result<()> {
        print(self.0.as_bytes())
    }
}

/// Writes to the standard output.
///
/// # Errors
/// If that is not possible.
pub fn print(bytes: &[u8]) -> Result<()> {
    let mut output = io::stdout().lock();
    let written = output.write_all(bytes).and_then(|()| output.flush());
    Ok(written
        .map_err(|error| io::Error::new(error.kind(), format!("cannot write to the standard output: {error}")))?)
}

/// A number with a comma after every three digits.
pub fn count(number: usize) -> HumanCount {
    HumanCount(number as u64)
}

/// Names or labels in backticks, the first of them if there are many.
pub fn list(names: &[String]) -> String {
    /// The most that are shown.
    const MOST: usize = 10;
    let mut shown: Vec<String> = names.iter().take(MOST).map(|name| format!("`{}`", name.escape_debug())).collect();
    if names.len() > MOST {
        shown.push(format!("... ({} in all)", count(names.len())));
    }
    shown.join(", ")
}
