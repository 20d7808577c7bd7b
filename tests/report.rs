//! The page that `train --report`, `evaluate --report` and `report` write: its numbers, its escaping, its size, and how a
//! browser takes it.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

/// A folder of its own to run the command in.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn run(&self, arguments: &str) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_backprop"));
        let output = command.args(arguments.split(' ')).current_dir(self.0.path()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    /// Runs the command, which has to succeed, and reads the JSON that it prints.
    fn succeed(&self, arguments: &str) -> Value {
        let (code, stdout, stderr) = self.run(&format!("{arguments} --json"));
        assert_eq!(code, 0, "{arguments}: {stderr}");
        serde_json::from_str(&stdout).unwrap()
    }
}

/// All numbers of the page's table of metrics, as they are in the attributes for machines.
fn metrics(page: &str) -> Vec<(String, Option<f64>)> {
    let (_, table) = page.split_once("<table id=\"metrics\">").expect("a table of metrics");
    let (table, _) = table.split_once("</table>").unwrap();
    let rows = table.split("<tr><td>").skip(1);
    rows.map(|row| {
        let name = row.split_once("</td>").unwrap().0.to_owned();
        (name, row.split_once("value=\"").map(|(_, value)| value.split_once('"').unwrap().0.parse().unwrap()))
    })
    .collect()
}

/// Compares them with the scores that the command prints.
fn assert_metrics(page: &str, json: &Value) {
    let scores = json["scores"].as_object().unwrap();
    let shown = metrics(page);
    assert_eq!(shown.len(), scores.len());
    for (title, value) in shown {
        let name = title.to_lowercase().replace(' ', "-");
        assert_eq!(value, scores[&name].as_f64(), "{name}");
    }
}

/// The page refers to nothing but itself and holds no program.
fn assert_self_contained(page: &str) {
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"));
    let page = page.replace("http://www.w3.org/2000/svg", "");
    for outside in ["http:", "https:", "@import", "url(", "<script", "<link", "<img", "src=", "NaN", "inf,"] {
        assert!(!page.contains(outside), "the page has {outside}");
    }
    assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
}

/// A headless browser, if there is one.
fn browser() -> Option<&'static str> {
    let found = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success()));
    if found.is_none() {
        eprintln!("SKIPPED: no Chromium is installed, so the page was opened in no browser");
    }
    found
}

/// Opens a page, and gives what it has become and what the console says.
fn open(browser: &str, desk: &Desk, page: &Path) -> (String, Vec<String>) {
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"])
        .arg(format!("--user-data-dir={}", desk.path("browser").display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let log = String::from_utf8_lossy(&output.stderr);
    let console = log.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect();
    (String::from_utf8_lossy(&output.stdout).into_owned(), console)
}

/// Counts what a page loads and what fails to, and writes it into the page.
const WATCHER: &str = "<script>
    let failed = [];
    addEventListener('error', event => failed.push(event.target.src ?? event.message), true);
    addEventListener('load', () => {
        const loaded = performance.getEntriesByType('resource').map(resource => resource.name);
        document.body.dataset.watched = `loaded ${loaded.length}, failed ${failed.length}`;
    });
    </script>";

fn watched(page: &str) -> String {
    let page = page.replace("default-src 'none'", "default-src 'none'; img-src file:; script-src 'unsafe-inline'");
    page.replacen("<title>", &format!("{WATCHER}<title>"), 1)
}

/// A browser loads nothing for the page, nothing fails, and the console stays empty.
fn assert_opens(desk: &Desk, name: &str) {
    let Some(browser) = browser() else { return };
    let page = desk.read(name);
    let (dom, console) = open(browser, desk, &desk.path(name));
    assert!(console.is_empty(), "{console:?}");
    assert!(dom.contains("Doing it again") && dom.matches("<svg").count() == page.matches("<svg").count());
    fs::write(desk.path("watched.html"), watched(&page)).unwrap();
    let (dom, console) = open(browser, desk, &desk.path("watched.html"));
    assert!(dom.contains("data-watched=\"loaded 0, failed 0\"") && console.is_empty(), "{console:?}");
}

/// What [`assert_opens`] looks for would be found.
#[test]
fn the_browser_tells_what_is_wrong() {
    let Some(browser) = browser() else { return };
    let desk = Desk::new();
    let page = page::page("a", "", maud::html! { p { "b" } });
    let page = page.replace("<p>", "<img src=\"absent.png\"><p>");
    fs::write(desk.path("refused.html"), &page).unwrap();
    let (_, console) = open(browser, &desk, &desk.path("refused.html"));
    assert!(console.iter().any(|line| line.contains("Content Security Policy")), "{console:?}");
    fs::write(desk.path("absent.html"), watched(&page)).unwrap();
    let (dom, _) = open(browser, &desk, &desk.path("absent.html"));
    assert!(dom.contains(", failed 1\""), "{dom}");
}

#[test]
fn two_classes_after_train_and_evaluate() {
    let desk = Desk::new();
    let trained = desk.succeed("train --epochs 8 --report page.html");
    let page = desk.read("page.html");
    assert_metrics(&page, &trained);
    assert_self_contained(&page);
    for part in [
        "Learning curves",
        "Receiver operating characteristic",
        "Precision and recall",
        "Reliability diagram",
        "Confusion matrix",
        "Scores of each class",
        "Importance of columns",
        "worst_radius",
        "Hyperparameters",
        "backprop train --epochs 8",
        "backprop train --epochs 8 --report page.html --json",
    ] {
        assert!(page.contains(part), "no {part}");
    }
    assert_eq!(trained["report"], "page.html");
    // Each of the six networks has a circle where its best epoch is.
    let (_, learning) = page.split_once("Learning curves").unwrap();
    let (learning, _) = learning.split_once("</figure>").unwrap();
    assert_eq!(learning.matches("<circle").count(), 6);
    assert_opens(&desk, "page.html");

    let table = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/wdbc.csv");
    let evaluated = desk.succeed(&format!("evaluate model.safetensors {table} --threshold 0.3 --report other.html"));
    let page = desk.read("other.html");
    assert_metrics(&page, &evaluated);
    assert_self_contained(&page);
    // The matrix agrees with the predictions.
    let (code, predicted, _) = desk.run(&format!("predict model.safetensors {table} --threshold 0.3"));
    let last = |text: &str| -> Vec<String> {
        text.lines().skip(1).map(|line| line.rsplit(',').next().unwrap().to_owned()).collect()
    };
    let (predicted, truth) = (last(&predicted), last(&fs::read_to_string(table).unwrap()));
    assert_eq!((code, predicted.len(), truth.len()), (0, 569, 569));
    let cells = |class: &str, taken_for: &str| {
        predicted.iter().zip(&truth).filter(|(prediction, truth)| *prediction == taken_for && *truth == class).count()
    };
    let (_, matrix) = page.split_once("id=\"confusion\">").unwrap();
    let (matrix, _) = matrix.split_once("</table>").unwrap();
    let counts: Vec<usize> = matrix
        .split("style=\"--share:")
        .skip(1)
        .map(|cell| cell.split_once('>').unwrap().1.split_once('<').unwrap().0.parse().unwrap())
        .collect();
    assert_eq!(counts, [cells("B", "B"), cells("B", "M"), cells("M", "B"), cells("M", "M")]);
    // `report` writes the same but for the command line that is in it.
    let (code, _, stderr) = desk.run(&format!("report model.safetensors {table} --threshold 0.3"));
    assert_eq!(code, 0, "{stderr}");
    let by_report = desk.read("report.html");
    let command = format!("backprop evaluate model.safetensors {table} --threshold 0.3 --report other.html --json");
    let other = format!("backprop report model.safetensors {table} --threshold 0.3");
    assert_eq!(page.replace(&command, &other), by_report);
    // The digests are those of the files.
    for file in [desk.path("model.safetensors"), PathBuf::from(table)] {
        let digest = net::digest::Digest::of([&fs::read(file).unwrap()[..]]).to_string();
        assert!(page.contains(&digest));
    }
}

#[test]
fn names_are_escaped() {
    let desk = Desk::new();
    let mut table = "<script>alert(1)</script>,\"a \"\"quoted\"\" & <b>\",class\n".to_owned();
    for row in 0..200 {
        let class = if row % 3 == 0 { "<i>&\"yes\"'" } else { "no</td>" };
        writeln!(table, "{},{},\"{}\"", row % 3, row % 7, class.replace('"', "\"\"")).unwrap();
    }
    fs::write(desk.path("t<able.csv"), table).unwrap();
    let trained = desk.succeed("train t<able.csv --target class --epochs 2 --ensemble 1 --report page.html");
    let page = desk.read("page.html");
    assert_metrics(&page, &trained);
    assert_self_contained(&page);
    for escaped in ["&lt;script&gt;alert(1)&lt;/script&gt;", "a &quot;quoted&quot; &amp; &lt;b&gt;", "t&lt;able.csv"] {
        assert!(page.contains(escaped), "no {escaped}");
    }
    for raw in ["<i>", "<b>", "no</td></", "t<able"] {
        assert!(!page.contains(raw), "the page has {raw}");
    }
    assert_opens(&desk, "page.html");
}

#[test]
fn several_classes_and_many_columns_stay_readable() {
    let desk = Desk::new();
    let (classes, columns) = (100, 200);
    let names: Vec<String> = (0..columns).map(|column| format!("column {column}")).collect();
    let mut table = format!("{},kind\n", names.join(","));
    for row in 0..1500_usize {
        for column in 0..columns {
            write!(table, "{},", row.wrapping_mul(2_654_435_761) >> (column % 16) & 255).unwrap();
        }
        writeln!(table, "class {}", row % classes).unwrap();
    }
    fs::write(desk.path("wide.csv"), table).unwrap();
    let trained = desk.succeed("train wide.csv --target kind --epochs 1 --ensemble 1 --report wide.html");
    let page = desk.read("wide.html");
    assert_metrics(&page, &trained);
    assert_self_contained(&page);
    assert!(page.len() < 1_500_000, "{} bytes", page.len());
    assert!(page.contains("Most frequent confusions") && page.contains("<summary>Columns</summary>"));
    assert!(page.contains("<summary>Each class</summary>") && page.contains("<summary>The other columns</summary>"));
    assert_opens(&desk, "wide.html");

    let rows: String = (0..300).map(|row| format!("{},{}\n", row % 6, ["a", "b", "c"][row % 3])).collect();
    fs::write(desk.path("few.csv"), format!("x,kind\n{rows}")).unwrap();
    let trained = desk.succeed("train few.csv --target kind --epochs 3 --ensemble 2 --report few.html");
    let page = desk.read("few.html");
    assert_metrics(&page, &trained);
    assert!(page.contains("Probability of c") && page.contains("id=\"confusion\""));
}

#[test]
fn numbers() {
    let desk = Desk::new();
    let row = |row: usize| format!("{},{},{}\n", row % 97, row % 13, (row % 97) as f64 * 1.5 + (row % 13) as f64);
    for (name, rows) in [("few.csv", 600), ("many.csv", 12_000)] {
        fs::write(desk.path(name), format!("x,y,value\n{}", (0..rows).map(row).collect::<String>())).unwrap();
    }
    let trained = desk.succeed("train few.csv --target value --task regression --epochs 3 --report few.html");
    let page = desk.read("few.html");
    assert_metrics(&page, &trained);
    assert_self_contained(&page);
    assert!(page.contains("A point for each row") && page.contains("Quantiles of the residuals"));
    let (_, scatter) = page.split_once("Predicted against true numbers").unwrap();
    let (scatter, _) = scatter.split_once("</figure>").unwrap();
    assert_eq!(scatter.matches("<circle").count() as u64, trained["data"]["held_out"].as_u64().unwrap());
    assert_opens(&desk, "few.html");

    // A page about rows that the model may have seen says so.
    let warning = "looks better than it is";
    assert!(!page.contains(warning));
    desk.succeed("evaluate model.safetensors few.csv --report again.html");
    assert!(desk.read("again.html").contains(warning));

    let evaluated = desk.succeed("evaluate model.safetensors many.csv --report many.html");
    let page = desk.read("many.html");
    assert_metrics(&page, &evaluated);
    assert!(page.contains("x 64 cells") && page.contains("10,000 of the 12,000 rows"), "what is thinned is told");
    assert!(page.len() < 600_000, "{} bytes", page.len());
}

#[test]
fn without_rows_to_judge_by() {
    let desk = Desk::new();
    desk.succeed("train --epochs 2 --ensemble 1 --test-fraction 0 --report page.html");
    let page = desk.read("page.html");
    assert!(page.contains("No rows were held out") && page.contains("Learning curves"));
    assert_self_contained(&page);
}

#[test]
fn the_model_does_not_depend_on_the_page() {
    let desk = Desk::new();
    desk.succeed("train --epochs 2 --ensemble 1 --report page.html --model a");
    desk.succeed("train --epochs 2 --ensemble 1 --threads 1 --model b");
    assert_eq!(fs::read(desk.path("a")).unwrap(), fs::read(desk.path("b")).unwrap());
    let first = desk.read("page.html");
    desk.succeed("train --epochs 2 --ensemble 1 --report page.html --model a");
    assert_eq!(first, desk.read("page.html"), "the same command gives the same page");
}

#[test]
fn pages_that_cannot_be_written() {
    let desk = Desk::new();
    fs::write(desk.path("t.csv"), "x,y\n1,a\n2,b\n").unwrap();
    for (arguments, words) in [
        ("train --report absent/page.html", "no folder `absent`"),
        ("train --report .", "a folder"),
        ("train --report model.safetensors", "the model and the page are both"),
        ("train t.csv --target y --report t.csv", "it is read in the same run"),
        ("evaluate m t.csv --report m", "`m`: it is read in the same run"),
        ("report m t.csv --output m", "`m`: it is read in the same run"),
        ("report m t.csv --output absent/page.html", "no folder `absent`"),
        ("evaluate m t.csv --report t.csv", "it is read in the same run"),
    ] {
        let (code, stdout, stderr) = desk.run(arguments);
        assert_eq!((code, &*stdout, stderr.lines().count()), (2, "", 1), "{arguments}: {stderr}");
        assert!(stderr.starts_with("error: ") && stderr.contains(words), "{arguments}: {stderr}");
    }
    assert_eq!(fs::read_dir(desk.0.path()).unwrap().count(), 1, "nothing was written");
}
