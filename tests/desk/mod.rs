//! A folder to run the command in, for tests that meet it as a user does.
// Each test uses some of it.
#![allow(dead_code)]

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

/// Where the repository is.
pub const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// What a run of the command came to.
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// The lines of the report, by the words in front of them.
    pub fn report(&self) -> HashMap<&str, &str> {
        let parts = |line| str::split_once(line, "  ").expect("a word, two blanks, and a text");
        self.stdout.lines().map(|line| (parts(line).0, parts(line).1.trim())).collect()
    }

    /// The number at the beginning of a line of the report.
    pub fn number(&self, word: &str) -> f64 {
        self.report()[word].split(' ').next().unwrap().parse().unwrap()
    }
}

/// A folder of its own to run the command in.
pub struct Desk(TempDir);

impl Desk {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_backprop"));
        command.args(arguments).current_dir(self.0.path());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Run {
        let output = self.command(arguments).output().unwrap();
        Run {
            code: output.status.code().expect("the command ends by itself"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs the command, which has to succeed.
    pub fn succeed(&self, arguments: &[&str]) -> Run {
        let run = self.run(arguments);
        assert_eq!(run.code, 0, "{arguments:?}: {}", run.stderr);
        run
    }

    /// Runs the command, which has to fail with exit code 2 and one line that contains all `words`.
    pub fn fail(&self, arguments: &[&str], words: &[&str]) {
        let Run { code, stdout, stderr } = self.run(arguments);
        assert_eq!((code, &*stdout), (2, ""), "{arguments:?}: {stderr}");
        assert!(stderr.starts_with("error: ") && stderr.lines().count() == 1, "{arguments:?}: {stderr}");
        for word in words {
            assert!(stderr.contains(word), "{arguments:?}: no {word:?} in {stderr}");
        }
    }
}

/// Sends a signal to a run after so many lines of its progress.
#[cfg(unix)]
pub fn interrupted(mut command: Command, signal: &str, lines: usize) -> Run {
    use std::io::{BufRead, BufReader, Read};
    use std::process::Stdio;
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut progress, mut stderr) = (BufReader::new(child.stderr.take().unwrap()), String::new());
    for _ in 0..lines {
        progress.read_line(&mut stderr).unwrap();
    }
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    progress.read_to_string(&mut stderr).unwrap();
    let output = child.wait_with_output().unwrap();
    let code = output.status.code().expect("the command ends by itself");
    Run { code, stdout: String::from_utf8(output.stdout).unwrap(), stderr }
}

/// The bundled table.
pub fn bundled() -> String {
    format!("{ROOT}/data/wdbc.csv")
}

/// The cells of a CSV file, its header first.
pub fn cells(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

/// A table with a missing value, an unknown label, dates and a column that splits it.
pub fn mixed(rows: usize) -> String {
    let mut text = "size,colour,day,part,kind\n".to_owned();
    for row in 0..rows {
        let part = ["train", "train", "train", "test", "val"][row % 5];
        let size = if row % 7 == 0 { "?".to_owned() } else { (row % 11).to_string() };
        let (colour, kind) = if row % 2 == 0 { ("red", "no") } else { ("blue", "yes") };
        text += &format!("{size},{colour},2024-{:02}-{:02},{part},{kind}\n", 1 + row % 12, 1 + row % 28);
    }
    text
}

/// Rows of three classes, a number, and a weight that follow from two numbers.
pub fn kinds(rows: usize) -> String {
    let mut text = "a,b,kind,value,weight,fold\n".to_owned();
    for row in 0..rows {
        let (a, b) = (row * 7 % 23, row * 5 % 11);
        let (kind, value) = (["low", "middle", "high"][a / 8], 10.0 + 0.5 * a as f64 - b as f64);
        text += &format!("{a},{b},{kind},{value},{},{}\n", 1 + row % 3, row % 4);
    }
    text
}

/// As quick as a training can be that learns [`kinds`].
pub const QUICK: [&str; 8] = ["--hidden", "16", "--epochs", "40", "--optimizer", "adam", "--learning-rate", "0.02"];
