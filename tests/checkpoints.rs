//! A training that is stopped, written, read and resumed, any number of times, ends in the bits of one that was not; early
//! stopping keeps the best weights; and what does not fit is refused.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use net::checkpoint::Checkpoint;
use net::checkpoint::Every;
use net::container::Unreadable;
use net::digest::Digest;
use net::metrics::Metric;
use net::random::Random;
use net::{
    Activation, Dataset, EarlyStopping, Ending, Error, Goal, History, Level, Monitor, Network, Optimizer, OutputLayer,
    Predictor, Run, Schedule, Scorer, Threads, Trainer, TrainingOptions, metrics,
};

/// Two classes that no network of this size tells apart without an error.
fn data(rows: usize, seed: u64) -> Dataset {
    let mut random = Random::new(seed, 0);
    let features: Vec<f32> = (0..5 * rows).map(|_| 4.0 * random.unit() - 2.0).collect();
    let t = |x: &[f32], noise: f32| if x[0] * x[1] + x[2] > noise { 1.0 } else { 0.0 };
    let targets = features.chunks(5).map(|x| t(x, 3.0 * random.unit() - 1.5)).collect();
    Dataset::new(5, features, targets).unwrap()
}

fn network() -> Network {
    Network::builder(5).hidden(&[40, 3]).activation(Activation::Tanh).seed(4).build().unwrap()
}

fn fused_levels() -> Vec<Level> {
    Level::available().into_iter().filter(|level| level.is_fused()).collect()
}

/// Every optimiser, each with something else around it, and dropout.
fn all_options() -> Vec<TrainingOptions> {
    let early_stopping = Some(EarlyStopping { patience: 2, min_improvement: 0.002, ..Default::default() });
    let plateau = Schedule::ReduceOnPlateau { patience: 1, factor: 0.5, min_improvement: 0.003, smallest: 0.01 };
    let sgd = |momentum| Optimizer::Sgd { learning_rate: 0.3, momentum };
    let base = TrainingOptions { epochs: 5, batch_size: 24, seed: 9, early_stopping, ..Default::default() };
    let on_score = Some(EarlyStopping { monitor: Monitor::Score, ..Default::default() });
    vec![
        TrainingOptions { optimizer: sgd(0.0), schedule: plateau, ..base.clone() },
        TrainingOptions { optimizer: sgd(0.9), clip_norm: Some(0.2), ..base.clone() },
        TrainingOptions {
            optimizer: Optimizer::Nesterov { learning_rate: 0.1, momentum: 0.9 },
            schedule: Schedule::Cosine { warm_up: 3, steps: 30 },
            early_stopping: None,
            ..base.clone()
        },
        TrainingOptions {
            optimizer: Optimizer::rms_prop(0.01),
            schedule: Schedule::Step { every: 4, factor: 0.7 },
            weight_decay: 0.01,
            ..base.clone()
        },
        TrainingOptions {
            optimizer: Optimizer::adam(0.01),
            schedule: plateau,
            weight_decay: 0.1,
            clip_norm: Some(1.0),
            early_stopping: on_score,
            ..base.clone()
        },
        TrainingOptions { optimizer: sgd(0.5), dropout: 0.3, clip_norm: Some(1.0), ..base },
    ]
}

/// Trains until `stop_after` minibatches are done, or to the end; everything that the training then is, as bytes.
fn train(
    trainer: &mut Trainer,
    (data, validation): (&Dataset, &Dataset),
    stop_after: Option<usize>,
) -> (Ending, Vec<u8>) {
    let mut batches = 0;
    let mut run = Run::new(data).validation(validation).scorer(Scorer::of(Metric::RocAuc)).on_batch(|_| {
        batches += 1;
        if Some(batches) == stop_after { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let ending = trainer.run(&mut run).unwrap();
    (ending, trainer.checkpoint(&run).unwrap().to_bytes())
}

/// The training in those bytes, on other threads and at another level.
fn resumed(bytes: &[u8], (data, validation): (&Dataset, &Dataset), turn: usize) -> Trainer {
    let checkpoint = Checkpoint::from_bytes(bytes).unwrap();
    let levels = fused_levels();
    let (threads, level) = (Threads::Own(1 + turn % 3), levels[turn % levels.len()]);
    let options = TrainingOptions { threads, level, ..checkpoint.options().clone() };
    let run = Run::new(data).validation(validation).scorer(Scorer::of(Metric::RocAuc));
    Trainer::resume(checkpoint, options, &run).unwrap()
}

#[test]
fn a_stopped_training_ends_in_the_same_bits() {
    let sets = (&data(200, 1), &data(70, 2));
    for options in all_options() {
        let optimizer = options.optimizer;
        let expected = train(&mut Trainer::new(network(), options.clone()).unwrap(), sets, None);
        // 9 minibatches in an epoch: all places in the first epoch, and some of the later ones.
        let mut stopped = 0;
        for batches in (1..=10).chain([13, 18, 26, 27, 28, 36, 44]) {
            let mut trainer = Trainer::new(network(), options.clone()).unwrap();
            let (ending, bytes) = train(&mut trainer, sets, Some(batches));
            if ending == Ending::Stopped {
                stopped += 1;
                assert!(bytes != expected.1);
                let again = train(&mut resumed(&bytes, sets, batches), sets, None);
                assert!(again == expected, "{optimizer:?}, stopped after {batches} minibatches");
                // The same training goes on without a file, too.
                assert!(train(&mut trainer, sets, None) == expected, "{optimizer:?}, {batches} minibatches");
            }
        }
        assert!(stopped >= 10, "{optimizer:?}");

        // Stopped again and again.
        let mut trainer = Trainer::new(network(), options).unwrap();
        for turn in 0.. {
            let (ending, bytes) = train(&mut trainer, sets, Some(1 + turn % 2));
            if ending != Ending::Stopped {
                assert!((ending, bytes) == expected, "{optimizer:?}, stopped {turn} times");
                break;
            }
            trainer = resumed(&bytes, sets, turn);
        }
    }
}

/// As after a kill: what is on the disk is the checkpoint of some minibatch, and the rest is done again.
#[test]
fn a_file_after_any_minibatch_serves() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.ckpt");
    let (training, validation) = (data(100, 1), data(40, 2));
    let options = TrainingOptions { epochs: 3, batch_size: 30, optimizer: Optimizer::adam(0.01), ..Default::default() };
    let run = || Run::new(&training).validation(&validation).metadata("mine");
    let mut whole = Trainer::new(network(), options.clone()).unwrap();
    whole.run(&mut run()).unwrap();
    let expected = whole.checkpoint(&run()).unwrap().to_bytes();

    let mut files = Vec::new();
    let mut keep = |path: &Path| files.extend(std::fs::read(path).ok());
    let mut trainer = Trainer::new(network(), options.clone()).unwrap();
    let mut watched = run().checkpoints(&path, Every::Time(Duration::ZERO)).on_batch(|_| {
        keep(&path);
        ControlFlow::Continue(())
    });
    trainer.run(&mut watched).unwrap();
    drop(watched);
    files.push(std::fs::read(&path).unwrap());
    // After each of 3 x 4 minibatches, and at the end.
    assert_eq!(files.len(), 13);
    assert!(files[12] == expected);
    for file in files {
        let checkpoint = Checkpoint::from_bytes(&file).unwrap();
        assert_eq!(checkpoint.metadata(), "mine");
        let mut trainer = Trainer::resume(checkpoint, options.clone(), &run()).unwrap();
        trainer.run(&mut run()).unwrap();
        assert!(trainer.checkpoint(&run()).unwrap().to_bytes() == expected);
    }

    // Every second epoch, and at the end.
    let mut trainer = Trainer::new(network(), options.clone()).unwrap();
    let mut epochs = Vec::new();
    let mut run = run().checkpoints(&path, Every::Epochs(2)).on_epoch(|_| {
        epochs.push(Checkpoint::load(&path).unwrap().history().epochs.len());
        ControlFlow::Continue(())
    });
    std::fs::remove_file(&path).unwrap();
    Trainer::new(network(), TrainingOptions { epochs: 1, ..options })
        .unwrap()
        .checkpoint(&run)
        .unwrap()
        .save(&path)
        .unwrap();
    trainer.run(&mut run).unwrap();
    drop(run);
    assert_eq!(epochs, [0, 2, 2]);
    assert_eq!(Checkpoint::load(&path).unwrap().history().epochs.len(), 3);
}

#[test]
fn more_epochs_are_as_if_they_had_been_asked_for_at_once() {
    let sets = (&data(150, 1), &data(50, 2));
    let options = |epochs| TrainingOptions {
        epochs,
        optimizer: Optimizer::adam(0.01),
        early_stopping: Some(EarlyStopping { patience: u64::MAX, ..Default::default() }),
        ..Default::default()
    };
    let mut whole = Trainer::new(network(), options(5)).unwrap();
    train(&mut whole, sets, None);
    let mut parts = Trainer::new(network(), options(2)).unwrap();
    assert_eq!(train(&mut parts, sets, None).0, Ending::Epochs);
    let checkpoint = parts.checkpoint(&Run::new(sets.0).validation(sets.1).scorer(Scorer::of(Metric::RocAuc))).unwrap();
    parts.add_epochs(3);
    assert_eq!(train(&mut parts, sets, None).0, Ending::Epochs);
    assert_eq!(parts.history(), whole.history());
    assert_eq!(parts.network().fingerprint(), whole.network().fingerprint());
    assert_eq!(parts.best_network().fingerprint(), whole.best_network().fingerprint());

    let run = Run::new(sets.0).validation(sets.1).scorer(Scorer::of(Metric::RocAuc));
    let mut resumed = Trainer::resume(checkpoint, options(5), &run).unwrap();
    train(&mut resumed, sets, None);
    assert_eq!(resumed.network().fingerprint(), whole.network().fingerprint());

    // The state of the optimiser stays where the data are other ones: the rest of a run, then new data.
    let mut incremental = Trainer::new(network(), options(1)).unwrap();
    train(&mut incremental, sets, None);
    incremental.add_epochs(1);
    let other = (&data(90, 7), sets.1);
    train(&mut incremental, other, None);
    let mut fresh = Trainer::new(incremental.network().clone(), options(1)).unwrap();
    fresh.epoch(other.0).unwrap();
    assert_ne!(fresh.network().fingerprint(), incremental.network().fingerprint());
}

#[test]
fn early_stopping_begins_anew_with_other_validation_data() {
    let (training, validation) = (data(150, 1), data(50, 2));
    // Whoever learns the one is wrong on the other.
    let targets = validation.targets().iter().map(|t| 1.0 - t).collect();
    let opposite = Dataset::new(5, (0..50).flat_map(|row| validation.row(row).to_vec()).collect(), targets).unwrap();
    let early_stopping = Some(EarlyStopping { patience: 50, ..Default::default() });
    let options = TrainingOptions { epochs: 4, optimizer: Optimizer::adam(0.01), early_stopping, ..Default::default() };
    let mut trainer = Trainer::new(network(), options).unwrap();
    trainer.run(&mut Run::new(&training).validation(&validation)).unwrap();
    let first = trainer.history().best().copied().unwrap();
    trainer.add_epochs(4);
    trainer.run(&mut Run::new(&training).validation(&opposite)).unwrap();
    let second = trainer.history().best().copied().unwrap();
    assert!(first.number <= 4 && second.number > 4, "{first:?}, {second:?}");
    assert!(second.validation_loss > first.validation_loss, "{first:?}, {second:?}");
    // With the same data in another place, it goes on.
    trainer.add_epochs(1);
    trainer.run(&mut Run::new(&training).validation(&opposite.clone())).unwrap();
    let epochs = &trainer.history().epochs[4..];
    let least = epochs.iter().map(|epoch| epoch.validation_loss.unwrap()).fold(f64::INFINITY, f64::min);
    assert_eq!(trainer.history().best().unwrap().validation_loss, Some(least));
}

/// A run that is changed after it was described is described anew.
#[test]
fn a_checkpoint_is_of_the_run_as_it_was_changed() {
    let (training, validation) = (data(150, 1), data(50, 2));
    let trainer = Trainer::new(network(), TrainingOptions::default()).unwrap();
    let run = Run::new(&training);
    trainer.checkpoint(&run).unwrap();
    let run = run.validation(&validation).scorer(Scorer::of(Metric::RocAuc)).score_training().validate_every(2);
    let checkpoint = trainer.checkpoint(&run).unwrap();
    let anew = Run::new(&training)
        .validation(&validation)
        .scorer(Scorer::of(Metric::RocAuc))
        .score_training()
        .validate_every(2);
    assert!(Trainer::resume(checkpoint, TrainingOptions::default(), &anew).is_ok());
}

#[test]
fn early_stopping_keeps_the_best_epoch() {
    // So few samples that the network learns them by heart.
    let (training, validation) = (data(40, 1), data(300, 2));
    let validation = validation.with_weights((0..300).map(|row| (row % 3) as f32).collect()).unwrap();
    let optimizer = Optimizer::adam(0.003);
    let early_stopping = Some(EarlyStopping { patience: 4, ..Default::default() });
    let options = TrainingOptions { epochs: 200, batch_size: 10, optimizer, early_stopping, ..Default::default() };
    let mut trainer = Trainer::new(network(), options.clone()).unwrap();
    let mut bests = Vec::new();
    let brier = Scorer::new("Brier score", Goal::Minimize, |data, p| {
        let squares = data.targets().iter().zip(p).map(|(t, p)| f64::from(t - p).powi(2));
        Ok::<f64, metrics::MetricError>(squares.sum::<f64>() / data.rows() as f64)
    });
    let mut run = Run::new(&training).validation(&validation).scorer(brier).score_training().on_epoch(|epoch| {
        bests.extend(epoch.is_best.then_some(epoch.number));
        ControlFlow::Continue(())
    });
    assert_eq!(trainer.run(&mut run).unwrap(), Ending::Patience);
    assert_eq!(trainer.run(&mut run).unwrap(), Ending::Patience, "nothing is left to do");
    drop(run);

    let history = trainer.history().clone();
    assert_eq!(history.scorer.as_deref(), Some("Brier score"));
    let best = *history.best().unwrap();
    assert_eq!(bests.last(), Some(&best.number));
    assert_eq!(history.epochs.len(), best.number + 4);
    assert!(history.epochs.iter().all(|epoch| epoch.validation_loss >= best.validation_loss));
    assert!(best.number > 1 && history.epochs.last().unwrap().training_score < best.training_score);
    let json = serde_json::to_string(&history).unwrap();
    assert_eq!(serde_json::from_str::<History>(&json).unwrap(), history);

    // The best weights are those of a training that ends there, and their loss is that of the curve, by bits.
    let mut short =
        Trainer::new(network(), TrainingOptions { epochs: best.number, early_stopping: None, ..options }).unwrap();
    short.train(&training, |_| ControlFlow::Continue(())).unwrap();
    assert_ne!(trainer.network().fingerprint(), short.network().fingerprint());
    let network = trainer.into_network();
    assert_eq!(network.fingerprint(), short.network().fingerprint());
    for level in fused_levels() {
        for threads in [1, 2, 3] {
            let mut predictor = Predictor::new(&network).with_level(level).with_threads(Threads::Own(threads)).unwrap();
            assert_eq!(Some(predictor.mean_loss(&validation).unwrap()), best.validation_loss, "{level}, {threads}");
        }
    }
}

/// The validation loss is that which training on the same rows would see, whatever the output layer.
#[test]
fn the_mean_loss_is_that_of_a_step() {
    let mut random = Random::new(3, 0);
    let features: Vec<f32> = (0..150 * 5).map(|_| random.unit()).collect();
    let classes = (0..150).map(|_| random.below(7) as f32).collect();
    let labels = (0..150 * 6).map(|_| random.below(2) as f32).collect();
    let values = (0..150 * 2).map(|_| random.unit()).collect();
    let weights: Vec<f32> = (0..150).map(|_| random.unit()).collect();
    let classes = Dataset::multi_class(5, features.clone(), 7, classes).unwrap().with_label_smoothing(0.1).unwrap();
    let labels = Dataset::multi_label(5, features.clone(), 6, labels).unwrap().with_weights(weights.clone()).unwrap();
    let values = Dataset::regression(5, features, 2, values).unwrap().with_weights(weights).unwrap();
    let all: Vec<usize> = (0..150).collect();
    for (data, output_layer, units) in
        [(classes, OutputLayer::Softmax, 7), (labels, OutputLayer::Sigmoid, 6), (values, OutputLayer::Identity, 2)]
    {
        let network = Network::builder(5).hidden(&[9]).output_layer(output_layer, units).build().unwrap();
        let expected = Trainer::new(network.clone(), TrainingOptions::default()).unwrap().step(&data, &all).unwrap();
        for (level, threads) in fused_levels().into_iter().flat_map(|level| [(level, 1), (level, 2), (level, 5)]) {
            let mut predictor = Predictor::new(&network).with_level(level).with_threads(Threads::Own(threads)).unwrap();
            for _ in 0..10 {
                assert_eq!(predictor.mean_loss(&data).unwrap(), expected, "{output_layer}, {level}, {threads} threads");
            }
        }
    }
}

#[test]
fn a_fingerprint_is_what_its_documentation_says() {
    let network = network();
    let weights: Vec<u8> = (1..=3).flat_map(|layer| network.weights(layer)).flat_map(f32::to_le_bytes).collect();
    assert_eq!(network.fingerprint(), Digest::of([&b"5-40-3-1 tanh sigmoid\n"[..], &weights]));
    assert_ne!(data(20, 1).fingerprint(), data(20, 2).fingerprint());
    let weighted = data(20, 1).with_weights(vec![1.0; 20]).unwrap();
    assert_ne!(data(20, 1).fingerprint(), weighted.fingerprint());
    assert_ne!(data(20, 1).fingerprint(), data(20, 1).with_label_smoothing(0.1).unwrap().fingerprint());
}

#[test]
fn another_training_is_refused() {
    let (training, validation) = (data(60, 1), data(30, 2));
    let options = TrainingOptions { optimizer: Optimizer::adam(0.01), epochs: 2, ..Default::default() };
    let run = || Run::new(&training).validation(&validation).scorer(Scorer::of(Metric::RocAuc));
    let mut trainer = Trainer::new(network(), options.clone()).unwrap();
    trainer.run(&mut run()).unwrap();
    let checkpoint = trainer.checkpoint(&run()).unwrap();
    let refused = |options: &TrainingOptions, run: &Run<'_>, expected: &str| {
        let error = Trainer::resume(checkpoint.clone(), options.clone(), run).unwrap_err();
        assert!(matches!(error, Error::Resume { .. }), "{error:?}");
        assert!(error.to_string().contains(expected), "'{error}' does not say '{expected}'");
    };
    refused(&TrainingOptions { batch_size: 64, ..options.clone() }, &run(), "its batch size is 32, but 64 is given");
    refused(&TrainingOptions { clip_norm: Some(1.0), ..options.clone() }, &run(), "its clip norm is none, but 1.0");
    refused(&TrainingOptions { seed: 1, ..options.clone() }, &run(), "its seed is 0, but 1 is");
    refused(
        &TrainingOptions { optimizer: Optimizer::adam(0.02), ..options.clone() },
        &run(),
        "its optimizer is {\"adam\"",
    );
    let mut one_bit = training.features().to_vec();
    one_bit[7] = f32::from_bits(one_bit[7].to_bits() ^ 1);
    let one_bit = Dataset::new(5, one_bit, training.targets().to_vec()).unwrap();
    refused(
        &options,
        &Run::new(&one_bit).validation(&validation).scorer(Scorer::of(Metric::RocAuc)),
        "its training data is",
    );
    refused(&options, &Run::new(&training).scorer(Scorer::of(Metric::RocAuc)), "its validation data is");
    refused(
        &options,
        &run().scorer(Scorer::of(Metric::Accuracy)),
        "its scorer is [\"ROC AUC\",\"maximize\"], but [\"accuracy\"",
    );
    refused(&options, &run().validate_every(2), "its validate every is 1, but 2");

    let more = TrainingOptions { epochs: 9, threads: Threads::Own(2), ..options };
    assert!(Trainer::resume(checkpoint, more, &run()).is_ok());
}

#[test]
fn damaged_files_are_refused() {
    let training = data(20, 1);
    let network = Network::builder(5).hidden(&[2]).build().unwrap();
    let trainer = Trainer::new(network.clone(), TrainingOptions::default()).unwrap();
    let mut bytes = trainer.checkpoint(&Run::new(&training)).unwrap().to_bytes();
    assert!(Checkpoint::from_bytes(&bytes).is_ok());
    for byte in 0..bytes.len() {
        bytes[byte] ^= 16;
        assert!(Checkpoint::from_bytes(&bytes).is_err(), "byte {byte}");
        bytes[byte] ^= 16;
        assert!(Checkpoint::from_bytes(&bytes[..byte]).is_err(), "cut off after {byte} bytes");
    }
    let model = net::format::to_bytes(&network, &"");
    assert!(matches!(Checkpoint::from_bytes(&model), Err(Unreadable::OtherFormat { wanted: "checkpoint", .. })));
    let text = String::from_utf8_lossy(&bytes[8..200]).replace(r#"\"version\":1,"#, r#"\"version\":2,"#);
    let other_version = [&bytes[..8], text.as_bytes(), &bytes[200..]].concat();
    assert!(matches!(Checkpoint::from_bytes(&other_version), Err(Unreadable::Version { found: 2, known: 1 })));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.ckpt");
    let error = Checkpoint::load(&path).unwrap_err();
    assert!(matches!(error, Error::File { action: "read", .. }), "{error}");
    std::fs::write(&path, b"no").unwrap();
    let error = Checkpoint::load(&path).unwrap_err().to_string();
    assert!(error.contains("run.ckpt is not a usable checkpoint"), "{error}");
}

#[test]
fn several_trainings_share_a_file() {
    let training = data(50, 1);
    let trained = |epochs: usize, seed| {
        let network = Network::builder(5).hidden(&[seed as usize]).seed(seed).build().unwrap();
        let options = TrainingOptions { epochs, optimizer: Optimizer::adam(0.01), ..Default::default() };
        let mut trainer = Trainer::new(network, options).unwrap();
        let mut left = 3;
        let mut run = Run::new(&training).on_epoch(|_| {
            left -= 1;
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        trainer.run(&mut run).unwrap();
        trainer.checkpoint(&run).unwrap()
    };
    let trainings = [Some(trained(2, 3)), None, Some(trained(9, 4))];
    let endings = trainings.each_ref().map(|training| training.as_ref().and_then(Checkpoint::ending));
    assert_eq!(endings, [Some(Ending::Epochs), None, None]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.ckpt");
    net::checkpoint::save_all(&path, &trainings, "all \"of\" them").unwrap();
    let (loaded, text) = net::checkpoint::load_all(&path).unwrap();
    assert_eq!(text, "all \"of\" them");
    let all_bytes = |trainings: &[Option<Checkpoint>]| -> Vec<Option<Vec<u8>>> {
        trainings.iter().map(|training| training.as_ref().map(Checkpoint::to_bytes)).collect()
    };
    assert_eq!(all_bytes(&loaded), all_bytes(&trainings));
    let error = Checkpoint::load(&path).unwrap_err().to_string();
    assert!(error.contains("of an ensemble, not of one training"), "{error}");
}

#[test]
fn a_run_says_what_it_lacks() {
    let training = data(20, 1);
    let run = |early_stopping, run: Run<'_>| {
        let mut run = run;
        Trainer::new(network(), TrainingOptions { early_stopping, ..Default::default() }).unwrap().run(&mut run)
    };
    let refused = |early_stopping, of: Run<'_>, expected: &str| {
        let error = run(early_stopping, of).unwrap_err().to_string();
        assert!(error.contains(expected), "'{error}' does not say '{expected}'");
    };
    let early = EarlyStopping::default();
    refused(Some(early), Run::new(&training), "needs data to validate on");
    let on_score = EarlyStopping { monitor: Monitor::Score, ..early };
    refused(Some(on_score), Run::new(&training).validation(&training), "needs a scorer");
    refused(None, Run::new(&training).validate_every(0), "epochs from one validation to the next is 0");
    refused(
        None,
        Run::new(&training).checkpoints("x", Every::Epochs(0)),
        "epochs from one checkpoint to the next is 0",
    );
    let one_class = Dataset::new(5, training.row(0).to_vec(), vec![1.0]).unwrap();
    let scored = Run::new(&training).validation(&one_class).scorer(Scorer::of(Metric::RocAuc));
    refused(None, scored, "the ROC AUC cannot be computed: the ROC AUC needs rows of every class");
    let other = Dataset::new(1, vec![1.0], vec![1.0]).unwrap();
    refused(None, Run::new(&training).validation(&other), "a row of the data has 1 numbers");
    let missing = Path::new("no such folder").join("run.ckpt");
    refused(None, Run::new(&training).checkpoints(missing, Every::Epochs(1)), "cannot write");
    for (early, expected) in [
        (EarlyStopping { patience: 0, ..early }, "patience is 0"),
        (EarlyStopping { min_improvement: f64::NAN, ..early }, "smallest improvement is NaN"),
    ] {
        let options = TrainingOptions { early_stopping: Some(early), ..Default::default() };
        let error = Trainer::new(network(), options).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
