//! A process that saves all the time is killed at random moments. Whatever it was doing, each file is one of those that
//! were to be written, to the byte.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use net::checkpoint::Checkpoint;
use net::digest::Digest;
use net::random::Random;
use net::{Dataset, Network, Optimizer, Run, Trainer, TrainingOptions, format};

/// How the process that is killed is told what to do: the folder, and a word.
const FOLDER: &str = "BACKPROP_TEST_FOLDER";
const HOW: &str = "BACKPROP_TEST_HOW";

/// Which of the contents is saved first, so that each has its turn on a busy machine.
const TURN: &str = "BACKPROP_TEST_TURN";

/// A file that it makes when it begins to save.
const STARTED: &str = "started";

#[test]
fn thirty_kills_tear_no_file() {
    let Tally { torn, amid } = kill("as a whole", 30);
    assert_eq!(torn, 0);
    assert!(amid > 0, "no kill came amid a save");
}

#[test]
#[ignore = "half a minute"]
fn a_thousand_kills_tear_no_file() {
    let Tally { torn, amid } = kill("as a whole", 1000);
    println!("1000 kills, {amid} of them amid a save: {torn} torn files");
    assert_eq!(torn, 0);
    // What would be found otherwise.
    let Tally { torn: torn_in_place, .. } = kill("in place", 100);
    println!("100 kills of a process that writes in place: {torn_in_place} torn files");
    assert!(torn_in_place > 0 && amid > 100);
}

struct Tally {
    /// Files that are neither the old nor the new one.
    torn: usize,
    /// Kills that left a temporary file.
    amid: usize,
}

fn kill(how: &str, kills: usize) -> Tally {
    let folder = tempfile::tempdir().unwrap();
    let [model, checkpoint, started] = ["model", "checkpoint", STARTED].map(|name| folder.path().join(name));
    let files = [model, checkpoint];
    let whole: Vec<Digest> = contents().iter().flatten().map(|bytes| Digest::of([&bytes[..]])).collect();
    let mut random = Random::new(7, 0);
    let mut tally = Tally { torn: 0, amid: 0 };
    let mut found = HashMap::new();
    for turn in 0..kills {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "kills::saver"])
            .env(FOLDER, folder.path())
            .env(HOW, how)
            .env(TURN, turn.to_string())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        while !started.exists() || !files.iter().all(|file| file.exists()) {
            sleep(Duration::from_millis(1));
        }
        sleep(Duration::from_micros(u64::from(random.below(30_000))));
        child.kill().unwrap();
        child.wait().unwrap();
        fs::remove_file(&started).unwrap();

        for file in &files {
            let digest = Digest::of([&fs::read(file).unwrap()[..]]);
            *found.entry(digest).or_insert(0) += 1;
            tally.torn += usize::from(!whole.contains(&digest));
        }
        let mut amid = 0;
        for entry in fs::read_dir(folder.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "tmp") {
                fs::remove_file(path).unwrap();
                amid += 1;
            }
        }
        assert!(amid <= 1, "one file is written at a time");
        tally.amid += amid;
        if how == "as a whole" {
            // They are not only whole, they serve.
            format::load::<String>(&files[0]).unwrap();
            Checkpoint::load(&files[1]).unwrap();
        }
    }
    // None of them was never there.
    assert!(how != "as a whole" || kills < 100 || whole.iter().all(|digest| found.contains_key(digest)));
    tally
}

/// The models and the checkpoints that take turns, each a short and a long one.
fn contents() -> [[Vec<u8>; 2]; 2] {
    let trained = |inputs: usize, hidden: usize| {
        let network = Network::builder(inputs).hidden(&[hidden]).build().unwrap();
        let features = (0..2 * inputs).map(|at| (at % 5) as f32).collect();
        let data = Dataset::new(inputs, features, vec![0.0, 1.0]).unwrap();
        let options = TrainingOptions { epochs: 1, optimizer: Optimizer::adam(0.01), ..Default::default() };
        let mut trainer = Trainer::new(network, options).unwrap();
        let mut run = Run::new(&data);
        trainer.run(&mut run).unwrap();
        (format::to_bytes(trainer.network(), &"metadata"), trainer.checkpoint(&run).unwrap().to_bytes())
    };
    let [(short, short_checkpoint), (long, long_checkpoint)] = [trained(5, 3), trained(784, 100)];
    [[short, long], [short_checkpoint, long_checkpoint]]
}

/// What is killed. By itself it does nothing.
#[test]
#[ignore = "the process that the other tests kill"]
fn saver() {
    let (Ok(folder), Ok(how)) = (std::env::var(FOLDER), std::env::var(HOW)) else { return };
    let [models, checkpoints] = contents();
    let models = models.map(|bytes| format::from_bytes::<String>(&bytes).unwrap());
    let checkpoints = checkpoints.map(|bytes| Checkpoint::from_bytes(&bytes).unwrap());
    let (model_file, checkpoint_file) = (Path::new(&folder).join("model"), Path::new(&folder).join("checkpoint"));
    fs::write(Path::new(&folder).join(STARTED), "").unwrap();
    let first: usize = std::env::var(TURN).unwrap().parse().unwrap();
    for turn in (0..2).cycle().skip(first % 2) {
        let ((network, metadata), checkpoint) = (&models[turn], &checkpoints[turn]);
        if how == "as a whole" {
            format::save(&model_file, network, metadata).unwrap();
            checkpoint.save(&checkpoint_file).unwrap();
        } else {
            fs::write(&model_file, format::to_bytes(network, metadata)).unwrap();
            fs::write(&checkpoint_file, checkpoint.to_bytes()).unwrap();
        }
    }
}
