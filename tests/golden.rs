//! What earlier versions wrote is still read, predicts the same bits, and trainings end in the bits that they ended in.
//!
//! `tests/golden` has model files, the bits of what they predict, and fingerprints of trainings. None of them is ever
//! changed: a new format or a new kind of model adds files (`cargo test -p model --test golden -- --ignored` writes those
//! that are missing). A fingerprint that changes is a change of results, and needs an entry in the changelog.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use data::{Column, ReadOptions, Source, Table, TableReader};
use model::{Columns, Compute, Model, Recipe, cross_validation, fit};
use net::digest::Digest;
use net::random::Random;
use net::{
    Activation, Dataset, Level, Network, Optimizer, OutputLayer, Predictor, Run, Schedule, Threads, Trainer,
    TrainingOptions, format,
};

/// Where the files are.
fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden").join(name)
}

fn fused_levels() -> Vec<Level> {
    Level::available().into_iter().filter(|level| level.is_fused()).collect()
}

fn table() -> Table {
    let text = fs::read(golden("table.csv")).unwrap();
    let reader = TableReader::open(Source::memory("table.csv", text), &ReadOptions::default()).unwrap();
    let inferred = reader.infer(reader.header().columns()).unwrap();
    reader.read(inferred.iter().map(|column| Column::new(&column.name, column.kind)).collect()).unwrap()
}

/// The bits of numbers, eight hexadecimal digits each.
fn bits(numbers: &[f32]) -> String {
    numbers.iter().map(|number| format!("{:08x}\n", number.to_bits())).collect()
}

/// The files of networks without a table, and those of the command, one for each kind of target.
const NETWORKS: [&str; 3] = ["sigmoid", "softmax", "ensemble"];
const MODELS: [&str; 3] = ["two", "three", "number"];

/// What the networks in a file predict for some inputs, one after the other.
fn network_predictions(bytes: &[u8], level: Level) -> String {
    let (networks, note) = format::ensemble_from_bytes::<String>(bytes).unwrap();
    assert_eq!(note, "golden");
    let mut random = Random::new(3, 0);
    let x: Vec<f32> = (0..7 * 3).map(|_| 4.0 * random.unit() - 2.0).collect();
    let predictions = |network: &Network| {
        let mut predictor = Predictor::new(network).with_level(level);
        let mut y = vec![0.0; 7 * network.shape().outputs()];
        match network.shape().output_layer() {
            OutputLayer::Sigmoid => predictor.prob_t1(&x, &mut y).unwrap(),
            OutputLayer::Softmax => predictor.class_probabilities(&x, &mut y).unwrap(),
            _ => predictor.means(&x, &mut y).unwrap(),
        }
        bits(&y)
    };
    networks.iter().map(predictions).collect()
}

/// What a model of the command predicts for the rows of the table.
fn model_predictions(bytes: &[u8], level: Level) -> String {
    let model = Model::from_bytes(bytes, Path::new("golden")).unwrap();
    let table = table();
    let rows: Vec<usize> = (0..table.rows()).collect();
    let inputs = model.pipeline.apply(&table, &rows).unwrap();
    bits(&model.predictor(Compute { threads: 1, level }).unwrap().predict(&inputs).unwrap())
}

fn predictions(name: &str, bytes: &[u8], level: Level) -> String {
    if NETWORKS.contains(&name) { network_predictions(bytes, level) } else { model_predictions(bytes, level) }
}

/// As `sha256sum` writes and checks it.
fn sum(name: &str, bytes: &[u8]) -> String {
    format!("{}  {name}\n", Digest::of([bytes]))
}

#[test]
fn earlier_files_are_read_and_predict_the_same_bits() {
    let sums = fs::read_to_string(golden("SHA256SUMS")).unwrap();
    let names: Vec<&str> = sums.lines().map(|line| line.split_once("  ").unwrap().1).collect();
    for (line, name) in sums.lines().zip(&names) {
        let bytes = fs::read(golden(name)).unwrap();
        assert_eq!(sum(name, &bytes).trim_end(), line, "a golden file was changed");
    }
    for name in NETWORKS.into_iter().chain(MODELS) {
        let [file, expected] = [format!("{name}.safetensors"), format!("{name}.bits")];
        assert!(names.contains(&&*file) && names.contains(&&*expected), "{name} is no golden file");
        let bytes = fs::read(golden(&file)).unwrap();
        let expected = fs::read_to_string(golden(&expected)).unwrap();
        for level in fused_levels() {
            assert!(predictions(name, &bytes, level) == expected, "{name} at {level}: other predictions");
        }
        // What is read is written, and what is written is read.
        if MODELS.contains(&name) {
            let model = Model::from_bytes(&bytes, Path::new(&file)).unwrap();
            let again = Model::from_bytes(&model.to_bytes(), Path::new(&file)).unwrap();
            assert_eq!((&again.pipeline, &again.training), (&model.pipeline, &model.training));
        }
    }
}

/// The settings that a file has are read as they stand in it, those that came later as what was done before them.
#[test]
fn settings_of_earlier_files_are_kept() {
    for name in MODELS {
        let bytes = fs::read(golden(&format!("{name}.safetensors"))).unwrap();
        let (_, metadata) = format::ensemble_from_bytes::<serde_json::Value>(&bytes).unwrap();
        let model = Model::from_bytes(&bytes, Path::new(name)).unwrap();
        let settings = serde_json::to_string(&model.training.settings).unwrap();
        let settings: serde_json::Value = serde_json::from_str(&settings).unwrap();
        let in_file = metadata["training"]["settings"].as_object().unwrap();
        assert!(in_file.len() >= 18);
        for (setting, value) in in_file {
            assert_eq!(&settings[setting], value, "{name}: {setting}");
        }
    }
}

/// Some trainings of the library, with a name each.
fn trainings() -> Vec<(String, Trainer, Dataset)> {
    let mut random = Random::new(8, 0);
    let mut features = |rows: usize| -> Vec<f32> { (0..6 * rows).map(|_| 4.0 * random.unit() - 2.0).collect() };
    let (rows, x) = (100, features(100));
    let sum = |row: usize| x[6 * row] * x[6 * row + 1] + x[6 * row + 2];
    let two = Dataset::new(6, x.clone(), (0..rows).map(|row| f32::from(sum(row) > 0.0)).collect()).unwrap();
    let class = |row: usize| f32::from(sum(row) > -1.0) + f32::from(sum(row) > 1.0);
    let three = Dataset::multi_class(6, x.clone(), 3, (0..rows).map(class).collect()).unwrap();
    let number = Dataset::regression(6, x.clone(), 1, (0..rows).map(sum).collect()).unwrap();
    let weights = (0..rows).map(|row| (row % 3) as f32).collect();
    let weighted = two.clone().with_weights(weights).unwrap().with_label_smoothing(0.1).unwrap();

    let options =
        TrainingOptions { epochs: 4, batch_size: 16, seed: 5, threads: Threads::Own(2), ..Default::default() };
    let with = |optimizer| TrainingOptions { optimizer, ..options.clone() };
    let cosine = Schedule::Cosine { warm_up: 4, steps: 28 };
    let cases = [
        ("descent, sigmoid", Activation::Sigmoid, &two, with(Optimizer::Sgd { learning_rate: 0.3, momentum: 0.0 })),
        ("momentum, tanh", Activation::Tanh, &two, with(Optimizer::Sgd { learning_rate: 0.1, momentum: 0.9 })),
        (
            "Nesterov, ReLU, softmax",
            Activation::Relu,
            &three,
            with(Optimizer::Nesterov { learning_rate: 0.03, momentum: 0.9 }),
        ),
        (
            "RMSProp, tanh, identity, clipped",
            Activation::Tanh,
            &number,
            TrainingOptions { clip_norm: Some(0.5), ..with(Optimizer::rms_prop(0.003)) },
        ),
        (
            "AdamW, ReLU, weighted and smoothed, cosine",
            Activation::Relu,
            &weighted,
            TrainingOptions { weight_decay: 0.1, schedule: cosine, ..with(Optimizer::adam(0.01)) },
        ),
    ];
    let output = |data: &Dataset| match data.target_kind() {
        net::TargetKind::Labels(units) => (OutputLayer::Sigmoid, units),
        net::TargetKind::Classes(units) => (OutputLayer::Softmax, units),
        net::TargetKind::Values(units) => (OutputLayer::Identity, units),
    };
    let trainer = |activation, data: &Dataset, options| {
        let (layer, units) = output(data);
        let builder = Network::builder(6).hidden(&[40, 9]).activation(activation).output_layer(layer, units);
        Trainer::new(builder.seed(2).build().unwrap(), options).unwrap()
    };
    let case = |(name, activation, data, options): (&str, _, &Dataset, _)| {
        (name.to_owned(), trainer(activation, data, options), data.clone())
    };
    cases.into_iter().map(case).collect()
}

/// A model of the table. The recipe chooses everything, so that no default counts.
fn fitted(target: &str, level: Level) -> Model {
    let table = table();
    let columns = |target: &str| Columns::new(["size", "when", "colour"].map(str::to_owned).to_vec(), target);
    let recipe: Recipe = serde_json::from_str(
        r#"{"hidden": [5, 3], "activation": "tanh", "optimizer": "adam", "learning_rate": 0.02, "momentum": 0.9,
        "schedule": "cosine:0.1", "epochs": 12, "batch_size": 8, "weight_decay": 0.1, "label_smoothing": 0.0, "clip_norm": 0.0,
        "scaling": "standard", "pieces": "3", "class_weights": "none", "ensemble": 2, "validation_fraction": 0.25, "patience": 6,
        "seed": 4}"#,
    )
    .unwrap();
    let split = cross_validation::stratified(&table, &columns("two"), 4, 1, 5).unwrap().swap_remove(0);
    let prepared = columns(target).prepare_from(&table, &split, &recipe).unwrap();
    let compute = Compute { threads: 2, level };
    fit(prepared.pipeline, prepared.training, None, &prepared.settings, compute, &|_| true).unwrap()
}

/// Fingerprints of what all those trainings end in, a line for each.
fn fingerprints() -> String {
    let mut lines = String::new();
    for (name, mut trainer, data) in trainings() {
        trainer.run(&mut Run::new(&data)).unwrap();
        writeln!(lines, "{}  {name}", trainer.network().fingerprint()).unwrap();
    }
    for target in MODELS {
        for (number, member) in fitted(target, *fused_levels().last().unwrap()).members.iter().enumerate() {
            writeln!(lines, "{}  model of `{target}`, network {}", member.fingerprint(), number + 1).unwrap();
        }
    }
    lines
}

#[test]
fn trainings_end_in_the_bits_of_earlier_versions() {
    if fused_levels().is_empty() {
        return;
    }
    assert_eq!(
        fingerprints(),
        fs::read_to_string(golden("fingerprints.txt")).unwrap(),
        "see CONTRIBUTING, golden files"
    );
}

#[test]
#[ignore = "writes golden files that are missing"]
fn write_missing_files() {
    let missing = |name: &str, content: &dyn Fn() -> Vec<u8>| {
        if golden(name).exists() {
            return;
        }
        let bytes = content();
        fs::write(golden(name), &bytes).unwrap();
        let sums = fs::read_to_string(golden("SHA256SUMS")).unwrap_or_default();
        fs::write(golden("SHA256SUMS"), sums + &sum(name, &bytes)).unwrap();
    };
    fs::create_dir_all(golden("")).unwrap();
    missing("table.csv", &|| {
        let mut text = "size,when,colour,two,three,number\n".to_owned();
        for row in 0..60 {
            let (size, red) = (row * 7 % 24, row % 3 == 0);
            let two = if (size >= 12) ^ red { "high" } else { "low" };
            let (three, colour) = (["a", "b", "c"][size / 8], if red { "red" } else { "blue" });
            let size_or_none = if row % 10 == 0 { String::new() } else { size.to_string() };
            writeln!(text, "{size_or_none},2024-02-{:02},{colour},{two},{three},{}.5", 1 + row * 5 % 28, 3 * size)
                .unwrap();
        }
        text.into_bytes()
    });
    let level = *fused_levels().last().expect("golden files are written at a level that fuses");
    let network = |seed, layer, units| {
        let builder = Network::builder(3).hidden(&[4, 2]).activation(Activation::Tanh);
        builder.output_layer(layer, units).seed(seed).build().unwrap()
    };
    for name in NETWORKS {
        let networks = match name {
            "sigmoid" => vec![network(1, OutputLayer::Sigmoid, 1)],
            "softmax" => vec![network(2, OutputLayer::Softmax, 3)],
            _ => vec![network(3, OutputLayer::Identity, 2), network(4, OutputLayer::Identity, 2)],
        };
        missing(&format!("{name}.safetensors"), &|| format::ensemble_to_bytes(&networks, &"golden"));
    }
    for name in MODELS {
        missing(&format!("{name}.safetensors"), &|| fitted(name, level).to_bytes());
    }
    for name in NETWORKS.into_iter().chain(MODELS) {
        let bytes = fs::read(golden(&format!("{name}.safetensors"))).unwrap();
        missing(&format!("{name}.bits"), &|| predictions(name, &bytes, level).into_bytes());
    }
    if !golden("fingerprints.txt").exists() {
        fs::write(golden("fingerprints.txt"), fingerprints()).unwrap();
    }
}
