//! The `backprop` command as a user meets it: every test runs the binary.

mod desk;

use std::collections::BTreeMap;
use std::fs;
use std::process::Stdio;

use desk::{Desk, QUICK, ROOT, bundled, cells, interrupted, kinds, mixed};
use net::Level;

#[test]
fn train_info_and_predict_on_the_bundled_data() {
    let desk = Desk::new();
    let trained = desk.succeed(&["train"]);
    let report = trained.report();
    assert_eq!(report["data"], "wdbc.csv (bundled): 569 rows of 30 features");
    assert_eq!(report["t = 1"], "`M`, 212 rows of column `diagnosis`");
    assert_eq!(report["t = 0"], "`B`, 357 rows");
    assert_eq!(report["rows"], "456 trained on, 113 held out");
    assert_eq!(report["SIMD level"], Level::from_environment().unwrap().to_string());
    assert_eq!(report["model"], "model.safetensors");
    assert!(trained.number("accuracy") >= 0.95, "{}", trained.stdout);
    assert!(trained.number("log loss") <= 0.15, "{}", trained.stdout);
    assert!(trained.number("ROC AUC") >= 0.99, "{}", trained.stdout);
    let lines = trained.stderr.lines().count();
    assert!((2..=12).contains(&lines) && trained.stderr.contains("loss"), "{}", trained.stderr);

    let info = desk.succeed(&["info", "model.safetensors"]);
    assert_eq!(info.report()["network"], report["network"]);
    assert_eq!((info.report()["t = 1"], info.report()["target"]), ("`M`", "column `diagnosis`"));
    assert!(info.stdout.contains("worst_fractal_dimension: mean "), "{}", info.stdout);

    let predicted = desk.succeed(&["predict", "model.safetensors", &bundled()]);
    let (predictions, table) = (cells(&predicted.stdout), cells(&fs::read_to_string(bundled()).unwrap()));
    assert_eq!(predictions.len(), 1 + 569);
    assert_eq!(predictions[0], ["prob_t1", "class"]);
    for prediction in &predictions[1..] {
        let prob_t1: f32 = prediction[0].parse().unwrap();
        assert!((0.0..=1.0).contains(&prob_t1));
        assert_eq!(prediction[1], if prob_t1 >= 0.5 { "M" } else { "B" });
    }
    let right = (1..570).filter(|&row| predictions[row][1] == table[row][30]).count();
    assert!(right >= 550, "{right} of 569 are right");
}

#[test]
fn predictions_in_a_file() {
    let desk = Desk::new();
    desk.succeed(&["train", "--epochs", "5"]);
    let printed = desk.succeed(&["predict", "model.safetensors", &bundled(), "--threshold", "0.9"]).stdout;
    let arguments = ["predict", "model.safetensors", &bundled(), "--threshold", "0.9", "--output", "out.csv"];
    let run = desk.succeed(&arguments);
    assert_eq!(desk.read("out.csv"), printed);
    let positives = printed.lines().filter(|line| line.ends_with(",M")).count();
    assert_eq!(run.report()["t = 1"], format!("`M`, {positives} rows"));
    assert!(cells(&printed)[1..].iter().all(|row| (row[0].parse::<f32>().unwrap() >= 0.9) == (row[1] == "M")));
}

#[test]
fn predictions_as_json() {
    let desk = Desk::new();
    let penguins = format!("{ROOT}/data/penguins.csv");
    for (table, target) in [(bundled(), "diagnosis"), (penguins, "Species"), (bundled(), "mean_radius")] {
        desk.succeed(&["train", &table, "--target", target, "--epochs", "2"]);
        let csv = cells(&desk.succeed(&["predict", "model.safetensors", &table]).stdout);
        let json = desk.succeed(&["predict", "model.safetensors", &table, "--json"]).stdout;
        assert_eq!(json.lines().count(), csv.len() - 1);
        for (line, row) in json.lines().zip(&csv[1..]) {
            let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).unwrap();
            assert_eq!(object.len(), csv[0].len());
            for (name, cell) in csv[0].iter().zip(row) {
                match &object[name] {
                    serde_json::Value::String(label) => assert_eq!(label, cell),
                    number => assert_eq!(number.as_f64().unwrap() as f32, cell.parse::<f32>().unwrap()),
                }
            }
        }
        let run = desk.succeed(&["predict", "model.safetensors", &table, "--json", "--output", "out.json"]);
        assert_eq!(desk.read("out.json"), json);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&run.stdout).unwrap()["predictions"], "out.json");
    }
}

#[test]
fn ten_seeds_learn_the_bundled_data() {
    let desk = Desk::new();
    let (mut accuracy, mut auc) = (0.0, 0.0);
    for seed in 0..10 {
        let run = desk.succeed(&["train", "--seed", &seed.to_string()]);
        accuracy += run.number("accuracy") / 10.0;
        auc += run.number("ROC AUC") / 10.0;
    }
    assert!(accuracy >= 0.95 && auc >= 0.99, "mean accuracy {accuracy}, mean ROC AUC {auc}");
}

#[test]
fn the_same_bits_with_any_threads_and_any_fused_level() {
    let desk = Desk::new();
    let train = |seed: &str, threads: &str, level: Level| {
        let level = level.to_string();
        desk.succeed(&["train", "--epochs", "10", "--seed", seed, "--threads", threads, "--level", &level]);
        fs::read(desk.path("model.safetensors")).unwrap()
    };
    let scalar = train("3", "1", Level::available()[0]);
    for level in Level::available() {
        let model = train("3", "1", level);
        assert!(model == scalar || !level.is_fused(), "{level} gives another model than scalar");
        for threads in ["2", "3"] {
            assert!(train("3", threads, level) == model, "{threads} threads at {level} give another model than one");
        }
        assert!(train("4", "1", level) != model, "another seed gives the same model");
    }
}

#[test]
fn info_shows_the_machine() {
    let run = Desk::new().succeed(&["info"]);
    for level in Level::available() {
        assert!(run.stdout.contains(&format!("{level}: ")), "{}", run.stdout);
    }
    assert!(run.stdout.contains(&format!("{}: fused multiply-add, the best one", Level::best())), "{}", run.stdout);
    assert!(run.report()["threads"].contains("granted"), "{}", run.stdout);
}

#[test]
fn the_environment_chooses_the_level() {
    let desk = Desk::new();
    let train = |level: &str| desk.command(&["train", "--epochs", "1"]).env("BACKPROP_LEVEL", level).output().unwrap();
    assert!(String::from_utf8(train("scalar").stdout).unwrap().contains("scalar"));
    let refused = train("sse9");
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("sse9"));
}

#[test]
fn a_reader_that_stops_is_no_failure() {
    let desk = Desk::new();
    desk.succeed(&["train", "--epochs", "1"]);
    for arguments in [&["predict", "model.safetensors", &bundled()][..], &["info"], &["train", "--epochs", "1"]] {
        let mut child = desk.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && !stderr.contains("error"), "{arguments:?}: {stderr}");
    }
}

#[test]
fn lbfgs_trains_on_all_rows_at_once() {
    let desk = Desk::new();
    let run = desk.succeed(&["train", "--optimizer", "lbfgs", "--hidden", "4", "--epochs", "60"]);
    assert!(run.number("ROC AUC") > 0.98, "{}", run.stdout);
    let again =
        ["train", "--optimizer", "lbfgs", "--hidden", "4", "--epochs", "60", "--threads", "1", "--level", "scalar"];
    let model = fs::read(desk.path("model.safetensors")).unwrap();
    desk.succeed(&[&again[..], &["--model", "again"]].concat());
    assert!(fs::read(desk.path("again")).unwrap() == model, "other bits");
    for (arguments, words) in [
        (&["--batch-size", "8"][..], &["a batch size", "lbfgs"][..]),
        (&["--schedule", "cosine"], &["a schedule", "lbfgs"]),
        (&["--validation-fraction", "0.2"], &["a validation of each epoch", "lbfgs"]),
        (&["--checkpoint", "run.ckpt"], &["a checkpoint", "lbfgs"]),
    ] {
        desk.fail(&[&["train", "--optimizer", "lbfgs"], arguments].concat(), words);
    }
    assert!(!desk.path("run.ckpt").exists());
}

#[test]
fn the_learning_rate_is_reduced_on_plateaus() {
    let desk = Desk::new();
    let fingerprint = |schedule| {
        let run =
            desk.succeed(&["train", "--ensemble", "1", "--epochs", "12", "--fingerprint", "--schedule", schedule]);
        run.report()["fingerprint"].to_owned()
    };
    assert_ne!(fingerprint("plateau:1:0.1"), fingerprint("constant"));
}

#[test]
fn a_file_of_arguments_is_as_good_as_the_arguments() {
    let desk = Desk::new();
    desk.write("t.csv", kinds(200));
    desk.write(
        "run.toml",
        "file = \"t.csv\"\ntarget = 'kind'\ndrop = ['value', \"weight\"]\nhidden = [8, 4]\nepochs = 3\nlearning_rate = 0.01\n\
         class-weights = { low = 2, high = 0.5 }\nno-header = false\n",
    );
    let model = |arguments: &[&str]| {
        desk.succeed(&[&["train"], arguments].concat());
        fs::read(desk.path("model.safetensors")).unwrap()
    };
    let info = |_: &[u8]| desk.succeed(&["info", "model.safetensors", "--json"]).stdout;
    let settings =
        |text: String| serde_json::from_str::<serde_json::Value>(&text).unwrap()["training"]["settings"].clone();
    let from_file = settings(info(&model(&["--config", "run.toml", "--epochs", "2"])));
    let weights = "high=0.5,low=2";
    let arguments =
        ["t.csv", "--target", "kind", "--drop", "value", "--drop", "weight", "--hidden", "8,4", "--epochs", "2"];
    let given = [&arguments[..], &["--learning-rate", "0.01", "--class-weights", weights]].concat();
    assert_eq!(settings(info(&model(&given))), from_file);
    assert_eq!((&from_file["epochs"], &from_file["class_weights"]), (&2.into(), &weights.into()));

    for (content, words) in [
        ("epoch = 3", &["run.toml", "`epoch`", "`epochs`"][..]),
        ("colour = 3", &["run.toml", "`colour`", "--help"]),
        ("config = 'x'", &["run.toml", "`config`"]),
        ("epochs = 'many'", &["run.toml", "--epochs", "whole number"]),
        ("epochs = true", &["run.toml", "--epochs"]),
        ("momentum = 1.5", &["run.toml", "--momentum", "below 1"]),
        ("optimizer = 'magic'", &["run.toml", "--optimizer", "adam"]),
        ("a = 1\nb = = 2", &["run.toml", "line 2"]),
        ("", &[]),
    ] {
        desk.write("run.toml", content);
        match words {
            [] => drop(desk.succeed(&["train", "--epochs", "1", "--config", "run.toml"])),
            words => desk.fail(&["train", "--config", "run.toml"], words),
        }
    }
    desk.fail(&["train", "--config", "absent.toml"], &["absent.toml", "No such file"]);
}

#[test]
fn weights_count_in_training_and_scores() {
    let desk = Desk::new();
    desk.write("t.csv", kinds(200));
    let train = ["train", "t.csv", "--target", "kind", "--epochs", "2", "--weights", "weight"];
    desk.succeed(&train);
    assert!(!desk.succeed(&["info", "model.safetensors"]).stdout.contains("weight: "));
    desk.succeed(&["evaluate", "model.safetensors", "t.csv", "--weights", "weight"]);
    let evaluate = |weights| ["evaluate", "model.safetensors", "t.csv", "--weights", weights];
    desk.fail(&evaluate("a"), &["--weights: the column `a` is a feature of the model"]);
    desk.fail(&evaluate("kind"), &["--weights: the column `kind` is the target of the model"]);
    for (from, to, words) in [
        (",2,1\n", ",-2,1\n", &["u.csv", "row 2", "`weight`", "-2"][..]),
        (",2,1\n", ",nan,1\n", &["u.csv", "row 2", "`weight`"]),
        (",2,1\n", ",heavy,1\n", &["u.csv", "row 2", "`weight`", "`heavy`"]),
    ] {
        desk.write("u.csv", kinds(200).replacen(from, to, 1));
        desk.fail(&["train", "u.csv", "--target", "kind", "--weights", "weight"], words);
    }
    desk.fail(&["train", "t.csv", "--target", "kind", "--weights", "kind"], &["`kind`", "cannot be two"]);
    desk.fail(&["train", "t.csv", "--target", "kind", "--class-weights", "tall=2"], &["`tall`", "`kind`"]);
    desk.fail(&["train", "t.csv", "--target", "kind", "--class-weights", "low=-2"], &["--class-weights", "from 0 on"]);
}

/// Row 5 is far beyond all others, and held out; the others come to be trained on.
#[test]
fn rows_without_a_finite_answer_are_told_and_cost_no_training() {
    let desk = Desk::new();
    let row = |row: usize| match row {
        5 => "3e38,0,test,1\n".to_owned(),
        _ => {
            format!("{},{}e6,{},{}\n", row % 9, row % 9, ["test", "train", "train", "train", "train"][row % 5], row % 2)
        }
    };
    desk.write("t.csv", format!("a,b,part,fold\n{}", (1..41).map(row).collect::<String>()));
    let quick = ["--target", "b", "--features", "a", "--task", "regression", "--epochs", "2", "--ensemble", "1"];
    let words = ["`t.csv`, row 5: no finite answer"];
    let train = [&["train", "t.csv", "--split", "part"], &quick[..]].concat();
    let run = desk.run(&train);
    let last = run.stderr.lines().last().unwrap();
    assert_eq!((run.code, &*run.stdout), (2, ""), "{}", run.stderr);
    assert!(last.contains(words[0]) && last.contains("saved to `model.safetensors`"), "{last}");
    desk.succeed(&["info", "model.safetensors"]);
    for command in ["predict", "evaluate"] {
        desk.fail(&[command, "model.safetensors", "t.csv"], &words);
    }
    desk.fail(&["explain", "model.safetensors", "t.csv", "--row", "5"], &words);
    let run = desk.run(&[&["cross-validate", "t.csv", "--fold-column", "fold"], &quick[..]].concat());
    assert!(run.code == 2 && run.stderr.contains(words[0]), "{}", run.stderr);
}

#[test]
fn a_validation_table_of_ones_own_stops_the_training() {
    let desk = Desk::new();
    desk.write("t.csv", kinds(300));
    desk.write("v.csv", kinds(100));
    let arguments = ["train", "t.csv", "--target", "kind", "--features", "a", "--features", "b", "--epochs", "60"];
    let stop = ["--validation", "v.csv", "--patience", "3", "--class-weights", "balanced", "--learning-rate", "0.5"];
    let run = desk.succeed(&[&arguments[..], &stop].concat());
    assert_eq!(run.report()["rows"], "240 trained on, 60 held out, 100 for validation");
    assert!(run.stderr.contains("validation loss"), "{}", run.stderr);
    let info = desk.succeed(&["info", "model.safetensors", "--json"]).stdout;
    let json: serde_json::Value = serde_json::from_str(&info).unwrap();
    let curve = &json["training"]["curves"][0];
    let (epochs, best) = (curve["validation"].as_array().unwrap().len(), curve["best_epoch"].as_u64().unwrap());
    assert!(epochs < 60 && epochs as u64 == best + 3, "{curve}");
    desk.write("v.csv", kinds(100).replace("low", "lower"));
    desk.fail(&[&arguments[..], &stop].concat(), &["`lower`", "`kind`"]);
    desk.write("v.csv", "a,kind\n1,low\n");
    desk.fail(&[&arguments[..], &stop].concat(), &["v.csv", "no column `b`"]);
}

#[test]
fn cross_validation_judges_every_fold() {
    let desk = Desk::new();
    desk.write("t.csv", kinds(200));
    let arguments = ["cross-validate", "t.csv", "--target", "kind", "--drop", "value", "--drop", "weight"];
    let quick = [&arguments[..], &QUICK].concat();
    let run = desk.succeed(&[&quick[..], &["--fold-column", "fold", "--predictions", "p.csv"]].concat());
    let lines: Vec<&str> = run.stdout.lines().filter(|line| line.starts_with('|')).collect();
    assert!(
        lines[0].contains(" mean ") && lines[0].contains(" fold 4 ") && !lines[0].contains(" fold 5 "),
        "{}",
        run.stdout
    );
    assert!(lines.iter().any(|line| line.starts_with("| accuracy ")), "{}", run.stdout);
    let predictions = cells(&desk.read("p.csv"));
    assert_eq!((predictions.len(), &*predictions[0][0]), (201, "class"));

    let json = |threads: &str| {
        let more = ["--folds", "3", "--repeats", "2", "--json", "--threads", threads, "--predictions", "p.csv"];
        let run = desk.succeed(&[&quick[..], &["--drop", "fold"], &more].concat());
        (serde_json::from_str::<serde_json::Value>(&run.stdout).unwrap(), desk.read("p.csv"))
    };
    let (one, of_one) = json("1");
    assert_eq!(one["folds"].as_array().unwrap().len(), 6);
    assert_eq!((one.clone(), of_one), json("2"), "threads change a result");
    let mean: f64 = (0..6).map(|fold| one["folds"][fold]["scores"]["accuracy"].as_f64().unwrap()).sum::<f64>() / 6.0;
    let summary = one["summary"].as_array().unwrap().iter().find(|metric| metric["metric"] == "accuracy").unwrap();
    assert!((summary["mean"].as_f64().unwrap() - mean).abs() < 1e-12);

    desk.fail(&[&arguments[..], &["--folds", "1"]].concat(), &["--folds", "from 2"]);
    desk.fail(&[&arguments[..], &["--folds", "201"]].concat(), &["201", "200 rows"]);
    desk.fail(&[&arguments[..], &["--folds", "3", "--fold-column", "fold"]].concat(), &["--folds", "--fold-column"]);
    desk.fail(&[&arguments[..], &["--fold-column", "clinic"]].concat(), &["no column `clinic`"]);
}

#[test]
fn machines_are_told_in_json() {
    let desk = Desk::new();
    let json = |arguments: &[&str]| serde_json::from_str::<serde_json::Value>(&desk.succeed(arguments).stdout).unwrap();
    let trained = json(&["train", "--epochs", "3", "--json"]);
    assert_eq!((&trained["data"]["rows"], &trained["settings"]["epochs"]), (&569.into(), &3.into()));
    assert!(trained["scores"]["roc-auc"].as_f64().unwrap() > 0.9 && trained["interrupted"] == false, "{trained}");
    let info = json(&["info", "model.safetensors", "--json"]);
    assert_eq!(info["training"]["curves"], trained["curves"]);
    assert_eq!(info["training"]["provenance"]["command"], serde_json::json!(["backprop", "train", "--epochs", "3"]));
    assert_eq!(info["pipeline"]["features"].as_array().unwrap().len(), 30);
    assert!(json(&["info", "--json"])["threads"].is_u64());
    let described = json(&["describe", &bundled(), "--json"]);
    assert_eq!((&described["rows"], &described["columns"][30]["distinct"]), (&569.into(), &2.into()));
}

#[test]
fn a_model_says_how_it_was_made() {
    let desk = Desk::new();
    desk.succeed(&["train", "--epochs", "2", "--threads", "1", "--level=scalar", "--drop", "worst_area"]);
    let info = desk.succeed(&["info", "model.safetensors"]);
    let report = info.report();
    assert_eq!(report["command"], "backprop train --epochs 2 --drop worst_area");
    assert_eq!(report["data"], "wdbc.csv (bundled): 569 rows, 456 trained on, 0 for validation, 113 held out");
    assert!(report["settings"].contains("learning rate 0.003, "), "{}", info.stdout);
    assert!(
        report["settings"].contains("epochs 2") && report["training"].contains(" of 2 was kept"),
        "{}",
        info.stdout
    );
}

#[test]
fn models_are_exported() {
    let desk = Desk::new();
    desk.write("t.csv", mixed(200));
    desk.succeed(&["train", "t.csv", "--target", "kind", "--split", "part", "--epochs", "2", "--ensemble", "2"]);
    let run =
        desk.succeed(&["export", "model.safetensors", "--onnx", "m.onnx", "--safetensors-plain", "w.safetensors"]);
    let report = run.report();
    assert!(report["inputs"].starts_with("3: ") && report["inputs"].contains("`size`"), "{}", run.stdout);
    assert_eq!(report["note"], "dates are given as days since 1970-01-01, the time of day a fraction: `day`");
    assert_eq!(report["outputs"], "`prob_t0`, `prob_t1`, `class`");
    assert_eq!((report["ONNX"], report["PyTorch"]), ("m.onnx", "w.safetensors"));
    let (onnx, weights) = (fs::read(desk.path("m.onnx")).unwrap(), fs::read(desk.path("w.safetensors")).unwrap());
    let contains = |bytes: &[u8], word: &[u8]| bytes.windows(word.len()).any(|window| window == word);
    assert!(contains(&onnx, b"network2.layer1.weights") && contains(&weights, b"\"1.0.weight\""));
    desk.succeed(&["export", "model.safetensors", "--onnx", "m.onnx"]);
    assert!(fs::read(desk.path("m.onnx")).unwrap() == onnx, "other bytes the second time");

    let network = net::Network::builder(2).hidden(&[3]).build().unwrap();
    net::format::save(&desk.path("n.safetensors"), &network, &BTreeMap::<String, String>::new()).unwrap();
    let run = desk.succeed(&["export", "n.safetensors", "--onnx", "n.onnx"]);
    assert_eq!((run.report()["inputs"], run.report()["outputs"]), ("1: `features`", "`prob_t0`, `prob_t1`"));

    desk.fail(&["export", "model.safetensors"], &["--onnx", "--safetensors-plain"]);
    desk.fail(&["export", "model.safetensors", "--onnx", "model.safetensors"], &["read in the same run"]);
    let both = ["export", "model.safetensors", "--onnx", "a.x", "--safetensors-plain", "./a.x"];
    desk.fail(&both, &["--onnx and --safetensors-plain are both `a.x`"]);
    desk.fail(&["export", "model.safetensors", "--onnx", "none/m.onnx"], &["no folder `none`"]);
    desk.fail(&["export", "t.csv", "--onnx", "t.onnx"], &["t.csv"]);
    assert!(!desk.path("t.onnx").exists());
}

#[test]
fn shells_can_complete() {
    let desk = Desk::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(desk.succeed(&["completions", shell]).stdout.contains("cross-validate"), "{shell}");
    }
    desk.fail(&["completions", "dos"], &["dos", "bash"]);
}

#[test]
fn every_subcommand_has_examples() {
    let desk = Desk::new();
    let help = desk.succeed(&["--help"]).stdout;
    let listed =
        help.split_once("Commands:").unwrap().1.lines().skip(1).map_while(|line| line.split_whitespace().next());
    for command in listed.filter(|command| *command != "help") {
        assert!(desk.succeed(&[command, "--help"]).stdout.contains(&format!("  backprop {command}")), "{command}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_printed_is_no_success() {
    let desk = Desk::new();
    for arguments in [&["--help"][..], &["train", "--help"], &["--version"], &["info"], &["describe", &bundled()]] {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let output = desk.command(arguments).stdout(full).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.starts_with("error: cannot write to the standard output: "), "{arguments:?}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{arguments:?}: {stderr}");
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_keeps_what_was_learnt() {
    let desk = Desk::new();
    // The first epoch is over.
    let run = interrupted(desk.command(&["train", "--epochs", "1000000", "--json"]), "-INT", 1);
    let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((run.code, &json["interrupted"]), (0, &true.into()));
    desk.succeed(&["predict", "model.safetensors", &bundled()]);
}

#[cfg(unix)]
#[test]
fn ctrl_c_keeps_the_folds_that_are_done() {
    let desk = Desk::new();
    let table = bundled();
    let run = |epochs, lines| {
        let rows = ["cross-validate", &table, "--target", "diagnosis", "--repeats", "40", "--json"];
        let network = ["--ensemble", "1", "--hidden", "4", "--patience", "0", "--epochs", epochs];
        interrupted(desk.command(&[&rows[..], &network].concat()), "-INT", lines)
    };
    // A tenth of the epochs of 200 folds is over.
    let some = run("2", 2);
    let json: serde_json::Value = serde_json::from_str(&some.stdout).unwrap();
    assert_eq!((some.code, &json["interrupted"]), (0, &true.into()));
    let folds = json["folds"].as_array().unwrap();
    assert!((1..200).contains(&folds.len()), "{} folds", folds.len());
    assert_eq!(folds[0]["fold"], 1);

    let none = run("1000000", 1);
    assert_eq!((none.stdout.as_str(), none.code), ("", 130));
    let complaint = none.stderr.lines().last();
    assert_eq!(complaint, Some("error: interrupted before a fold was done, so that there are no scores"));
}

/// What a run reads is not what it writes: the table, its labels, and the arguments.
#[test]
fn what_is_read_is_not_overwritten() {
    let desk = Desk::new();
    // Two images of one pixel, and their labels.
    desk.write("images.idx", [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 7, 9]);
    desk.write("labels.idx", [0, 0, 8, 1, 0, 0, 0, 2, 0, 1]);
    desk.write("run.toml", "target = \"y\"\n");
    desk.write("t.csv", "x,y\n1,a\n2,b\n3,a\n4,b\n");
    let files = ["images.idx", "labels.idx", "run.toml", "t.csv"];
    let before = files.map(|file| fs::read(desk.path(file)).unwrap());
    for arguments in [
        "train images.idx --model labels.idx",
        "train images.idx --labels labels.idx --report labels.idx",
        "evaluate m images.idx --report labels.idx",
        "predict m images.idx --output ./labels.idx",
        "explain m images.idx --row 1 --html labels.idx",
        "train t.csv --config run.toml --model run.toml",
        "train t.csv --config run.toml --report run.toml",
        "train t.csv --config run.toml --checkpoint run.toml",
        "cross-validate t.csv --config run.toml --predictions run.toml",
        "train t.csv --target y --validation images.idx --model labels.idx",
    ] {
        desk.fail(&arguments.split(' ').collect::<Vec<_>>(), &["it is read in the same run"]);
    }
    assert!(before == files.map(|file| fs::read(desk.path(file)).unwrap()));
}

#[test]
fn rows_are_held_out_in_one_way() {
    let desk = Desk::new();
    let word = |row: usize| ["train", "train", "validation", "test"][row / 2 % 4];
    let rows: String = (0..80).map(|row| format!("{row},{},{}\n", ["a", "b"][row % 2], word(row))).collect();
    desk.write("t.csv", format!("x,y,s\n{rows}"));
    let train = ["train", "t.csv", "--target", "y", "--split", "s"];
    desk.fail(&[&train[..], &["--test-fraction", "0.3"]].concat(), &["--split", "--test-fraction"]);
    desk.fail(&[&train[..], &["--validation", "t.csv"]].concat(), &["`s`", "`t.csv`", "give one of them"]);
}
