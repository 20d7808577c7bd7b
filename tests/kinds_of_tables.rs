//! What the `backprop` command makes of tables: real and odd ones, of all kinds of columns and targets, in files and through pipes.

mod desk;

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::Stdio;

use desk::{Desk, QUICK, ROOT, bundled, cells, kinds, mixed};

/// A real table that is not part of this repository, if it is there.
fn shared(name: &str) -> Option<String> {
    let path = Path::new(ROOT).join("../shared/data").join(name);
    if !path.exists() {
        // Not `eprintln!`, whose lines are kept from the reader while tests succeed.
        let _ = writeln!(io::stderr(), "SKIPPED: there is no {}", path.display());
        return None;
    }
    Some(path.to_str().unwrap().to_owned())
}

#[test]
fn real_tables_are_learnt() {
    let desk = Desk::new();
    for (name, target, positive, least_auc) in [
        ("spambase.csv", "type", "`spam`", 0.95),
        ("magic.csv", "class", "`h`", 0.85),
        ("pima-diabetes.csv", "class", "`tested_positive`", 0.7),
    ] {
        let Some(path) = shared(name) else { continue };
        let run = desk.succeed(&["train", &path, "--target", target, "--epochs", "20"]);
        assert!(run.report()["t = 1"].starts_with(positive), "{}", run.stdout);
        assert!(run.number("ROC AUC") > least_auc, "{}", run.stdout);
    }
}

#[test]
fn a_real_table_without_a_header_needs_an_argument() {
    let Some(path) = shared("banknote_authentication.csv") else { return };
    let desk = Desk::new();
    desk.fail(&["train", &path, "--target", "5"], &["first line", "header", "--no-header"]);
    let run = desk.succeed(&["train", &path, "--target", "5", "--no-header", "--epochs", "50"]);
    assert_eq!(run.report()["t = 1"], "`1`, 610 rows of column `5`");
    assert!(run.number("ROC AUC") > 0.99, "{}", run.stdout);

    let Some(path) = shared("adult-train.csv") else { return };
    desk.fail(&["train", &path, "--target", "15"], &["looks like a row of data", "--no-header"]);
    let run = desk.succeed(&["train", &path, "--target", "15", "--no-header", "--epochs", "2"]);
    assert_eq!(run.report()["numbers"], "`1`, `3`, `5`, `11`, `12`, `13`");
    assert_eq!(run.report()["text"], "`2`, `4`, `6`, `7`, `8`, `9`, `10`, `14`");
    assert!(run.number("ROC AUC") > 0.9, "{}", run.stdout);
}

#[test]
fn text_columns_of_a_real_table_are_features() {
    let Some(path) = shared("bank-additional-full.csv") else { return };
    let desk = Desk::new();
    for scale in ["standard", "robust"] {
        let run = desk.succeed(&["train", &path, "--target", "y", "--epochs", "2", "--scale", scale]);
        assert_eq!(run.report()["delimiter"], "';', found in the first line");
        assert!(run.report()["text"].starts_with("`job`, `marital`, `education`"), "{}", run.stdout);
        assert_eq!(run.report()["t = 1"], "`yes`, 4,640 rows of column `y`");
        assert!(run.number("ROC AUC") > 0.92, "{}", run.stdout);
    }
    let info = desk.succeed(&["info", "model.safetensors"]).stdout;
    assert!(info.contains("marital: an input for each of `married`, `single`, `divorced`, `unknown`"), "{info}");
    assert!(info.contains("age: median 38"), "{info}");
}

#[test]
fn libsvm_is_recognised() {
    let (Some(train), Some(test)) = (shared("agaricus.txt.train"), shared("agaricus.txt.test")) else { return };
    let desk = Desk::new();
    let run = desk.succeed(&["train", &train, "--epochs", "5"]);
    assert_eq!(run.report()["t = 1"], "`1`, 3,140 rows of column `label`");
    assert!(run.number("ROC AUC") > 0.99, "{}", run.stdout);
    let predictions = cells(&desk.succeed(&["predict", "model.safetensors", &test]).stdout);
    let truth = fs::read_to_string(test).unwrap();
    let right = truth.lines().zip(&predictions[1..]).filter(|(line, row)| line[..1] == row[1]).count();
    assert!(right >= 1600, "{right} of 1611 are right");
}

#[test]
fn missing_values_text_and_dates_become_features() {
    let desk = Desk::new();
    desk.write("t.csv", mixed(400));
    let run = desk.succeed(&["train", "t.csv", "--target", "kind", "--split", "part"]);
    let report = run.report();
    assert_eq!((report["numbers"], report["text"], report["dates"]), ("`size`", "`colour`", "`day`"));
    assert_eq!(run.report()["rows"], "240 trained on, 80 held out, 80 for validation");
    assert!(run.number("accuracy") == 1.0, "{}", run.stdout);
    // Another order, another column, a missing value where there was none, an unknown label.
    desk.write("p.csv", "day\tx\tcolour\tsize\n\tz\tred\t\n2024-02-03\tz\tblue\t3\n2024-02-03\tz\tgreen\t3\n");
    let predictions = cells(&desk.succeed(&["predict", "model.safetensors", "p.csv"]).stdout);
    assert_eq!((&*predictions[1][1], &*predictions[2][1]), ("no", "yes"));
    assert_eq!(predictions.len(), 4);
    desk.write("p.csv", "day,colour,size\n2024-02-03,red,large\n");
    desk.fail(
        &["predict", "model.safetensors", "p.csv"],
        &["p.csv`, row 1 (line 2), column `size`: `large` is not a number"],
    );
}

#[test]
fn a_table_can_come_through_a_pipe() {
    let desk = Desk::new();
    desk.succeed(&["train", "--epochs", "2"]);
    let named = desk.succeed(&["predict", "model.safetensors", &bundled()]).stdout;
    let arguments = ["predict", "model.safetensors", "-"];
    let mut child = desk.command(&arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&fs::read(bundled()).unwrap()).unwrap();
    assert_eq!(String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap(), named);
}

/// A pipe gives its bytes once, and a table is read several times.
#[cfg(unix)]
#[test]
fn pipes_are_read_whole() {
    let desk = Desk::new();
    let rows: String = (0..30_000).map(|row| format!("{row},{}\n", row % 2)).collect();
    let table = format!("x,y\n{rows}");
    desk.write("t.csv", &table);
    assert!(std::process::Command::new("mkfifo").arg(desk.path("pipe")).status().unwrap().success());
    let described = |name: &str| desk.succeed(&["describe", name]).stdout.replace("pipe", "t.csv");
    let expected = described("t.csv");
    std::thread::scope(|scope| {
        scope.spawn(|| fs::write(desk.path("pipe"), &table).unwrap());
        assert_eq!(described("pipe"), expected);
    });
}

#[test]
fn describe_shows_types_and_oddities() {
    let desk = Desk::new();
    let numbers: String = (0..30).map(|row| format!("{row},{row},2024-01-{:02}\n", row + 1)).collect();
    desk.write("t.csv", format!("a,b,c\n{numbers}7,Oslo,\n"));
    let lines: Vec<String> =
        desk.succeed(&["describe", "t.csv"]).stdout.lines().map(|line| line[18..].to_owned()).collect();
    assert_eq!(lines[0], "t.csv: 31 rows of 3 columns");
    assert_eq!(lines[1], "a: numbers from 0 to 29, 30 different");
    assert_eq!(lines[2], "b: text, 31 different, most often `0` (1 rows)");
    assert_eq!(lines[3], "column `b` is text, since `Oslo` in row 31 is not a number (96.8 % of its cells are)");
    assert_eq!(lines[4], "c: dates over 29 days, 30 different, 1 missing");
}

#[test]
fn several_classes_are_told_apart() {
    let desk = Desk::new();
    desk.write("t.csv", kinds(400));
    let drop = ["--drop", "value", "--drop", "weight", "--drop", "fold"];
    let run = desk.succeed(&[&["train", "t.csv", "--target", "kind"], &drop[..], &QUICK].concat());
    assert_eq!(run.report()["target"], "column `kind`, one of 3 classes");
    assert!(run.number("accuracy") > 0.9, "{}", run.stdout);
    let predictions = cells(&desk.succeed(&["predict", "model.safetensors", "t.csv"]).stdout);
    assert_eq!(predictions[0], ["class", "prob_high", "prob_low", "prob_middle"]);
    for row in &predictions[1..] {
        let probabilities: Vec<f32> = row[1..].iter().map(|cell| cell.parse().unwrap()).collect();
        let most = probabilities.iter().copied().fold(0.0, f32::max);
        let class = predictions[0].iter().position(|name| *name == format!("prob_{}", row[0])).unwrap();
        assert_eq!(probabilities[class - 1], most);
        assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }
    let truth = cells(&desk.read("t.csv"));
    let right = (1..401).filter(|row| truth[*row][2] == predictions[*row][0]).count();
    let evaluated = desk.succeed(&["evaluate", "model.safetensors", "t.csv"]);
    assert_eq!(evaluated.report()["accuracy"], format!("{:.4}", right as f64 / 400.0));
    desk.fail(&["predict", "model.safetensors", "t.csv", "--threshold", "0.3"], &["--threshold", "two classes"]);
    desk.write("u.csv", kinds(30).replace("middle", "muddle"));
    desk.fail(&["evaluate", "model.safetensors", "u.csv"], &["`muddle`", "`kind`"]);
}

#[test]
fn numbers_are_predicted_in_their_own_unit() {
    let desk = Desk::new();
    desk.write("t.csv", kinds(400));
    let drop = ["--drop", "kind", "--drop", "weight", "--drop", "fold", "--ensemble", "2"];
    let run =
        desk.succeed(&[&["train", "t.csv", "--target", "value", "--task", "regression"], &drop[..], &QUICK].concat());
    assert!(run.report()["target"].starts_with("column `value`, numbers from "), "{}", run.stdout);
    assert!(run.report()["network"].ends_with(", 2 networks"), "{}", run.stdout);
    let predictions = cells(&desk.succeed(&["predict", "model.safetensors", "t.csv"]).stdout);
    let truth = cells(&desk.read("t.csv"));
    assert_eq!(predictions[0], ["prediction"]);
    for (row, truth) in predictions.iter().zip(&truth).skip(1) {
        let (value, prediction): (f32, f32) = (truth[3].parse().unwrap(), row[0].parse().unwrap());
        assert!((value - prediction).abs() < 2.0, "{prediction} for {value}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&desk.succeed(&["evaluate", "model.safetensors", "t.csv", "--json"]).stdout).unwrap();
    assert_eq!(json["rows"], 400);
    assert!(json["scores"].as_object().unwrap().values().all(|value| value.is_f64()), "{json}");
    desk.fail(
        &["train", "t.csv", "--target", "value", "--task", "regression", "--class-weights", "balanced"],
        &["`value`", "no classes"],
    );
}

#[test]
fn weights_out_of_range_are_told_with_their_column() {
    let desk = Desk::new();
    let rows: String = (0..40).map(|row| format!("{row},{},{}\n", row % 3, ["a", "b"][row % 2])).collect();
    desk.write("t.csv", format!("x,w,y\n{rows}"));
    let train = ["train", "t.csv", "--target", "y", "--epochs", "1", "--ensemble", "1"];
    for (class_weights, words) in [
        ("a=1e39", &["the rows, times those of their classes in column `y`", "3.4e38", "give the classes other"][..]),
        ("a=1e-39", &["column `y`", "1.2e-38"]),
    ] {
        desk.fail(&[&train[..], &["--class-weights", class_weights]].concat(), words);
        desk.fail(&[&train[..], &["--weights", "w", "--class-weights", class_weights]].concat(), words);
    }
    let few: String = rows.lines().take(6).map(|row| format!("{row}\n")).collect();
    desk.write("few.csv", format!("x,w,y\n{few}"));
    let train_on_few = ["train", "few.csv", "--target", "y", "--epochs", "1", "--class-weights", "a=2e37"];
    desk.fail(&[&train_on_few[..], &["--validation", "t.csv"]].concat(), &["column `y`", "3.4e38"]);
    desk.succeed(&[&train_on_few[..], &["--validation", "few.csv"]].concat());
    desk.write("u.csv", format!("x,w,y\n{}", rows.replace(",1,", ",1e-39,")));
    let words = ["`u.csv`, row 2, column `w`", "1e-39 is too small"];
    desk.fail(&["train", "u.csv", "--target", "y", "--weights", "w"], &words);
    desk.write("v.csv", format!("x,w,y\n{}", rows.replace(",1,", ",3e38,")));
    let words = ["column `w` of `v.csv`", "divide all of them"];
    desk.fail(&["train", "v.csv", "--target", "y", "--weights", "w"], &words);
}

#[test]
fn some_rows_must_count_in_each_network_s_own_validation() {
    let desk = Desk::new();
    // Of 100 rows to train on one counts, so that none is left for the other part.
    let row = |row: usize| format!("{},{},{}\n", row % 50, u8::from(row == 0), ["a", "b"][row % 2]);
    desk.write("t.csv", format!("x,w,y\n{}", (0..100).map(row).collect::<String>()));
    let train = ["train", "t.csv", "--target", "y", "--weights", "w", "--epochs", "1", "--test-fraction", "0"];
    desk.fail(&train, &["`t.csv`: every row ", " has the weight 0, of 100 rows", "(--validation-fraction 0)"]);
    desk.succeed(&[&train[..], &["--validation-fraction", "0"]].concat());
}

#[test]
fn real_tables_of_several_classes_and_numbers_are_learnt() {
    let desk = Desk::new();
    let quick = ["--optimizer", "adam", "--learning-rate", "0.005", "--activation", "relu"];
    for (name, target, options, epochs, metric, least) in [
        ("sklearn_iris.csv", "5", &["--no-header", "--skip-lines", "1"][..], "60", "accuracy", 0.9),
        ("sklearn_wine_data.csv", "14", &["--no-header", "--skip-lines", "1"], "40", "accuracy", 0.9),
        ("sklearn_digits.csv.gz", "65", &["--no-header"], "20", "accuracy", 0.95),
        ("letter.csv", "17", &["--no-header"], "4", "accuracy", 0.8),
        ("california_housing.csv.gz", "medianHouseValue", &[], "5", "R squared", 0.65),
        ("winequality-white.csv", "12", &["--no-header", "--task", "regression"], "10", "R squared", 0.25),
    ] {
        let Some(path) = shared(name) else { continue };
        let arguments = [&["train", &path, "--target", target, "--epochs", epochs], options, &quick].concat();
        let run = desk.succeed(&arguments);
        assert!(run.number(metric) > least, "{name}: {}", run.stdout);
    }
}

#[test]
fn labels_that_the_model_does_not_know_are_told_with_their_row() {
    let desk = Desk::new();
    let rows: String = (0..40).map(|row| format!("{row},{}\n", ["a", "b"][row % 2])).collect();
    desk.write("t.csv", format!("x,y\n{rows}"));
    desk.succeed(&["train", "t.csv", "--target", "y", "--epochs", "1", "--ensemble", "1"]);
    desk.write("u.csv", "x,y\n1,a\n2,Q\n3,b\n");
    let words = ["`u.csv`, row 2", "the label `Q` in the target column `y`", "`a`", "`b`"];
    desk.fail(&["evaluate", "model.safetensors", "u.csv"], &words);

    let mut command = desk.command(&["predict", "model.safetensors", "t.csv"]);
    let output = command.env("BACKPROP_LEVEL", "sse9").output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.starts_with("error: $BACKPROP_LEVEL: there is no SIMD level 'sse9'"), "{error}");
}

#[test]
fn columns_are_found_by_name() {
    let desk = Desk::new();
    desk.succeed(&["train", "--epochs", "5"]);
    let text = fs::read_to_string(bundled()).unwrap();
    let turned: String = cells(&text)
        .iter()
        .map(|row| row.iter().rev().cloned().collect::<Vec<_>>().join(" ;\"é\"; ") + "\r\n")
        .collect();
    desk.write("turned.csv", format!("\u{feff}{turned}"));
    let straight = desk.succeed(&["predict", "model.safetensors", &bundled()]);
    let turned = desk.succeed(&["predict", "model.safetensors", "turned.csv"]);
    assert_eq!(straight.stdout, turned.stdout);

    desk.write("narrow.csv", text.replace("mean_area", "area"));
    desk.fail(&["predict", "model.safetensors", "narrow.csv"], &["narrow.csv", "no column `mean_area`"]);
}

#[test]
fn the_positive_class_can_be_chosen() {
    let desk = Desk::new();
    let run = desk.succeed(&["train", "--epochs", "20", "--positive", "B"]);
    assert_eq!(
        (run.report()["t = 1"], run.report()["t = 0"]),
        ("`B`, 357 rows of column `diagnosis`", "`M`, 212 rows")
    );
    assert!(run.number("ROC AUC") > 0.95, "{}", run.stdout);
    assert_eq!(desk.succeed(&["info", "model.safetensors"]).report()["t = 1"], "`B`");
}

#[test]
fn columns_without_information_are_reported() {
    let desk = Desk::new();
    let rows: String = (0..100).map(|row| format!("{row},{},7,{}\n", row % 7, row % 2)).collect();
    desk.write("t.csv", format!("number,a,same,kind\n{rows}"));
    let run = desk.succeed(&["train", "t.csv", "--target", "kind", "--epochs", "1"]);
    assert_eq!(run.report()["dropped"], "`number` (an identifier), `same` (constant)");
    // The number itself, and the two pieces of its range.
    assert!(run.report()["network"].starts_with("3-"), "{}", run.stdout);
    let reasons = &["t.csv", "anything to learn", "`number` (an identifier), `same` (constant)"];
    desk.fail(&["train", "t.csv", "--target", "kind", "--drop", "a"], reasons);
}
