//! `backprop bench`: its tables, its JSON and its page.

mod desk;

use desk::Desk;
use net::Level;

/// The shortest run that there is: what it measures means nothing.
const SHORT: [&str; 6] = ["bench", "--quick", "--seconds", "0.000001", "--threads", "1,2"];

#[test]
fn bench_prints_tables_and_writes_json_and_a_page() {
    let desk = Desk::new();
    let best = Level::best().to_string();
    let levels = format!("{best},scalar");
    let run = desk.succeed(&[&SHORT[..], &["--level", &levels, "--json", "b.json", "--html", "b.html"]].concat());
    let has_row = |words: &[&str]| run.stdout.lines().any(|line| words.iter().all(|word| line.contains(word)));
    assert!(has_row(&["| sigmoid ", " scalar ", "1.0x"]), "{}", run.stdout);
    assert!(
        has_row(&["| matvec ", &best])
            && has_row(&["| backward_and_descend ", &best])
            && has_row(&["| forward ", "300-300, batch 100", &best, " % "]),
        "{}",
        run.stdout
    );
    for network in bench::Workload::all().into_iter().chain(bench::Workload::narrow()) {
        assert!(has_row(&[&network.name(), &best, " % ", "x "]), "no {network} in {}", run.stdout);
    }
    assert!(run.stderr.lines().count() >= 5 && run.stderr.contains(", training "), "{}", run.stderr);

    let json: serde_json::Value = serde_json::from_str(&desk.read("b.json")).unwrap();
    let read: bench::Results = serde_json::from_str(&desk.read("b.json")).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), json, "what is read is what was written");
    assert_eq!((&json["format"], &json["quick"]), (&1.into(), &true.into()));
    assert!(json["machine"]["processor"].is_string() && json["machine"]["threads_granted"].is_u64());
    assert!(json["date"].as_str().unwrap().starts_with("20") && json["date"].as_str().unwrap().ends_with('Z'));
    let lengths =
        ["peaks", "kernels", "training", "one_row", "many_rows"].map(|part| json[part].as_array().unwrap().len());
    assert_eq!(lengths, [2, 2 * 20, 2 * 2 * 8, 2 * 5, 2 * 2 * 5]);
    for number in
        ["samples_per_second", "gflop_per_second", "share_of_peak", "speedup_over_scalar", "speedup_over_one_thread"]
    {
        assert!(json["training"][0][number].as_f64().unwrap() > 0.0, "{number}");
    }
    assert!(json["one_row"][0]["microseconds"].is_f64() && json["reading"][0]["gigabytes_per_second"].is_f64());
    let [least, median, most] =
        ["least", "median", "most"].map(|which| json["round_trip"][format!("{which}_nanoseconds")].as_f64().unwrap());
    assert!(0.0 < least && least <= median && median <= most, "{least}, {median}, {most}");

    let page = desk.read("b.html");
    let without_namespaces = page.replace("http://www.w3.org/2000/svg", "");
    for outside in ["http:", "https:", "//", "@import", "url(", "<script", "<link", "<img", "src="] {
        assert!(!without_namespaces.contains(outside), "the page has {outside}");
    }
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"));
    assert!(page.matches("<svg").count() >= 6 && page.matches("<svg").count() == page.matches("</svg>").count());
}

#[test]
fn bench_without_the_scalar_level_has_no_speedups_over_it() {
    let desk = Desk::new();
    let arguments =
        ["bench", "--quick", "--seconds", "0.000001", "--threads", "2", "--level", &Level::best().to_string()];
    desk.succeed(&arguments);
    let json: serde_json::Value = serde_json::from_str(&desk.read("bench.json")).unwrap();
    let training = &json["training"][0];
    assert!(training["speedup_over_scalar"].is_null() && training["speedup_over_one_thread"].is_null(), "{training}");
    assert!(desk.read("bench.html").contains("Roofline"));
}
