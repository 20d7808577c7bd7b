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

/// The bundled table.
pub fn bundled() -> String {
    format!("{ROOT}/data/wdbc.csv")
}
