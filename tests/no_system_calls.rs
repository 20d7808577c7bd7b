//! Within an epoch no step of training calls the system: `strace` watches this program train.

use std::path::Path;
use std::process::Command;

use net::random::Random;
use net::{Dataset, Network, Threads, Trainer, TrainingOptions};

/// Tells the program that it is the one that is watched, and on how many threads it trains.
const THREADS: &str = "BACKPROP_WATCHED_THREADS";
/// Files that do not exist; asking for them marks the begin and the end in the list of calls.
const BEGIN: &str = "no-such-file-begin";
const END: &str = "no-such-file-end";

const EPOCHS: usize = 200;

/// Trains for some epochs of ten steps between the marks.
fn train(threads: usize) {
    let mut random = Random::new(1, 0);
    let features = (0..640 * 20).map(|_| random.unit()).collect();
    let targets = (0..640).map(|_| random.below(2) as f32).collect();
    let data = Dataset::new(20, features, targets).unwrap();
    let network = Network::builder(20).hidden(&[70, 3, 40]).seed(1).build().unwrap();
    let options = TrainingOptions { batch_size: 64, threads: Threads::Own(threads), ..Default::default() };
    let mut trainer = Trainer::new(network, options).unwrap();
    trainer.session(|trainer| {
        let mut epochs = || (0..EPOCHS).for_each(|_| assert!(trainer.epoch(&data).unwrap() > 0.0));
        epochs();
        assert!(!Path::new(BEGIN).exists());
        epochs();
        assert!(!Path::new(END).exists());
    });
}

#[test]
fn steps_do_not_call_the_system() {
    if let Some(threads) = std::env::var(THREADS).ok().and_then(|text| text.parse().ok()) {
        return train(threads);
    }
    let program = std::env::current_exe().unwrap();
    let mut strace = Command::new("strace");
    // All threads, to standard error, and the exit code of the program.
    strace.args(["-f", "-qq"]).arg(program).args(["--exact", "steps_do_not_call_the_system"]).env(THREADS, "1");
    let output = match strace.output() {
        Ok(output) => output,
        Err(error) => return eprintln!("SKIPPED: strace cannot be started: {error}"),
    };
    let calls = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() && !calls.contains(BEGIN) {
        return eprintln!("SKIPPED: strace may not watch: {}", calls.lines().last().unwrap_or_default());
    }
    assert!(output.status.success(), "the watched program fails: {calls}");
    // Where the clock cannot be read without the system, each epoch asks it.
    let mut calls = calls.lines().filter(|call| !call.contains("clock_gettime"));
    assert!(calls.any(|call| call.contains(BEGIN)), "the first mark is in the list");
    let between: Vec<&str> = calls.take_while(|call| !call.contains(END)).collect();
    assert!(between.is_empty(), "{} calls in {} steps: {between:#?}", between.len(), 10 * EPOCHS);
}
