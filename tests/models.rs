//! From tables to models and back from files: every kind of target, ensembles, early stopping, cross-validation.

use std::io::{self, Write};
use std::path::Path;

use data::{Column, Kind, ReadOptions, Source, Split, Table, TableReader};
use model::{Columns, Compute, Error, Model, Recipe, Score, cross_validate, cross_validation, fit, importance, scores};
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
            // It lasted as long as there was progress within five epochs.
            let least = |losses: &[f64]| losses.iter().fold(f64::INFINITY, |least, loss| least.min(*loss));
            let lasted = curve.validation.len();
            let (before, after) = curve.validation.split_at(lasted.saturating_sub(5));
            assert!(lasted == 15 || least(after) > least(before) - 1e-4, "{curve:?}");
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

#[test]
fn cross_validation_gives_every_row_a_prediction() {
    let table = table();
    let recipe = Recipe { epochs: Some(20), ..recipe() };
    for target in ["two", "three", "number"] {
        let columns = columns(target);
        let splits = cross_validation::stratified(&table, &columns, 3, 2, 1).unwrap();
        let run = |count| cross_validate(&table, &columns, &splits, &recipe, threads(count), &|_, _| true).unwrap();
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
    let found = cross_validate(&table, &columns("two"), &by_column, &recipe, threads(2), &|_, _| true).unwrap();
    assert_eq!(found.folds.len(), 4);
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

    let one_class = read("size,two\n1,a\n2,a\n3,a\n4,b\n5,b\n6,b\n");
    let columns = Columns::new(vec!["size".to_owned()], "two");
    let splits = [Split { training: vec![0, 1, 2], validation: vec![], held_out: vec![3, 4, 5] }];
    let error = cross_validate(&one_class, &columns, &splits, &recipe(), threads(1), &|_, _| true).unwrap_err();
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
        let found = cross_validate(&table, &columns, &splits, &recipe, threads(2), &|_, _| true).unwrap();
        let is_main = |metric| matches!(metric, Metric::Accuracy | Metric::RootMeanSquaredError);
        let main = found.summary.iter().find(|summary| is_main(summary.metric)).unwrap();
        assert!(is_good(main.mean.unwrap()), "{name}: {main:?}");
    }
}
