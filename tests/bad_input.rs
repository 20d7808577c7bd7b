//! What is wrong with a table, an argument or a training is told in one line, with exit code 2.

mod desk;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};

use desk::{Desk, bundled};

/// Tables that cannot be trained on with `--target kind`, and what the error has to say.
const BAD_TABLES: &[(&[u8], &[&str])] = &[
    (b"", &["t.csv", "empty", "header"]),
    (b"\xef\xbb\xbf\r\n", &["t.csv", "empty", "header"]),
    (b"a,kind\n", &["t.csv", "no data rows"]),
    (b"1,2\n3,4\n", &["first line", "t.csv", "add a header", "--no-header"]),
    (b"a,1,kind\n2,3,x\na,4,y\n", &["first line", "`a` occurs again", "--no-header"]),
    (b"a,kinds\n1,x\n2,y\n", &["no column `kind`", "did you mean `kinds`?"]),
    (b"a,b\n1,x\n2,y\n", &["no column `kind`", "`a`, `b`"]),
    (b"a,a,kind\n1,1,x\n2,2,y\n", &["several columns named `a`", "--drop \"a\""]),
    (b"a,kind,kind\n1,x,x\n", &["several columns named `kind`", "rename"]),
    (b",a,kind\n1,1,x\n", &["column 1", "no name", "--drop \"\""]),
    (b"kind\nx\ny\n", &["no feature columns"]),
    (b"a,b,kind\n1,2,x\n1,y\n", &["row 2 (line 3)", "cells is 2", "3 columns"]),
    (b"a,b,kind\n1,2,x\n\n1,2,y,3\n", &["row 2 (line 4)", "cells is 4", "3 columns"]),
    (b"a,kind\n\"1,x\n2,y\n", &["row 1 (line 2)", "cells is 1", "quotes"]),
    (b"a,kind\n1,x\ninf,y\n", &["row 2 (line 3), column `a`", "`inf` is not a finite number", "--drop \"a\""]),
    (b"a,kind\n1,x\n1e400,y\n", &["row 2 (line 3), column `a`", "`1e400` is not a finite number"]),
    (b"a,kind\n1,x\n2\xe9,y\n", &["t.csv", "line 3, cell 1", "UTF-8"]),
    (b"\xff\xfea\0,\0", &["t.csv", "line 1, cell 1", "UTF-8"]),
    (b"a,kind\n1,x\n2,\n", &["row 2 (line 3), target column `kind` is empty"]),
    (b"a,kind\n1,x\n2,x\n", &["t.csv", "label `x`", "two classes"]),
    (b"a,kind\n1,x\n2,y\n3,z\n4,w\n", &["only one row", "label `x`"]),
    (b"a,kind\n1,0.5\n2,0.5\n3,0.5\n", &["t.csv", "label `0.5`", "two classes"]),
    (b"a,kind\n1,0.5\n2,\n3,2.5\n", &["row 2 (line 3), target column `kind` is empty"]),
    (b"a,kind\n1,0\n2,1\n3,NA\n", &["row 3 (line 4), target column `kind` is empty"]),
    (b"a,kind\n1,2024-01-01\n2,2024-01-02\n", &["`kind`", "holds dates", "classes or numbers"]),
    (b"a,kind\n1,x\n2,x\n3,y\n", &["only one row", "label `y`"]),
    (b"a,kind\n1,x\n1,x\n1,y\n1,y\n", &["t.csv", "anything to learn", "`a` (constant)"]),
    (b"a,kind\n,x\n,x\n?,y\nNA,y\n", &["t.csv", "anything to learn", "`a` (no value)"]),
    (b"1 1:2\n0 2:1 1:3\n", &["row 2 (line 2)", "`1:3` is not above 2"]),
    (b"PAR1 and no more", &["cannot read `t.csv`"]),
    (b"ARROW1 and no more", &["cannot read `t.csv`"]),
    (b"\x1f\x8b\x08 and no more", &["cannot read `t.csv`"]),
];

/// Tables in which `--numeric a` finds a fault.
const BAD_NUMBERS: &[(&[u8], &[&str])] = &[
    (b"a,kind\n1,x\nOslo,y\n", &["row 2 (line 3), column `a`", "`Oslo`", "--drop \"a\""]),
    (b"a,kind\n1,x\n\"Os\nlo\",y\n", &["column `a`", "`Os\\nlo` is not a number"]),
    (b"a,kind\n1,x\n2\0,y\n", &["row 2 (line 3), column `a`", "`2\\0` is not a number"]),
    (b"b,kind\n1,x\n2,y\n", &["--numeric \"a\" is none of the features"]),
];

#[test]
fn bad_tables_are_refused_in_one_line() {
    let desk = Desk::new();
    for (content, words) in BAD_TABLES {
        desk.write("t.csv", content);
        desk.fail(&["train", "t.csv", "--target", "kind"], words);
    }
    for (content, words) in BAD_NUMBERS {
        desk.write("t.csv", content);
        desk.fail(&["train", "t.csv", "--target", "kind", "--numeric", "a"], words);
    }
    assert!(!desk.path("model.safetensors").exists());
}

/// Tables of so many columns, and with lines of so many bytes.
fn refuse_extreme_tables(columns: usize, bytes: usize) {
    let desk = Desk::new();
    let names: Vec<String> = (1..columns).map(|column| format!("c{column}")).collect();
    let row = |cells: usize, label: &str| format!("{}{label}\n", "1.5,".repeat(cells - 1));
    let table = |last: &str| format!("{},kind\n{}{}{last}", names.join(","), row(columns, "x"), row(columns, "y"));
    let counts = [(columns - 1).to_string(), format!("{columns} columns")];
    let words = ["row 3 (line 4)", &counts[0], &counts[1]];
    desk.write("t.csv", table(&row(columns - 1, "x")));
    desk.fail(&["train", "t.csv", "--target", "kind"], &words);
    desk.write("t.csv", table(&row(columns, "").replacen("1.5", "inf", 1)));
    desk.fail(
        &["train", "t.csv", "--target", "kind"],
        &["row 3 (line 4), column `c1`", "`inf` is not a finite number"],
    );
    desk.write("t.csv", table(&row(columns, "")));
    desk.fail(&["train", "t.csv", "--target", "kind"], &["row 3 (line 4), target column `kind` is empty"]);

    let long: &[(&str, &str, &str, &[&str])] = &[
        // What is before the line, what it is made of, what is after it.
        ("", "a", "", &["no column `kind`", "aaa...`"]),
        ("a,kind\n1,x\n2,x\n3,", "y", "\n", &["`t.csv`", "label"]),
        ("a,kind\n1,x\n", "2", ",y\n", &["row 2 (line 3), column `a`", "222...` is not a finite number"]),
        ("a,kind\n1,x\n\"2,", "y", "\n3,x\n", &["row 2 (line 3)", "cells is 1", "quotes"]),
    ];
    for (before, letter, after, words) in long {
        let file = fs::File::create(desk.path("t.csv")).unwrap();
        let piece = letter.repeat(1 << 16);
        let mut file = io::BufWriter::new(file);
        file.write_all(before.as_bytes()).unwrap();
        (0..bytes / piece.len()).for_each(|_| file.write_all(piece.as_bytes()).unwrap());
        file.write_all(after.as_bytes()).unwrap();
        file.into_inner().unwrap();
        desk.fail(&["train", "t.csv", "--target", "kind"], words);
    }
}

#[test]
fn ten_thousand_columns_and_lines_of_a_megabyte_are_refused_in_one_line() {
    refuse_extreme_tables(10_000, 1 << 20);
}

#[test]
#[ignore = "minutes, a gigabyte on the disk and four in memory"]
fn a_million_columns_and_lines_of_a_gigabyte_are_refused_in_one_line() {
    refuse_extreme_tables(1_000_000, 1 << 30);
}

/// Command lines that make no sense, in a folder with the table `t.csv`, and what the error has to say.
const BAD_ARGUMENTS: &[(&[&str], &[&str])] = &[
    (&["fly"], &["fly"]),
    (&["train", "t.csv"], &["t.csv", "--target", "`a`, `b`, `kind`"]),
    (&["train", "t.idx"], &["t.idx", "--labels"]),
    (&["train", "absent.csv", "--target", "kind"], &["absent.csv", "No such file"]),
    (&["train", ".", "--target", "kind"], &["cannot read `.`"]),
    (&["train", "t.csv", "u.csv"], &["u.csv"]),
    (&["train", "t.csv", "--target", "kind", "--drop", "c"], &["no column `c`"]),
    (&["train", "t.csv", "--target", "kind", "--features", "c"], &["no column `c`"]),
    (&["train", "t.csv", "--target", "kind", "--features", "kind"], &["no feature columns"]),
    (&["train", "t.csv", "--target", "kind", "--features", "a", "--drop", "b"], &["--features", "--drop"]),
    (&["train", "t.csv", "--target", "kind", "--categorical", "c"], &["--categorical \"c\"", "none of the features"]),
    (&["train", "t.csv", "--target", "kind", "--split", "b"], &["row 1, column `b`: `2` is none of train"]),
    (&["train", "t.csv", "--target", "4"], &["no column `4`"]),
    (&["train", "t.csv", "--target", "kind", "--task", "regression"], &["column `kind`", "text", "numbers are needed"]),
    (&["train", "t.csv", "--target", "kind", "--task", "ranking"], &["--task", "classification or regression"]),
    (&["train", "t.csv", "--target", "kind", "--format", "xlsx"], &["--format", "csv, libsvm"]),
    (&["train", "t.csv", "--target", "kind", "--quote", "xy"], &["--quote", "punctuation"]),
    (&["train", "--scale", "minmax"], &["--scale", "standard or robust"]),
    (&["describe", "absent.csv"], &["absent.csv", "No such file"]),
    (&["train", "t.csv", "--target", "kind", "--delimiter", ";"], &["no column `kind`", "`a,b,kind`"]),
    (&["train", "t.csv", "--target", "kind", "--delimiter", "xy"], &["--delimiter", "one character"]),
    (&["train", "--positive", "Q"], &["`Q`", "`diagnosis`", "`M` and `B`"]),
    (&["train", "--epoch", "3"], &["--epoch", "'--epochs'"]),
    (&["train", "--epochs", "0"], &["--epochs", "from 1"]),
    (&["train", "--epochs", "-5"], &["--epochs", "from 1"]),
    (&["train", "--epochs", "99999999999999999999"], &["--epochs", "from 1"]),
    (&["train", "--batch-size", "0"], &["--batch-size", "from 1"]),
    (&["train", "--threads", "0"], &["--threads", "from 1"]),
    (&["train", "--threads", "1000000"], &["--threads", "from 1"]),
    (&["train", "--hidden", "0"], &["--hidden", "64,32"]),
    (&["train", "--hidden", "64,x"], &["64,x", "--hidden", "64,32"]),
    (&["train", "--hidden", "99999999999"], &["--hidden", "64,32"]),
    (&["train", "--hidden", "65536,65536,65536,65536"], &["weights and biases", "bytes", "narrow its hidden"]),
    (&["train", "--hidden", "1000000,1000000"], &["--hidden", "64,32"]),
    (&["train", "--hidden", "65536,65536", "--ensemble", "1000"], &["weights and biases in", "bytes"]),
    (&["train", "--hidden"], &["--hidden"]),
    (&["train", "--activation", "cubic"], &["--activation", "cubic", "sigmoid, tanh"]),
    (&["train", "--learning-rate", "-1"], &["--learning-rate", "above 0"]),
    (&["train", "--learning-rate", "NaN"], &["--learning-rate", "above 0"]),
    (&["train", "--momentum", "1"], &["--momentum", "below 1"]),
    (&["train", "--seed", "-1"], &["--seed", "whole number"]),
    (&["train", "--test-fraction", "1"], &["--test-fraction", "from 0 to below 1"]),
    (&["train", "--level", "sse9"], &["--level", "sse9", "scalar"]),
    (&["train", "--model", "absent/model"], &["absent/model", "no folder `absent`"]),
    (&["train", "--model", "."], &["`.`", "folder"]),
    (&["train", "t.csv", "--target", "kind", "--model", "t.csv"], &["`t.csv`", "another file"]),
    (&["predict", "absent.safetensors", "t.csv"], &["absent.safetensors", "No such file"]),
    (&["predict", "t.csv", "t.csv"], &["t.csv is not a usable model"]),
    (&["predict", "m", "absent.csv"], &["absent.csv", "No such file"]),
    (&["predict", "m", "t.csv"], &["t.csv", "no column `mean_radius`"]),
    (&["predict", "m", "t.csv", "--output", "m"], &["`m`", "another file"]),
    (&["predict", "m", "t.csv", "--output", "absent/o"], &["absent/o", "no folder"]),
    (&["predict", "m", "t.csv", "--threshold", "2"], &["--threshold", "from 0 to 1"]),
    (&["predict", "m"], &["FILE"]),
    (&["bench", "--level", "scalar,sse9"], &["--level", "sse9", "scalar"]),
    (&["bench", "--threads", "1,0"], &["--threads", "from 1"]),
    (&["bench", "--threads", "1,,2"], &["--threads", "from 1"]),
    (&["bench", "--seconds", "0"], &["--seconds", "such as 0.25"]),
    (&["bench", "--seconds", "nan"], &["--seconds", "such as 0.25"]),
    (&["bench", "--html", "absent/page"], &["absent/page", "no folder `absent`"]),
    (&["bench", "--json", "."], &["`.`", "folder"]),
    (&["bench", "--json", "./same", "--html", "same"], &["--html and --json", "`same`"]),
    (&["bench", "--json", "/proc/bench.json"], &["`/proc/bench.json`", "no file can be made"]),
    (&["bench", "t.csv"], &["t.csv"]),
    (&["info", "absent"], &["absent", "No such file"]),
    (&["info", "t.csv"], &["t.csv is not a usable model"]),
];

#[test]
fn bad_arguments_are_refused_in_one_line() {
    let desk = Desk::new();
    desk.write("t.csv", "a,b,kind\n1,2,x\n3,4,y\n5,6,x\n7,8,y\n");
    desk.write("t.idx", b"\0\0\x08\x01\0\0\0\x02ab");
    desk.succeed(&["train", "--epochs", "1", "--model", "m"]);
    for (arguments, words) in BAD_ARGUMENTS {
        desk.fail(arguments, words);
    }
}

#[test]
fn few_rows_can_be_trained_on_without_validation() {
    let desk = Desk::new();
    desk.write("t.csv", "a,fold,kind\n1,1,x\n2,2,x\n3,1,y\n4,2,y\n");
    for arguments in [&["train", "t.csv", "--drop", "fold"][..], &["cross-validate", "t.csv", "--fold-column", "fold"]]
    {
        let arguments = [arguments, &["--target", "kind", "--epochs", "1"]].concat();
        desk.fail(&arguments, &["`t.csv`", "none of the 2 rows to train on", "(--validation-fraction 0)"]);
        desk.succeed(&[&arguments[..], &["--validation-fraction", "0"]].concat());
    }
}

#[test]
fn a_training_that_diverges_says_so() {
    let desk = Desk::new();
    let run = desk.run(&["train", "--learning-rate", "1e30", "--weight-decay", "0"]);
    let last = run.stderr.lines().last().unwrap();
    assert_eq!((run.code, &*run.stdout), (2, ""), "{}", run.stderr);
    assert!(last.starts_with("error: ") && last.contains("epoch") && last.contains("learning rate"), "{last}");
    assert!(!desk.path("model.safetensors").exists());
}

#[test]
fn a_network_without_its_table_cannot_predict() {
    let desk = Desk::new();
    let network = net::Network::builder(30).hidden(&[2]).build().unwrap();
    net::format::save(&desk.path("bare"), &network, &BTreeMap::<String, String>::new()).unwrap();
    desk.fail(&["predict", "bare", &bundled()], &["`bare`", "not which columns"]);
}
