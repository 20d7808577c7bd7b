//! `backprop explain` and `backprop check`: every number is computed once more, by hand and in f64.

mod desk;

use std::io::{self, Write};
use std::process::Command;

use desk::{Desk, bundled};
use model::Model;
use net::Network;
use serde_json::Value;

/// A table with columns of every kind, some of it missing, and three targets.
fn table() -> String {
    let mut text = "size,colour,when,two,three,number\n".to_owned();
    for row in 0..120_usize {
        let size = if row % 11 == 3 { "?".to_owned() } else { format!("{}", (row * 37 % 101) as f64 / 8.0) };
        let colour = ["red", "$green_{x}", "<blue>", ""][row % 4];
        let date = format!("2024-{:02}-{:02}", row % 12 + 1, row % 28 + 1);
        let (two, three) = (["no", "yes"][row * 37 % 101 / 51], ["a", "b & c", "d"][row % 3]);
        text += &format!("{size},{colour},{date},{two},{three},{}\n", (row * 37 % 101) as f64 * 2.5 - 40.0);
    }
    text
}

/// A model for each activation, of every kind of target: its column in `table`, and the hidden layers.
const MODELS: [(&str, &str, &str); 5] = [
    ("relu", "two", "3,2"),
    ("tanh", "three", "4"),
    ("sigmoid", "number", "3,3"),
    ("silu", "two", "4"),
    ("gelu", "two", "3,2"),
];

fn trained() -> Desk {
    let desk = Desk::new();
    desk.write("t.csv", table());
    for (activation, target, hidden) in MODELS {
        let drop: Vec<&str> = ["two", "three", "number"].into_iter().filter(|other| *other != target).collect();
        let model = format!("{activation}.safetensors");
        let mut arguments = vec!["train", "t.csv", "--target", target, "--activation", activation, "--hidden", hidden];
        arguments.extend([
            "--drop",
            drop[0],
            "--drop",
            drop[1],
            "--epochs",
            "10",
            "--ensemble",
            "2",
            "--model",
            &model,
        ]);
        desk.succeed(&arguments);
    }
    desk
}

fn explained(desk: &Desk, arguments: &[&str]) -> Value {
    let run = desk.succeed(&[&["explain"], arguments, &["--json"]].concat());
    serde_json::from_str(&run.stdout).unwrap()
}

/// The numbers of an array.
fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap_or_else(|| panic!("{value}")).iter().map(|number| number.as_f64().unwrap()).collect()
}

fn rows(value: &Value) -> Vec<Vec<f64>> {
    value.as_array().unwrap_or_else(|| panic!("{value}")).iter().map(numbers).collect()
}

/// What an f32 computation may be away from the same in f64, for networks as small as these.
fn assert_close(found: &[f64], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= 1e-5 * expected.abs().max(1.0), "{what}: {found}, by hand {expected}");
    }
}

/// The distribution function of the standard normal distribution, by Simpson's rule from 0.
fn distribution(a: f64) -> f64 {
    const PARTS: usize = 1000;
    let density = |t: f64| (-t * t / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let at = |part: usize| density(a * part as f64 / PARTS as f64) * [2.0, 4.0][part % 2];
    0.5 + a / PARTS as f64 / 3.0 * ((1..PARTS).map(at).sum::<f64>() + density(0.0) + density(a))
}

/// The four steps by hand.
struct ByHand {
    activation: &'static str,
    /// Of each layer, a row for each unit, the bias first.
    w: Vec<Vec<Vec<f64>>>,
    t: Vec<f64>,
}

impl ByHand {
    fn z(&self, a: f64) -> f64 {
        match self.activation {
            "sigmoid" => 1.0 / (1.0 + (-a).exp()),
            "tanh" => a.tanh(),
            "silu" => a / (1.0 + (-a).exp()),
            "gelu" => a * distribution(a),
            _ => a.max(0.0),
        }
    }

    fn slope(&self, a: f64) -> f64 {
        match self.activation {
            "sigmoid" => self.z(a) * (1.0 - self.z(a)),
            "tanh" => 1.0 - self.z(a).powi(2),
            "silu" | "gelu" => (self.z(a + 1e-5) - self.z(a - 1e-5)) / 2e-5,
            _ => f64::from(u8::from(a > 0.0)),
        }
    }

    /// a of each layer, and z from layer 0 on; the last z are the predictions.
    fn forward(&self, x: &[f64]) -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
        let (mut a, mut z) = (Vec::<Vec<f64>>::new(), vec![x.to_vec()]);
        for (layer, w) in self.w.iter().enumerate() {
            let before = &z[layer];
            let sum = |w: &Vec<f64>| w[0] + w[1..].iter().zip(before).map(|(w, z)| w * z).sum::<f64>();
            a.push(w.iter().map(sum).collect());
            z.push(a[layer].iter().map(|a| self.z(*a)).collect());
        }
        let output = &a[a.len() - 1];
        let last = z.len() - 1;
        let sum: f64 = output.iter().map(|a| a.exp()).sum();
        z[last] = match (output.len(), self.activation) {
            (1, "sigmoid") => output.clone(),
            (1, _) => vec![1.0 / (1.0 + (-output[0]).exp())],
            _ => output.iter().map(|a| a.exp() / sum).collect(),
        };
        (a, z)
    }

    fn loss(&self, x: &[f64]) -> f64 {
        let (_, z) = self.forward(x);
        let (z, t) = (&z[z.len() - 1], &self.t);
        match (z.len(), self.activation) {
            (1, "sigmoid") => (z[0] - t[0]).powi(2) / 2.0,
            (1, _) => -(1.0 - t[0]) * z[0].ln() - t[0] * (1.0 - z[0]).ln(),
            _ => -z.iter().zip(t).map(|(z, t)| t * z.ln()).sum::<f64>(),
        }
    }

    fn deltas(&self, a: &[Vec<f64>], z: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let (output, t) = (&z[z.len() - 1], &self.t);
        let is_binary = output.len() == 1 && self.activation != "sigmoid";
        let error = |(z, t): (&f64, &f64)| if is_binary { z - (1.0 - t) } else { z - t };
        let mut deltas = vec![output.iter().zip(t).map(error).collect::<Vec<f64>>()];
        for layer in (1..self.w.len()).rev() {
            let of_unit = |(unit, a): (usize, &f64)| {
                let sum: f64 = deltas[0].iter().zip(&self.w[layer]).map(|(delta, w)| delta * w[1 + unit]).sum();
                sum * self.slope(*a)
            };
            let delta = a[layer - 1].iter().enumerate().map(of_unit).collect();
            deltas.insert(0, delta);
        }
        deltas
    }
}

#[test]
fn the_numbers_are_those_of_the_four_steps() {
    let desk = trained();
    for (activation, ..) in MODELS {
        let file = format!("{activation}.safetensors");
        let model = Model::load(&desk.path(&file)).unwrap();
        let predicted = desk.succeed(&["predict", &file, "t.csv"]).stdout;
        for (row, member) in [(1, "1"), (4, "2"), (119, "1")] {
            let json = explained(&desk, &[&file, "t.csv", "--row", &row.to_string(), "--member", member]);
            let what = |what: &str| format!("{activation}, row {row}, network {member}: {what}");
            let layers = json["layers"].as_array().unwrap();
            let x = numbers(&json["x"]);
            assert_eq!(x.len(), model.pipeline.inputs());
            let by_hand = ByHand {
                activation,
                w: layers.iter().map(|layer| rows(&layer["w"])).collect(),
                t: numbers(&json["t"]),
            };
            let network: &Network = &model.members[member.parse::<usize>().unwrap() - 1];
            for (layer, w) in (1..).zip(&by_hand.w) {
                let of_model: Vec<f64> = network.weights(layer).into_iter().map(f64::from).collect();
                let shown: Vec<f64> = w.concat().into_iter().map(|w| f64::from(w as f32)).collect();
                assert_eq!(shown, of_model, "{}", what("w"));
            }
            let (a, z) = by_hand.forward(&x);
            let deltas = by_hand.deltas(&a, &z);
            for (index, layer) in layers.iter().enumerate() {
                assert_eq!(layer["layer"], index + 1);
                assert_close(&numbers(&layer["a"]), &a[index], &what("a"));
                assert_close(&numbers(&layer["z"]), &z[index + 1], &what("z"));
                assert_close(&numbers(&layer["delta"]), &deltas[index], &what("delta"));
                let gradient: Vec<f64> = deltas[index]
                    .iter()
                    .flat_map(|delta| [1.0].iter().chain(&z[index]).map(move |z| delta * z))
                    .collect();
                assert_close(&rows(&layer["gradient"]).concat(), &gradient, &what("gradient"));
            }
            assert_close(&[json["loss"].as_f64().unwrap()], &[by_hand.loss(&x)], &what("loss"));

            let differences = json["differences"].as_array().unwrap();
            assert!(differences.len() >= layers.len(), "{}", what("differences"));
            for entry in differences {
                let place = ["layer", "unit", "input"].map(|name| entry[name].as_u64().unwrap() as usize);
                let moved = |step: f64| {
                    let mut w = by_hand.w.clone();
                    w[place[0] - 1][place[1] - 1][place[2]] += step;
                    ByHand { activation, w, t: by_hand.t.clone() }.loss(&x)
                };
                let by_hand = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                assert_close(&[entry["gradient"].as_f64().unwrap()], &[by_hand], &what("difference"));
                // At a kink there is none.
                if let Some(difference) = entry["difference"].as_f64() {
                    assert_close(&[difference], &[by_hand], &what("difference"));
                    let gradient = f64::from(entry["gradient"].as_f64().unwrap() as f32);
                    let (error, size) = ((gradient - difference).abs(), gradient.abs().max(difference.abs()));
                    let stated = entry["relative_error"].as_f64().unwrap();
                    assert!((stated * size - error).abs() <= 1e-12 * size, "{}", what("relative error"));
                }
            }

            let line = predicted.lines().nth(row).unwrap();
            for prediction in numbers(&json["prediction"]) {
                let shown = format!("{:?}", prediction as f32);
                assert!(line.split(',').any(|cell| cell == shown), "{}: {shown} in {line}", what("prediction"));
            }
        }
    }
}

/// The value of a sum of products as it is printed, such as `0.1 + 2 * (-3) + [7 more: 0.25]`.
fn evaluated(sum: &str) -> f64 {
    let number =
        |text: &str| text.trim_matches(['(', ')']).parse::<f64>().unwrap_or_else(|_| panic!("{text} in {sum}"));
    let term = |term: &str| match term.strip_prefix('[') {
        Some(rest) => number(rest.split_once(": ").unwrap().1.trim_end_matches(']')),
        None => term.split(" * ").map(number).product(),
    };
    sum.split(" + ").map(term).sum()
}

/// What is printed after each equals sign of a formula; a line may be broken.
fn steps(text: &str, of: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().skip_while(|line| !line.starts_with(&format!("  {of} = "))).collect();
    assert!(!lines.is_empty(), "no {of} in {text}");
    let mut steps: Vec<String> = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        let continues = |line: &str| line.starts_with("    ") && !line.trim().is_empty();
        match line.trim_start().strip_prefix("= ") {
            _ if place == 0 => steps.extend(line.split(" = ").skip(1).map(str::to_owned)),
            Some(step) => steps.push(step.to_owned()),
            None if continues(line) => *steps.last_mut().unwrap() += &format!(" {}", line.trim()),
            None => break,
        }
    }
    steps
}

#[test]
fn the_text_has_the_same_numbers_in_the_formulas() {
    let desk = trained();
    for (activation, ..) in MODELS {
        let file = format!("{activation}.safetensors");
        let arguments = [&file, "t.csv", "--row", "2"];
        let json = explained(&desk, &arguments);
        for units in [&["--units", "2"][..], &["--all"]] {
            let text = desk.succeed(&[&["explain"], &arguments[..], units].concat()).stdout;
            let close = |shown: &str, number: &Value| {
                let (shown, number) = (shown.parse::<f64>().unwrap(), number.as_f64().unwrap());
                assert!((shown - number).abs() <= 1e-4 * number.abs(), "{shown} is not {number}: {text}");
            };
            let layers = json["layers"].as_array().unwrap();
            for (l, layer) in (1..).zip(layers) {
                let a = steps(&text, &format!("a_1^({l})"));
                assert_eq!(a[0], format!("w_1,0^({l}) + sum_j w_1,j^({l}) * z_j^({})", l - 1));
                close(a.last().unwrap(), &layer["a"][0]);
                let sum = layer["a"][0].as_f64().unwrap();
                assert!((evaluated(&a[1]) - sum).abs() < 1e-3 * sum.abs().max(1.0), "{a:?}");
                close(steps(&text, &format!("z_1^({l})")).last().unwrap(), &layer["z"][0]);
                let delta = steps(&text, &format!("delta_1^({l})"));
                close(delta.last().unwrap(), &layer["delta"][0]);
                if l < layers.len() {
                    let product: f64 = delta[2].split(" * ").map(evaluated).product();
                    let delta = layer["delta"][0].as_f64().unwrap();
                    assert!((product - delta).abs() <= 1e-3 * delta.abs(), "{product} is not {delta}");
                }
                let derivative = text.lines().find_map(|line| {
                    let (_, place) = line.trim_start().strip_prefix("dL/dw_")?.split_once(&format!("^({l}) = "))?;
                    Some(line.trim_start().trim_end_matches(place).trim_end_matches(" = ").to_owned())
                });
                let derivative = derivative.unwrap_or_else(|| panic!("no derivative of layer {l} in {text}"));
                let place = derivative.trim_start_matches("dL/dw_").split(['^', ',']);
                let place: Vec<usize> = place.take(2).map(|place| place.parse().unwrap()).collect();
                close(steps(&text, &derivative).last().unwrap(), &layer["gradient"][place[0] - 1][place[1]]);
            }
            close(steps(&text, "L").last().unwrap(), &json["loss"]);
            assert_eq!(text.contains(" more "), units != ["--all"], "{text}");
        }
        let text = desk.succeed(&[&["explain"], &arguments[..], &["--all"]].concat()).stdout;
        for words in ["$green_{x}", "size", "colour", "when", "pieces of the range", "place in a cycle of 7 days"] {
            assert!(text.contains(words), "no {words} in {text}");
        }
    }
}

#[test]
fn without_an_answer_there_is_the_forward_pass() {
    let desk = trained();
    let without: String =
        table().lines().map(|line| line.splitn(4, ',').take(3).collect::<Vec<_>>().join(",") + "\n").collect();
    desk.write("new.csv", without);
    desk.write("some.csv", "two,size,colour,when\n,1,red,2024-01-01\nyes,2,mauve,2024-01-02\n");
    for (file, words) in [("new.csv", "has no column `two`"), ("some.csv", "has no value in the column `two`")] {
        let arguments = ["relu.safetensors", file, "--row", "1"];
        let text = desk.succeed(&[&["explain"], &arguments[..]].concat()).stdout;
        assert!(text.contains(words) && text.contains("there is no loss"), "{text}");
        assert!(!text.contains("Step 2") && text.contains("p(t = 1 given x)"), "{text}");
        let json = explained(&desk, &arguments);
        assert!(json["loss"].is_null() && json["t"].is_null() && json["layers"][0]["delta"].is_null(), "{json}");
        assert!(json["target"]["value"].is_null() && json["differences"].as_array().unwrap().is_empty());
    }
    let text = desk.succeed(&["explain", "relu.safetensors", "some.csv", "--row", "2"]).stdout;
    assert!(text.contains("a label that is rare or new") && text.contains("Step 4"), "{text}");
}

#[test]
fn labels_of_the_same_value_are_the_same() {
    let desk = Desk::new();
    let rows: String = (0..60).map(|row| format!("{},{},{}\n", row % 7, row % 4, row % 3)).collect();
    desk.write("t.csv", format!("size,level,kind\n{rows}"));
    let train = ["train", "t.csv", "--target", "kind", "--categorical", "level", "--epochs", "2", "--hidden", "4"];
    desk.succeed(&train);
    desk.write("new.csv", "size,level,kind\n1,2,2\n1,2.0,2.0\n");
    let of_row = |row: &str| desk.succeed(&["explain", "model.safetensors", "new.csv", "--row", row]).stdout;
    let [text, other] = ["1", "2"].map(of_row);
    assert!(text.contains("class 3, so that") && text.contains("label 3 of 4"), "{text}");
    assert!(other.contains("class 3, so that") && other.contains("label 3 of 4"), "{other}");
    let [json, other] = ["1", "2"].map(|row| explained(&desk, &["model.safetensors", "new.csv", "--row", row]));
    for key in ["x", "layers", "t", "loss"] {
        assert_eq!(json[key], other[key], "{key}");
    }
}

#[test]
fn what_is_wrong_is_one_line() {
    let desk = trained();
    let model = "relu.safetensors";
    desk.write("other.csv", "a,two\n1,yes\n");
    desk.write(
        "label.csv",
        "two,size,colour,when\nmaybe,1,red,2024-01-01\nno,1,red,2024-01-01\nperhaps,1,red,2024-01-01\n",
    );
    let explain = |arguments: &[&str], words: &[&str]| desk.fail(&[&["explain"], arguments].concat(), words);
    explain(&[model, "t.csv"], &["--row"]);
    explain(&[model, "t.csv", "--row", "0"], &["--row", "from 1"]);
    explain(&[model, "t.csv", "--row", "121"], &["t.csv", "no row 121", "1 to 120"]);
    explain(&[model, "t.csv", "--row", "1", "--member", "3"], &[model, "no network 3", "1 to 2"]);
    explain(&[model, "t.csv", "--row", "1", "--units", "2", "--all"], &["--units", "--all"]);
    explain(&[model, "other.csv", "--row", "1"], &["other.csv", "no column `size`"]);
    explain(&[model, "label.csv", "--row", "1"], &["`label.csv`, row 1", "`maybe`", "`two`"]);
    explain(&[model, "label.csv", "--row", "3"], &["`label.csv`, row 3", "`perhaps`", "`two`"]);
    explain(&["t.csv", "t.csv", "--row", "1"], &["t.csv", "model"]);
    explain(&[model, "t.csv", "--row", "1", "--html", "none/a.html"], &["no folder `none`"]);
    explain(&[model, "t.csv", "--row", "1", "--html", "t.csv"], &["t.csv", "read in the same run"]);
    desk.fail(&["check", model, "other.csv"], &["other.csv", "no column `size`"]);
    desk.fail(&["check", model, "t.csv", "--member", "3"], &["no network 3"]);
}

/// The text of a page, without its style and tags.
fn visible(page: &str) -> String {
    let body = page.split_once("</style>").unwrap().1;
    let words = body.split('<').filter_map(|tag| tag.split_once('>')).map(|(_, text)| text);
    let text = words.collect::<Vec<_>>().join("");
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace('\u{2212}', "-")
}

#[test]
fn the_page_says_what_the_text_says() {
    let desk = trained();
    for (activation, ..) in MODELS {
        let file = format!("{activation}.safetensors");
        let arguments = ["explain", &file, "t.csv", "--row", "3", "--html", "page.html"];
        let text = desk.succeed(&arguments).stdout;
        let page = desk.read("page.html");
        let shown = visible(&page);
        let is_number = |word: &&str| word.len() > 4 && word.parse::<f64>().is_ok();
        let numbers: Vec<&str> = text.split_whitespace().filter(is_number).collect();
        assert!(numbers.len() > 50);
        for number in numbers {
            assert!(shown.contains(number), "{activation}: no {number} on the page");
        }
        for heading in ["Step 1", "The prediction", "Step 2", "Step 3", "Step 4", "Checked by central differences"] {
            assert!(shown.contains(heading) && text.contains(heading), "{activation}: {heading}");
        }
        assert!(shown.contains("<blue>") && page.contains("<code>&lt;blue&gt;</code>"), "labels stay text");
        assert!(page.contains("<svg class=\"net\"") && page.matches("<circle").count() >= 10, "a drawing");
        for outside in ["http:", "https:", "//", "@import", "url(", "<script", "<link", "<img", "src="] {
            assert!(!page.contains(outside), "the page has {outside}");
        }
    }
}

#[test]
fn a_browser_opens_the_page() {
    let browser = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|browser| Command::new(browser).arg("--version").output().is_ok_and(|output| output.status.success()));
    let Some(browser) = browser else {
        // Not `eprintln!`, whose lines are kept from the reader while tests succeed.
        let _ = writeln!(io::stderr(), "SKIPPED: there is no Chromium to open a page in");
        return;
    };
    let desk = Desk::new();
    desk.succeed(&["train", "--epochs", "3"]);
    desk.succeed(&["explain", "model.safetensors", &bundled(), "--row", "20", "--html", "page.html"]);
    let mut command = Command::new(browser);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"]);
    command.arg(format!("--user-data-dir={}", desk.path("profile").display())).arg(desk.path("page.html"));
    let output = command.output().unwrap();
    let (dom, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{log}");
    assert!(dom.contains("Checked by central differences") && dom.contains("</svg>"), "{dom}");
    // What the page may not or cannot load is told on the console.
    let complaints: Vec<&str> = log.lines().filter(|line| line.contains("CONSOLE") || line.contains("ERR_")).collect();
    assert!(complaints.is_empty(), "{complaints:?}");
}

#[test]
fn the_gradient_of_models_is_right() {
    let desk = trained();
    for (activation, ..) in MODELS {
        let file = format!("{activation}.safetensors");
        let text = desk.succeed(&["check", &file, "t.csv"]);
        let report = text.stdout.split("\n+").next().unwrap();
        assert!(report.contains("the gradient is right") && report.contains("the first 8 rows of t.csv"), "{report}");
        let run = desk.succeed(&["check", &file, "t.csv", "--json"]);
        let json: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!((&json["passes"], &json["rows"]), (&true.into(), &8.into()));
        let count = |name: &str| json[name].as_u64().unwrap();
        // So small a network is compared as a whole.
        assert_eq!(count("compared") + count("at_a_kink"), count("weights"), "{json}");
        let layers = json["layers"].as_array().unwrap();
        let numbers = |name: &str| layers.iter().map(|layer| layer[name].as_f64().unwrap()).collect::<Vec<_>>();
        let worst = |errors: Vec<f64>, bounds: Vec<f64>| {
            let shares = errors.iter().zip(&bounds).map(|(error, bound)| error / bound);
            let worst = shares.enumerate().max_by(|one, other| one.1.total_cmp(&other.1)).unwrap();
            assert!(worst.1 <= 1.0);
            (errors[worst.0], bounds[worst.0])
        };
        for (name, error, bound) in [
            ("differences", "backpropagation_error", "backpropagation_bound"),
            ("rounding", "single_precision_error", "single_precision_bound"),
        ] {
            let (error, bound) = worst(numbers(error), numbers(bound));
            assert_eq!((json[name]["error"].as_f64(), json[name]["bound"].as_f64()), (Some(error), Some(bound)));
        }
        assert_eq!(layers.iter().filter(|layer| layer["network"] == 2).count() * 2, layers.len());
        let one = desk.succeed(&["check", &file, "t.csv", "--rows", "1", "--member", "2"]);
        assert!(one.stdout.contains("the first 1 row of t.csv"), "{}", one.stdout);
    }
}

#[test]
fn of_a_large_network_a_sample_is_compared() {
    let desk = Desk::new();
    desk.succeed(&["train", "--hidden", "300,300", "--epochs", "1", "--ensemble", "1"]);
    let check = |seed: &str| {
        let run = desk.succeed(&["check", "model.safetensors", &bundled(), "--seed", seed, "--json"]);
        serde_json::from_str::<Value>(&run.stdout).unwrap()
    };
    let json = check("1");
    let (compared, weights) = (json["compared"].as_u64().unwrap(), json["weights"].as_u64().unwrap());
    assert!((100..weights / 2).contains(&compared), "{compared} of {weights}");
    assert_eq!(check("1"), json);
    let places = |json: &Value| {
        json["layers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|layer| layer["backpropagation_worst"].clone())
            .collect::<Vec<_>>()
    };
    assert_ne!(places(&check("2")), places(&json), "another seed chooses other weights");
}

#[test]
fn a_gradient_that_is_wrong_is_exit_code_1() {
    let desk = trained();
    let mut model = Model::load(&desk.path("relu.safetensors")).unwrap();
    let network = &model.members[1];
    let mut weights: Vec<Vec<f32>> = (1..=3).map(|layer| network.weights(layer)).collect();
    // Beyond the largest f32, and infinity less infinity.
    weights[0].fill(3e38);
    weights[1].iter_mut().enumerate().for_each(|(place, w)| *w = if place % 2 == 0 { 3e38 } else { -3e38 });
    model.members[1] = Network::from_weights(network.shape().clone(), &weights).unwrap();
    model.save(&desk.path("wrong.safetensors")).unwrap();
    let run = desk.run(&["check", "wrong.safetensors", "t.csv"]);
    assert_eq!((run.code, &*run.stderr), (1, ""), "{}", run.stdout);
    assert!(run.stdout.contains("the gradient is wrong in ") && run.stdout.contains("of network 2"), "{}", run.stdout);
    assert_eq!(desk.run(&["check", "wrong.safetensors", "t.csv", "--member", "1"]).code, 0);
    let json: Value =
        serde_json::from_str(&desk.run(&["check", "wrong.safetensors", "t.csv", "--json"]).stdout).unwrap();
    assert_eq!(json["passes"], false);
    // It can be looked at.
    let text = desk.succeed(&["explain", "wrong.safetensors", "t.csv", "--row", "1", "--member", "2"]).stdout;
    assert!(text.contains("inf"), "{text}");
}
