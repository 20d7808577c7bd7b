//! Files are replaced as a whole or not at all: when the process is killed, when the power fails, and when the disk does.
//!
//! All files are written by `net::file::write_atomically`, and here as users write them: by a program that saves models and
//! checkpoints, and by the command.

mod failing_disk;
mod kills;
mod power_failure;
mod trace;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use model::{Checkpoint, Model};
use tempfile::TempDir;

/// A folder with a table, models, predictions, and whatever a test adds.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        let row = |row: usize| format!("{},{},{}\n", row % 7, row * 5 % 11, if row % 7 > 3 { "yes" } else { "no" });
        fs::write(desk.path("table.csv"), format!("a,b,target\n{}", (0..60).map(row).collect::<String>())).unwrap();
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A folder of its own in it, in which a file will be written.
    fn folder(&self, name: &str) -> PathBuf {
        let folder = self.path(name);
        fs::create_dir(&folder).unwrap();
        folder
    }

    /// The command with these arguments, to be run here.
    fn command(&self, save: &Save) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_backprop"));
        command.args(save.arguments).current_dir(self.0.path());
        command
    }

    /// Runs the command as often as it takes for all files that others read to be there.
    fn prepare(&self) {
        for save in &SAVES {
            let _ = fs::create_dir(self.path("out"));
            let output = self.command(save).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            match save.file {
                "m" => drop(fs::copy(self.path("out/m"), self.path("model")).unwrap()),
                "c" => {
                    fs::remove_file(self.path("out/c")).unwrap();
                    assert!(self.command(save).arg("--seed=2").output().unwrap().status.success());
                    fs::copy(self.path("out/c"), self.path("checkpoint")).unwrap();
                }
                _ => {}
            }
        }
    }
}

/// A run of the command that writes a file in the folder `out`, a checkpoint more than once.
struct Save {
    file: &'static str,
    arguments: &'static [&'static str],
}

impl Save {
    /// What was in the file before: something that the command does not write, if it replaces that.
    fn old(&self, desk: &Desk) -> Vec<u8> {
        match self.file {
            "m" => {
                let mut model = Model::load(&desk.path("model")).unwrap();
                model.members[0].scale_output(0.5).unwrap();
                model.to_bytes()
            }
            "c" => fs::read(desk.path("checkpoint")).unwrap(),
            _ => b"old\n".to_vec(),
        }
    }

    /// Whether this content, or some that was there in between, can be read: both formats have a digest of every byte. What has
    /// no reader here is written once, so that its contents are known.
    fn can_be_read(&self, content: &[u8], scratch: &Path) -> bool {
        match self.file {
            "m" => Model::from_bytes(content, scratch).is_ok(),
            "c" => {
                fs::write(scratch, content).unwrap();
                Checkpoint::load(scratch).is_ok()
            }
            _ => false,
        }
    }
}

/// A training that takes no time.
macro_rules! quickly {
    ($($argument:literal),*) => {
        &[$($argument),*, "--hidden=2", "--epochs=1", "--ensemble=1", "--validation-fraction=0", "--threads=1"]
    };
}

/// Every kind of file that the command writes, but for the reports of `bench`, which take long to measure and are written as
/// these are.
const SAVES: [Save; 8] = [
    Save { file: "m", arguments: quickly!["train", "table.csv", "--target=target", "--model=out/m"] },
    Save {
        file: "c",
        arguments: quickly!["train", "table.csv", "--target=target", "--model=elsewhere", "--checkpoint=out/c"],
    },
    Save { file: "p.csv", arguments: &["predict", "model", "table.csv", "--output=out/p.csv", "--threads=1"] },
    Save {
        file: "f.csv",
        arguments: quickly!["cross-validate", "table.csv", "--target=target", "--folds=2", "--predictions=out/f.csv"],
    },
    Save { file: "e.html", arguments: &["evaluate", "model", "table.csv", "--report=out/e.html", "--threads=1"] },
    Save { file: "r.html", arguments: &["explain", "model", "table.csv", "--row=1", "--html=out/r.html"] },
    Save { file: "g.onnx", arguments: &["export", "model", "--onnx=out/g.onnx"] },
    Save { file: "w.safetensors", arguments: &["export", "model", "--safetensors-plain=out/w.safetensors"] },
];

/// What is in a folder, by name.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Whether a program can be run; says so if not.
fn can(what: &str, program: &str, arguments: &[&str]) -> bool {
    let works = Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success());
    if !works {
        // Not `eprintln!`, whose lines are kept from the reader while tests succeed.
        let _ = writeln!(io::stderr(), "SKIPPED: {what} cannot be tested, `{program} {}` fails", arguments.join(" "));
    }
    works
}
