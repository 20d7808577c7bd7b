//! A training that is killed again and again, at random moments, and resumed from its checkpoint ends in the bits of one that
//! was not: `cargo run --release -p bench --example kill_and_resume -- [KILLS]`.
//!
//! The training is a process of its own, which writes a checkpoint after each minibatch or every few milliseconds, and which
//! the system kills as `kill -9` does. Each resumption has another number of threads and another level.

use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bench::Workload;
use net::checkpoint::{Checkpoint, Every};
use net::metrics::Metric;
use net::random::Random;
use net::{Dataset, EarlyStopping, Level, Network, Optimizer, Run, Scorer, Threads, Trainer, TrainingOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [role, path, turn] = &arguments[..] {
        assert_eq!(role, "train");
        return train(Path::new(path), turn.parse()?);
    }
    let kills: u64 = arguments.first().map_or(Ok(200), |kills| kills.parse())?;

    let folder = std::env::temp_dir().join(format!("backprop-kills-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let path = folder.join("run.ckpt");
    train(&path, 1)?;
    let expected = Checkpoint::load(&path)?.to_bytes();
    let mut random = Random::new(1, 0);
    let (mut killed, mut trainings) = (0, 0);
    while killed < kills {
        std::fs::remove_file(&path)?;
        let mut is_done = false;
        while !is_done {
            let program = std::env::current_exe()?;
            let mut child = Command::new(program).arg("train").arg(&path).arg(killed.to_string()).spawn()?;
            std::thread::sleep(Duration::from_micros(u64::from(random.below(150_000))));
            // It may have ended by itself; then it must have succeeded.
            child.kill()?;
            let status = child.wait()?;
            is_done = status.success();
            if status.code().is_some_and(|code| code != 0) {
                return Err(format!("a training failed by itself, after {killed} kills: {status}").into());
            }
            killed += u64::from(!is_done);
        }
        trainings += 1;
        let same = Checkpoint::load(&path)?.to_bytes() == expected;
        assert!(same, "training {trainings} ended in other bits, after {killed} kills in all");
    }
    println!("{killed} kills of {trainings} trainings: all ended in the bits of the one that was not killed");
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

/// Trains to the end, from the checkpoint if there is one.
fn train(path: &Path, turn: u64) -> Result<(), Box<dyn Error>> {
    let workload = Workload::narrow().into_iter().next().expect("a network");
    let network: Network = workload.network();
    let (data, validation): (Dataset, Dataset) = (workload.data(3000), workload.data(500));
    let levels: Vec<Level> = Level::available().into_iter().filter(|level| level.is_fused()).collect();
    let options = TrainingOptions {
        epochs: 1000,
        optimizer: Optimizer::adam(1e-3),
        early_stopping: Some(EarlyStopping { patience: 1000, ..Default::default() }),
        threads: Threads::Own(1 + turn as usize % 3),
        level: levels[turn as usize % levels.len()],
        ..Default::default()
    };
    let every = if turn.is_multiple_of(4) { Duration::ZERO } else { Duration::from_millis(3) };
    let mut run = Run::new(&data)
        .validation(&validation)
        .scorer(Scorer::of(Metric::RocAuc))
        .checkpoints(path, Every::Time(every));
    let mut trainer = match path.exists() {
        true => Trainer::resume(Checkpoint::load(path)?, options, &run)?,
        false => Trainer::new(network, options)?,
    };
    trainer.run(&mut run)?;
    Ok(())
}
