//! What a subcommand prints: lines with a word in front, or JSON.

use std::io::{self, Write};

use anyhow::Result;
use indicatif::HumanCount;
use model::Score;
use serde::Serialize;
use serde_json::{Map, Value};

/// What a subcommand has to say: lines for people, and an object of JSON for machines.
#[derive(Default)]
pub struct Report {
    lines: Vec<(String, String)>,
    values: Map<String, Value>,
}

impl Report {
    /// Adds a line, with a word in front.
    pub fn line(&mut self, word: &str, text: impl AsRef<str>) {
        self.lines.push((word.to_owned(), text.as_ref().to_owned()));
    }

    /// Adds a value for machines.
    ///
    /// # Panics
    /// If it cannot be written as JSON.
    pub fn value(&mut self, name: &str, value: impl Serialize) {
        self.values.insert(name.to_owned(), json(value));
    }

    /// Adds metrics for both; `rows` says of which rows they are.
    pub fn scores(&mut self, scores: &[Score], rows: &str) {
        for (number, Score { metric, value }) in scores.iter().enumerate() {
            let value = value.map_or_else(|| "none".to_owned(), |value| format!("{value:.4}"));
            self.line(metric.title(), if number == 0 { format!("{value} on the {rows}") } else { value });
        }
        self.value("scores", scores_by_name(scores));
    }

    /// Prints all lines or, `as_json`, all values.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn print(self, as_json: bool) -> Result<()> {
        if as_json {
            return print(format!("{:#}\n", Value::Object(self.values)).as_bytes());
        }
        /// Enough for most words, so that the lines of most runs begin at the same place.
        const WIDTH: usize = 16;
        let width = self.lines.iter().map(|(word, _)| word.chars().count()).max().unwrap_or(0).max(WIDTH);
        let lines: String = self.lines.iter().map(|(word, text)| format!("{word:<width$}  {text}\n")).collect();
        print(lines.as_bytes())
    }
}

/// A value as JSON, by way of its text: there an f32 has no more digits than it needs.
///
/// # Panics
/// If it cannot be written as JSON.
pub fn json(value: impl Serialize) -> Value {
    let text = serde_json::to_string(&value).expect("reports have no maps with other keys than text");
    serde_json::from_str(&text).expect("what was just written is JSON")
}

/// Metrics as an object of JSON.
pub fn scores_by_name(scores: &[Score]) -> Map<String, Value> {
    scores.iter().map(|score| (score.metric.to_string(), score.value.into())).collect()
}

/// Writes to the standard output.
///
/// # Errors
/// If that is not possible.
pub fn print(bytes: &[u8]) -> Result<()> {
    let mut output = io::stdout().lock();
    Ok(output.write_all(bytes).and_then(|()| output.flush()).map_err(unwritten)?)
}

/// The standard output cannot be written.
pub fn unwritten(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot write to the standard output: {error}"))
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

/// The words of a command line as a shell wants them.
pub fn command_line(words: &[String]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// A word of a command line as a shell wants it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./,=:+@%".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}
