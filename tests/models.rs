//! From tables to models and back from files: every kind of target, ensembles, early stopping, cross-validation.

use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use data::{Column, Kind, ReadOptions, Source, Split, Table, TableReader};
use model::recipe::StoppingMetric;
use model::{
    Checkpoint, Columns, Compute, Error, Fit, Model, Recipe, Score, cross_validate, cross_validation, fit, importance,
    scores,
};
use net::checkpoint::Every;
use net::metrics::Metric;

/// Rows of two numbers and a colour, with classes, three classes, a number and weights that follow from them.
fn table() -> Table {
    let mut text = "size,noise,colour,two,three,number,weight,fold\n".to_owned();
    for row in 0..240 {
        let (size, noise, red) = (row * 7 % 24, row * 5 % 13, row % 3 == 0);
        let two = if (size >= 12) ^ red { "high" } else { "low" };
        let three = ["a", "b", "c"][size / 8];
        let number = 100.0 + 3.0 * size as f64 + if red { 20.0 } else { 0.0 };
        let (colour, weight, fold) = (if red { "red" } else { "blue" }, 1 + row % 2, row % 4);
        text += &format!("{size},{noise},{colour},{two},{three},{number},{weight},{fold}\n");
    }
    read(&text)
}

fn read(text: &str) -> Table {
    let reader = TableReader::open(Source::memory("t.csv", text.as_bytes()), &ReadOptions::default()).unwrap();
    let inferred = reader.infer(reader.header().columns()).unwrap();
    reader.read(inferred.iter().map(|column| Column::new(&column.name, column.kind)).collect()).unwrap()
}

fn columns(target: &str) -> Columns {
    Columns::new(["size", "noise", "colour"].map(str::to_owned).to_vec(), target)
}

fn recipe() -> Recipe {
    Recipe {
        hidden: Some(vec![16]),
        epochs: Some(60),
        learning_rate: Some(0.02),
        ensemble: Some(1),
        validation_fraction: Some(0.0),
        ..Recipe::default()
    }
}

fn split(table: &Table) -> Split {
    let columns = columns("two");
    cross_validation::stratified(table, &columns, 4, 1, 5).unwrap().swap_remove(0)
}

fn threads(threads: usize) -> Compute {
    Compute { threads, ..Compute::default() }
}

/// The bits of a model: its weights and everything else.
fn bytes(model: &Model) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m");
    model.save(&path).unwrap();
    std::fs::read(path).unwrap()
}

fn fitted(target: &str, recipe: &Recipe, compute: Compute) -> (Model, Vec<f32>, f64) {
    let table = table();
    let prepared = columns(target).prepare_from(&table, &split(&table), recipe).unwrap();
    let model = fit(prepared.pipeline, prepared.training, None, &prepared.settings, compute, &|_| true).unwrap();
    let examples = prepared.held_out.unwrap();
    let predictions = model.predictor(compute).unwrap().predict(&examples.inputs).unwrap();
    let scores = scores(model.pipeline.target(), &examples, &predictions, None).unwrap();
    let is_main = |score: &&Score| matches!(score.metric, Metric::Accuracy | Metric::RootMeanSquaredError);
    let main = scores.iter().find(is_main).and_then(|score| score.value).unwrap();
    (model, predictions, main)
}

#[test]
fn every_kind_of_target_is_learnt_and_comes_back_from_its_file() {
    for (target, outputs, is_good) in [
        ("two", 1, (|accuracy: f64| accuracy > 0.95) as fn(f64) -> bool),
        ("three", 3, |accuracy| accuracy > 0.95),
        // The numbers' standard deviation is 23.
        ("number", 1, |error| error < 4.0),
    ] {
        let (model, predictions, first) = fitted(target, &recipe(), threads(1));
        assert!(is_good(first), "{target}: {first}");
        assert_eq!(predictions.len(), 60 * outputs);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m");
        model.save(&path).unwrap();
        let loaded = Model::load(&path).unwrap();
        assert_eq!((&loaded.pipeline, &loaded.training), (&model.pipeline, &model.training));
        assert_eq!(bytes(&loaded), bytes(&model));
    }
}

#[test]
fn ensembles_and_early_stopping_have_the_same_bits_on_any_threads() {
    for target in ["two", "three", "number"] {
        let recipe = Recipe {
            ensemble: Some(3),
            validation_fraction: Some(0.2),
            patience: Some(5),
            epochs: Some(15),
            ..recipe()
        };
        let (model, predictions, _) = fitted(target, &recipe, threads(1));
        let (members, curves) = (&model.members, &model.training.curves);
        assert_eq!((members.len(), curves.len()), (3, 3));
        assert!(members[0].weights(1) != members[1].weights(1) && members[1].weights(1) != members[2].weights(1));
        for curve in curves {
            let best = curve.validation[curve.best_epoch - 1];
            assert!(curve.validation.iter().all(|loss| *loss >= best), "{curve:?}");
            assert_eq!(curve.validation.len(), curve.training.len());
            // It lasted as long as there was progress, which is more than 0.0003, within five epochs.
            let least = |losses: &[f64]| losses.iter().fold(f64::INFINITY, |least, loss| least.min(*loss));
            let lasted = curve.validation.len();
            let (before, after) = curve.validation.split_at(lasted.saturating_sub(5));
            assert!(lasted == 15 || least(after) > least(before) - 3e-4, "{curve:?}");
        }
        for count in [2, 3, 7] {
            let (other, again, _) = fitted(target, &recipe, threads(count));
            assert!(bytes(&other) == bytes(&model) && again == predictions, "{count} threads, target {target}");
        }
    }
}

#[test]
fn an_ensemble_predicts_the_mean_of_its_members() {
    let recipe = Recipe { ensemble: Some(2), epochs: Some(3), ..recipe() };
    let (model, predictions, _) = fitted("two", &recipe, threads(2));
    let mut sums = vec![0.0; predictions.len()];
    for member in &model.members {
        let alone = Model { members: vec![member.clone()], ..model.clone() };
        let table = table();
        let inputs = model.pipeline.apply(&table, &split(&table).held_out).unwrap();
        let predictions = alone.predictor(threads(1)).unwrap().predict(&inputs).unwrap();
        sums.iter_mut().zip(predictions).for_each(|(sum, prediction)| *sum += f64::from(prediction));
    }
    assert!(sums.iter().zip(&predictions).all(|(sum, prediction)| (sum / 2.0) as f32 == *prediction));
}

#[test]
fn training_stops_when_it_is_told_to() {
    let table = table();
    let prepared = columns("two").prepare_from(&table, &split(&table), &recipe()).unwrap();
    let stop = |progress: &model::Progress| progress.epoch < 4;
    let model = fit(prepared.pipeline, prepared.training, None, &prepared.settings, threads(1), &stop).unwrap();
    assert_eq!((model.training.curves[0].training.len(), model.training.curves[0].best_epoch), (4, 4));
}

/// Stopped after every seventh minibatch, by a hook, and resumed until it is over.
#[test]
fn a_fit_that_goes_on_has_the_same_bits() {
    let table = table();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fit.ckpt");
    for (target, metric, validation_fraction) in
        [("two", "roc-auc", 0.2), ("three", "loss", 0.25), ("number", "r-squared", 0.2), ("number", "loss", 0.0)]
    {
        let recipe = Recipe {
            ensemble: Some(3),
            epochs: Some(6),
            validation_fraction: Some(validation_fraction),
            metric: Some(metric.parse().unwrap()),
            temperature: Some(target != "number"),
            ..recipe()
        };
        let expected = bytes(&fitted(target, &recipe, threads(1)).0);
        let mut goes_on = None;
        let mut times = 0;
        let model = loop {
            let prepared = columns(target).prepare_from(&table, &split(&table), &recipe).unwrap();
            let batches = AtomicUsize::new(0);
            let is_stopped = || batches.fetch_add(1, Ordering::Relaxed) >= 7;
            let fit = Fit::new(&prepared.settings, threads(1 + times % 3)).stop_when(&is_stopped);
            let fit = fit.checkpoints(&path, Every::Epochs(2), "a note");
            let fit = if let Some(checkpoint) = goes_on { fit.resume(checkpoint) } else { fit };
            let model = fit.run(prepared.pipeline, prepared.training, None).unwrap();
            let checkpoint = Checkpoint::load(&path).unwrap();
            assert_eq!(checkpoint.note(), "a note");
            if checkpoint.is_finished() {
                break model;
            }
            assert!(checkpoint.epochs_done() < 18);
            (goes_on, times) = (Some(checkpoint), times + 1);
        };
        assert!(times > 2 && bytes(&model) == expected, "{target}, resumed {times} times");
    }
}

#[test]
fn what_early_stopping_goes_by_can_be_chosen() {
    for (target, metric) in [("two", "roc-auc"), ("three", "balanced-accuracy"), ("number", "mean-absolute-error")] {
        let metric: Metric = metric.parse().unwrap();
        let recipe = Recipe {
            validation_fraction: Some(0.3),
            patience: Some(4),
            metric: Some(StoppingMetric::Metric(metric)),
            ..recipe()
        };
        let (model, ..) = fitted(target, &recipe, threads(1));
        let curve = &model.training.curves[0];
        assert_eq!(curve.validation_score.len(), curve.validation.len());
        let best = curve.validation_score[curve.best_epoch - 1];
        assert!(curve.validation_score.iter().all(|score| !metric.is_better(*score, best)), "{curve:?}");
        // In the unit of the table, as the numbers are: half the squared error of standardised ones is below this.
        assert!(target != "number" || curve.validation_score[0] > 1.0 && curve.validation[0] < 1.0, "{curve:?}");
        let loaded: model::Settings =
            serde_json::from_str(&serde_json::to_string(&model.training.settings).unwrap()).unwrap();
        assert_eq!(loaded.metric, StoppingMetric::Metric(metric));
    }
}

#[test]
fn a_temperature_suits_the_validation_rows() {
    let recipe = Recipe { validation_fraction: Some(0.4), patience: Some(0), ensemble: Some(2), ..recipe() };
    let with = Recipe { temperature: Some(true), ..recipe.clone() };
    for target in ["two", "three"] {
        let (without, _, accuracy) = fitted(target, &recipe, threads(1));
        let (model, _, same) = fitted(target, &with, threads(2));
        for ((network, other), curve) in model.members.iter().zip(&without.members).zip(&model.training.curves) {
            let factor = (1.0 / curve.temperature.unwrap()) as f32;
            assert!(factor != 1.0 && network.weights(1) == other.weights(1));
            let mut scaled = other.clone();
            scaled.scale_output(factor).unwrap();
            let close = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-6 * b.abs();
            assert!(network.weights(2).iter().zip(&scaled.weights(2)).all(close));
        }
        assert!((accuracy - same).abs() < 0.05);
        assert!(without.training.curves.iter().all(|curve| curve.temperature.is_none()));
        assert_ne!(model.fingerprint(), without.fingerprint());
    }
}

#[test]
fn settings_that_do_not_suit_the_target_are_refused() {
    let table = table();
    let metric = |name: &str| Some(StoppingMetric::Metric(name.parse().unwrap()));
    let held_out = Some(0.2);
    for (target, recipe, words) in [
        (
            "two",
            Recipe { metric: metric("r-squared"), validation_fraction: held_out, ..recipe() },
            "give one of loss, log",
        ),
        (
            "number",
            Recipe { metric: metric("roc-auc"), validation_fraction: held_out, ..recipe() },
            "give one of loss, mean",
        ),
        ("two", Recipe { metric: metric("roc-auc"), ..recipe() }, "metric is roc-auc"),
        ("number", Recipe { temperature: Some(true), validation_fraction: held_out, ..recipe() }, "no probabilities"),
        ("three", Recipe { temperature: Some(true), ..recipe() }, "temperature is true"),
        ("three", Recipe { patience: Some(2), ..recipe() }, "patience is 2"),
    ] {
        let prepared = columns(target).prepare_from(&table, &split(&table), &recipe).unwrap();
        let fit = Fit::new(&prepared.settings, threads(1));
        let error = fit.run(prepared.pipeline, prepared.training, None).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn cross_validation_gives_every_row_a_prediction() {
    let table = table();
    let recipe = Recipe { epochs: Some(20), ..recipe() };
    for target in ["two", "three", "number"] {
        let columns = columns(target);
        let splits = cross_validation::stratified(&table, &columns, 3, 2, 1).unwrap();
        let run =
            |count| cross_validate(&table, &columns, &splits, &recipe, threads(count), &|_, _| (), &|| false).unwrap();
        let found = run(1);
        assert_eq!((found.folds.len(), found.folds[0].held_out, found.folds[0].trained_on), (6, 80, 160));
        assert!(found.out_of_fold.iter().all(|prediction| prediction.is_finite()));
        for (place, summary) in found.summary.iter().enumerate() {
            let values: Vec<f64> = found.folds.iter().map(|fold| fold.scores[place].value.unwrap()).collect();
            let mean = values.iter().sum::<f64>() / 6.0;
            assert!((summary.mean.unwrap() - mean).abs() < 1e-12 && summary.standard_deviation.is_some());
        }
        assert_eq!(run(2), found);
    }
    let by_column = Split::folds_by_column(&table, "fold").unwrap();
    let found =
        cross_validate(&table, &columns("two"), &by_column, &recipe, threads(2), &|_, _| (), &|| false).unwrap();
    assert_eq!(found.folds.len(), 4);
}

/// What is done stays as it is; what was begun, or was not, is left out.
#[test]
fn a_cross_validation_that_is_stopped_keeps_its_folds() {
    let table = table();
    let (columns, recipe) = (columns("three"), Recipe { epochs: Some(5), ..recipe() });
    let splits = cross_validation::stratified(&table, &columns, 4, 1, 1).unwrap();
    let all = cross_validate(&table, &columns, &splits, &recipe, threads(1), &|_, _| (), &|| false).unwrap();
    for last in 0..=4 {
        let is_over = AtomicBool::new(last == 0);
        let look = |fold, progress: &model::Progress| {
            is_over.fetch_or(fold > last && progress.epoch == 2, Ordering::Relaxed);
        };
        let is_stopped = || is_over.load(Ordering::Relaxed);
        let found = cross_validate(&table, &columns, &splits, &recipe, threads(1), &look, &is_stopped).unwrap();
        assert_eq!(found.folds, all.folds[..last]);
        assert_eq!(found.summary.len(), if last == 0 { 0 } else { all.summary.len() });
        for (fold, split) in splits.iter().enumerate() {
            for row in &split.held_out {
                let [found, all] = [&found, &all].map(|result| &result.out_of_fold);
                let width = all.len() / table.rows();
                match fold < last {
                    true => assert_eq!(found[row * width..][..width], all[row * width..][..width]),
                    false => assert!(found[row * (found.len() / table.rows())].is_nan()),
                }
            }
        }
    }
}

#[test]
fn columns_that_matter_are_important() {
    let table = table();
    let (model, _, _) = fitted("number", &recipe(), threads(1));
    let rows: Vec<usize> = (0..240).collect();
    let examples = model::Examples {
        inputs: model.pipeline.apply(&table, &rows).unwrap(),
        targets: table.cells(table.position("number").unwrap()).collect(),
        weights: None,
    };
    let found = importance(&model, &examples, 3, 1, threads(1)).unwrap();
    let of = |name: &str| found.iter().find(|importance| importance.column == name).unwrap().mean;
    assert!(of("size") > 10.0 && of("colour") > 3.0 && of("noise").abs() < 1.0, "{found:?}");
    assert_eq!(importance(&model, &examples, 3, 1, threads(3)).unwrap(), found);
}

#[test]
fn weights_count() {
    let table = table();
    let weighted = Columns { weights: Some("weight".to_owned()), ..columns("two") };
    let balanced = Recipe { class_weights: Some("balanced".parse().unwrap()), ..recipe() };
    let prepared = weighted.prepare_from(&table, &split(&table), &balanced).unwrap();
    let training = &prepared.training;
    let of_class = |t: f32| -> f64 {
        (0..training.rows())
            .filter(|row| training.targets()[*row] == t)
            .map(|row| f64::from(training.weight(row)))
            .sum()
    };
    assert!((of_class(0.0) - of_class(1.0)).abs() < 1e-3, "{} and {}", of_class(0.0), of_class(1.0));
    let held_out = prepared.held_out.unwrap().weights.unwrap();
    assert!(held_out.iter().all(|weight| [1.0, 2.0].contains(weight)), "no classes in the weights to judge by");
}

/// Another table may write the labels in another way.
#[test]
fn classes_of_a_validation_table_have_their_weights() {
    for (labels, others) in [(["0", "1", "0"], ["1.0", "0", "0.0"]), (["0", "2", "1"], ["2.0", "0.0", "1"])] {
        let text = |labels: [&str; 3]| {
            let rows = (0..12).map(|row| format!("{row},{}\n", labels[row % 3]));
            format!("size,two\n{}", rows.collect::<String>())
        };
        let read = |text: String| {
            let reader =
                TableReader::open(Source::memory("t.csv", text.into_bytes()), &ReadOptions::default()).unwrap();
            reader.read(vec![Column::new("size", Kind::Number), Column::target("two", Kind::Category)]).unwrap()
        };
        let columns = Columns::new(vec!["size".to_owned()], "two");
        let split = Split { training: (0..12).collect(), ..Split::default() };
        let recipe = Recipe { class_weights: Some("0=3,1=0.5".parse().unwrap()), ..recipe() };
        let mut prepared = columns.prepare_from(&read(text(labels)), &split, &recipe).unwrap();
        prepared.stop_by(read(text(others)), None).unwrap();
        let expected = |label: &str| match label.parse::<f32>().unwrap() {
            0.0 => 3.0,
            1.0 => 0.5,
            _ => 1.0,
        };
        let validation = prepared.validation.unwrap();
        for row in 0..12 {
            assert_eq!(prepared.training.weight(row), expected(labels[row % 3]));
            assert_eq!(validation.weight(row), expected(others[row % 3]));
        }
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let table = table();
    let split = split(&table);
    let refused = |columns: &Columns, recipe: &Recipe, words: &str| {
        let fit = |columns: &Columns| -> Result<Model, Error> {
            let prepared = columns.prepare_from(&table, &split, recipe)?;
            fit(prepared.pipeline, prepared.training, None, &prepared.settings, threads(1), &|_| true)
        };
        let error = fit(columns).unwrap_err().to_string();
        assert!(error.contains(words) && error.lines().count() == 1, "{error}");
    };
    let balanced = Recipe { class_weights: Some("balanced".parse().unwrap()), ..recipe() };
    refused(&columns("number"), &balanced, "no classes to be weighted");
    let unknown = Recipe { class_weights: Some("huge=2".parse().unwrap()), ..recipe() };
    refused(&columns("two"), &unknown, "`huge`");
    refused(&columns("absent"), &recipe(), "no column `absent`");
    refused(&columns("two"), &Recipe { patience: Some(3), ..recipe() }, "patience is 3");
    refused(&columns("two"), &Recipe { hidden: Some(vec![1 << 16; 3]), ..recipe() }, "narrow its hidden layers");
    refused(&columns("two"), &Recipe { learning_rate: Some(-1.0), ..recipe() }, "learning rate is -1");

    let weighted =
        read("size,two,weight,part\n1,a,1,train\n2,b,1,train\n3,a,0,test\n4,b,0,test\n5,a,0,dev\n6,b,0,dev\n");
    let columns = Columns { weights: Some("weight".to_owned()), ..Columns::new(vec!["size".to_owned()], "two") };
    let [training, held_out, validation] = [vec![0, 1], vec![2, 3], vec![4, 5]];
    for (part, split) in [
        ("to train on", Split { training: held_out.clone(), held_out: training.clone(), ..Split::default() }),
        ("held out", Split { training: training.clone(), held_out, ..Split::default() }),
        ("for validation", Split { training, validation, ..Split::default() }),
    ] {
        let error = columns.prepare_from(&weighted, &split, &recipe()).unwrap_err().to_string();
        let words = "every weight in column `weight` of `t.csv` is 0 in the rows";
        assert!(error.contains(&format!("{words} {part}")), "{error}");
    }

    let one_class = read("size,two\n1,a\n2,a\n3,a\n4,b\n5,b\n6,b\n");
    let columns = Columns::new(vec!["size".to_owned()], "two");
    let splits = [Split { training: vec![0, 1, 2], validation: vec![], held_out: vec![3, 4, 5] }];
    let error =
        cross_validate(&one_class, &columns, &splits, &recipe(), threads(1), &|_, _| (), &|| false).unwrap_err();
    assert!(error.to_string().contains("fold 1: all rows to train on have the label `a`"), "{error}");
}

/// A real table, if it is there: its numbered columns, the last of which is the target.
fn shared(name: &str, skip_lines: u64, kind: Kind) -> Option<(Table, Columns)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    if !path.exists() {
        let _ = writeln!(io::stderr(), "SKIPPED: there is no {}", path.display());
        return None;
    }
    let options = ReadOptions { has_header: false, skip_lines, ..ReadOptions::default() };
    let reader = TableReader::open(Source::path(&path), &options).unwrap();
    let mut names = reader.header().columns().to_vec();
    let target = names.pop().unwrap();
    let inferred = reader.infer(&names).unwrap();
    let mut columns: Vec<Column> = inferred.iter().map(|column| Column::new(&column.name, column.kind)).collect();
    columns.push(Column::target(&target, kind));
    Some((reader.read(columns).unwrap(), Columns::new(names, &target)))
}

#[test]
fn real_tables_of_several_classes_and_numbers_are_learnt() {
    for (name, skip_lines, kind, is_good) in [
        ("sklearn_iris.csv", 1, Kind::Category, (|accuracy: f64| accuracy > 0.93) as fn(f64) -> bool),
        ("sklearn_wine_data.csv", 1, Kind::Category, |accuracy| accuracy > 0.95),
        ("sklearn_digits.csv.gz", 0, Kind::Category, |accuracy| accuracy > 0.95),
        // Means of the quality have a standard deviation of 0.89.
        ("winequality-white.csv", 0, Kind::Number, |error| error < 0.75),
        // In dollars, with a standard deviation of 115,000.
        ("california_housing.csv.gz", 1, Kind::Number, |error| error < 65_000.0),
    ] {
        let Some((table, columns)) = shared(name, skip_lines, kind) else { continue };
        let splits = cross_validation::stratified(&table, &columns, 3, 1, 0).unwrap();
        // The default recipe, but with fewer networks and epochs.
        let recipe = Recipe {
            ensemble: Some(2),
            epochs: Some(if table.rows() > 10_000 { 10 } else { 40 }),
            ..Recipe::default()
        };
        let found = cross_validate(&table, &columns, &splits, &recipe, threads(2), &|_, _| (), &|| false).unwrap();
        let is_main = |metric| matches!(metric, Metric::Accuracy | Metric::RootMeanSquaredError);
        let main = found.summary.iter().find(|summary| is_main(summary.metric)).unwrap();
        assert!(is_good(main.mean.unwrap()), "{name}: {main:?}");
    }
}
