//! `train --checkpoint` and `train --resume`: a training that is killed again and again, or stopped, and resumed ends in the
//! bits of one that was not; and what does not fit is refused.

mod desk;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use net::Level;
use net::random::Random;
use tempfile::TempDir;

/// A folder with a table to train on.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/wdbc.csv"), folder.path("table.csv")).unwrap();
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_backprop"));
        command.arg("train").args(arguments).current_dir(self.0.path());
        command
    }

    fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.start(arguments).wait_with_output().unwrap()
    }

    /// Trains to the end, and gives the bytes of the model file.
    fn train(&self, arguments: &[&str]) -> Vec<u8> {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        fs::read(self.path("model.safetensors")).unwrap()
    }

    /// The training is refused in one line with these words.
    fn refused(&self, arguments: &[&str], words: &str) {
        let Output { status, stderr, .. } = self.run(arguments);
        let stderr = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.starts_with("error: ") && stderr.lines().count() == 1, "{arguments:?}: {stderr}");
        assert!(stderr.contains(words), "{arguments:?}: no {words:?} in {stderr}");
    }
}

const TABLE: [&str; 3] = ["table.csv", "--target", "diagnosis"];

/// Trainings of one network and of several; with dropped units, other metrics, and no rows to judge by.
const TRAININGS: [&[&str]; 3] = [
    &["--ensemble", "3", "--hidden", "12", "--epochs", "60", "--patience", "0"],
    &["--ensemble", "1", "--hidden", "30,8", "--epochs", "90", "--metric", "roc-auc", "--temperature", "true"],
    &["--ensemble", "2", "--hidden", "20", "--epochs", "60", "--optimizer", "nesterov", "--validation-fraction", "0"],
];

/// Kills trainings so many times in all.
fn kill_and_resume(kills: usize) -> usize {
    let folder = Folder::new();
    let levels: Vec<String> =
        Level::available().into_iter().filter(|level| level.is_fused()).map(|level| level.to_string()).collect();
    let checkpoint = folder.path("run.ckpt");
    let mut random = Random::new(1, 0);
    let (mut killed, mut trainings) = (0, 0);
    while killed < kills {
        let begin = [&TABLE[..], TRAININGS[trainings % TRAININGS.len()]].concat();
        let expected = folder.train(&begin);
        fs::remove_file(folder.path("model.safetensors")).unwrap();
        loop {
            // The file is there as soon as the training begins.
            let mut arguments =
                if checkpoint.exists() { vec!["--resume"] } else { [&begin[..], &["--checkpoint"]].concat() };
            let (threads, level) = ((1 + killed % 3).to_string(), &levels[killed % levels.len()]);
            let every = ["0s", "2ms", "10ms", "3epochs"][killed % 4];
            arguments.extend(["run.ckpt", "--checkpoint-every", every, "--threads", &threads, "--level", level]);
            let mut child = folder.start(&arguments);
            std::thread::sleep(Duration::from_micros(u64::from(random.below(250_000))));
            // It may have ended by itself.
            child.kill().unwrap();
            let output = child.wait_with_output().unwrap();
            if output.status.success() {
                break;
            }
            assert_eq!(output.status.code(), None, "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
            killed += 1;
        }
        trainings += 1;
        let model = fs::read(folder.path("model.safetensors")).unwrap();
        assert!(model == expected, "training {trainings} ended in another model, after {killed} kills in all");
        fs::remove_file(&checkpoint).unwrap();
    }
    println!("{killed} kills of {trainings} trainings: all ended in the model file of the one that was not killed");
    trainings
}

#[test]
fn a_killed_training_ends_in_the_same_model() {
    kill_and_resume(10);
}

#[test]
#[ignore = "takes minutes: cargo test --release -p backprop --test resume -- --ignored --nocapture"]
fn two_hundred_kills() {
    assert!(kill_and_resume(200) > TRAININGS.len());
}

/// Sends Ctrl-C to a training after its first epoch.
#[cfg(unix)]
fn interrupted(folder: &Folder, signal: &str, arguments: &[&str]) -> serde_json::Value {
    let run = desk::interrupted(folder.command(arguments), signal, 1);
    assert_eq!(run.code, 0, "{}", run.stderr);
    serde_json::from_str(&run.stdout).unwrap()
}

#[cfg(unix)]
#[test]
fn ctrl_c_writes_a_checkpoint_from_which_the_training_goes_on() {
    let folder = Folder::new();
    // Longer than it takes to interrupt it.
    let long = ["--ensemble", "2", "--hidden", "16", "--epochs", "1500", "--patience", "0", "--json"];
    let training = [&TABLE[..], &long].concat();
    let whole = folder.run(&training);
    let whole: serde_json::Value = serde_json::from_slice(&whole.stdout).unwrap();
    let expected = fs::read(folder.path("model.safetensors")).unwrap();

    let stopped =
        interrupted(&folder, "-INT", &[&training[..], &["--checkpoint", "run.ckpt", "--threads", "1"]].concat());
    assert_eq!((&stopped["interrupted"], &stopped["checkpoint"]), (&true.into(), &"run.ckpt".into()));
    // The second network had not begun.
    assert_eq!((&stopped["members"], &whole["members"]), (&1.into(), &2.into()));
    assert_ne!(stopped["fingerprint"], whole["fingerprint"]);
    let again = folder.run(&["--resume", "run.ckpt", "--fingerprint"]);
    let again: serde_json::Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(again["fingerprint"], whole["fingerprint"]);
    assert_eq!((&again["scores"], &again["curves"]), (&whole["scores"], &whole["curves"]));
    assert!(fs::read(folder.path("model.safetensors")).unwrap() == expected);

    // What has ended can be saved again, and replaced.
    fs::remove_file(folder.path("model.safetensors")).unwrap();
    assert!(folder.train(&["--resume", "run.ckpt"]) == expected);
    folder.train(&[&TABLE[..], &["--ensemble", "1", "--epochs", "1", "--checkpoint", "run.ckpt"]].concat());
}

#[cfg(unix)]
#[test]
fn another_training_is_refused() {
    let folder = Folder::new();
    let training = ["--epochs", "1000000", "--patience", "0", "--hidden", "4", "--checkpoint", "run.ckpt", "--json"];
    interrupted(&folder, "-TERM", &[&TABLE[..], &training].concat());
    let resume = ["--resume", "run.ckpt"];
    for (other, words) in [
        (["--learning-rate", "0.5"], "its learning rate is 0.003, but 0.5 is given"),
        (["--hidden", "4,4"], "its hidden is [4], but [4,4] is given"),
        (["--seed", "1"], "its seed is 0, but 1 is given"),
        (["--pieces", "none"], "its pieces is \"by-rows\", but \"none\" is given"),
        (["--metric", "brier-score"], "its metric is \"loss\", but \"brier-score\" is given"),
        (["--test-fraction", "0.3"], "it is of other data, its rows to train on have another digest"),
        (["--drop", "mean_radius"], "it is of other data"),
        (["--validation", "table.csv"], "it is of other data, its validation rows have another digest"),
    ] {
        folder.refused(&[&resume[..], &other].concat(), words);
    }
    folder.refused(&["--resume", "run.ckpt", "--report", "run.ckpt"], "the page and the checkpoint are both");
    folder.refused(&["--resume", "run.ckpt", "--checkpoint", "c", "--report", "run.ckpt"], "read in the same run");
    let table = fs::read_to_string(folder.path("table.csv")).unwrap();
    // A row at a time: whether it is held out, for validation or for training.
    for row in [1, 2, 3, 4, 5, 6] {
        let changed = table.lines().enumerate().map(|(number, line)| match number == row {
            true => format!("3{line}\n"),
            false => format!("{line}\n"),
        });
        fs::write(folder.path("table.csv"), changed.collect::<String>()).unwrap();
        folder.refused(&resume, "it is of other data");
    }
    fs::write(folder.path("table.csv"), table.replacen('7', "8", 40)).unwrap();
    folder.refused(&resume, "it is of other data");
    let begin = [&TABLE[..], &["--checkpoint", "run.ckpt"]].concat();
    folder.refused(&begin, "`run.ckpt` is there already, and no checkpoint of a training that has ended");
}

#[test]
fn files_that_are_no_checkpoints_are_refused() {
    let folder = Folder::new();
    let short = [&TABLE[..], &["--epochs", "1", "--ensemble", "2", "--checkpoint", "run.ckpt"]].concat();
    folder.train(&short);
    let whole = fs::read(folder.path("run.ckpt")).unwrap();
    let resume = ["--resume", "run.ckpt"];
    let write_refused = |bytes: &[u8], words: &str| {
        fs::write(folder.path("run.ckpt"), bytes).unwrap();
        folder.refused(&resume, words);
        assert!(fs::read(folder.path("run.ckpt")).unwrap() == bytes, "it is left as it was");
    };
    for end in [0, 7, 100, whole.len() / 2, whole.len() - 1] {
        write_refused(&whole[..end], "run.ckpt is not a usable checkpoint: it is ");
    }
    let mut random = Random::new(2, 0);
    for _ in 0..10 {
        let mut damaged = whole.clone();
        damaged[1000 + random.below(whole.len() as u32 - 1000) as usize] ^= 1 << random.below(7);
        write_refused(&damaged, "it is damaged");
    }
    folder.refused(&["--resume", "model.safetensors"], "it is a model, not a checkpoint");
    folder.refused(&["--resume", "table.csv"], "it is no safetensors file");
    folder.refused(&["--resume", "nothing"], "cannot read `nothing`");
    for (arguments, words) in [
        (&["--checkpoint-every", "5s"][..], "--checkpoint-every needs --checkpoint or --resume"),
        (&["--checkpoint", "c", "--checkpoint-every", "never"], "give a time such as 30s"),
        (&["--checkpoint", "model.safetensors"], "the model and the checkpoint are both"),
        (&["--checkpoint", "table.csv"], "it is read in the same run"),
        (&["--checkpoint", "c", "--report", "./c"], "the page and the checkpoint are both"),
        (&["--checkpoint", "nowhere/c"], "there is no folder `nowhere`"),
        (&["--checkpoint", "run.ckpt"], "is there already"),
    ] {
        folder.refused(&[&TABLE[..], arguments].concat(), words);
    }
    assert!(!Path::new(&folder.path("c")).exists());
}
