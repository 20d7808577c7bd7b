//! A crate that merely depends on `net`, built with Cargo's own release profile, gets the best level and the same bits.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use bench::{Workload, foreign, throughput};
use net::Level;

#[test]
fn a_foreign_crate_gets_the_best_level_and_the_same_bits() {
    let program = foreign::build(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("foreign"));
    let program = program.unwrap_or_else(|error| panic!("{error}"));
    let output = foreign::output(Command::new(program).args(["28-64-64-1", "32"]));
    let output = output.unwrap_or_else(|error| panic!("{error}"));
    println!("{output}");
    let value = |name: &str| {
        let line = output.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("no line '{name}' in:\n{output}")).trim().to_owned()
    };
    assert_eq!(value("level "), Level::best().to_string());

    let workload = Workload::named("28-64-64-1", 32).unwrap();
    let expected = throughput::losses(&workload, Level::best(), 20);
    let bits = |loss: f64| format!("{loss:.6} {:016x}", loss.to_bits());
    assert_eq!(value("first loss "), bits(expected[0]));
    assert_eq!(value("last loss "), bits(expected[19]));
    assert!(expected[19] < expected[0], "{expected:?}");
    assert!(value("samples/s ").parse::<f64>().unwrap() > 0.0);
}

/// So that the test needs nothing that the workspace has not fetched already.
#[test]
fn the_foreign_crate_has_the_workspaces_versions() {
    let packages = |path: &str| -> BTreeSet<(String, String)> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
        let text = std::fs::read_to_string(path).unwrap();
        let value = |package: &str, key: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(key));
            line.expect(key).to_owned()
        };
        let packages = text.split("[[package]]\n").skip(1);
        packages.map(|package| (value(package, "name = "), value(package, "version = "))).collect()
    };
    let mut foreign = packages("tests/foreign/Cargo.lock");
    foreign.retain(|(name, _)| name != "\"foreign\"");
    assert!(foreign.len() > 1);
    let missing: Vec<_> = foreign.difference(&packages("Cargo.lock")).cloned().collect();
    assert!(missing.is_empty(), "not in Cargo.lock: {missing:?}; CONTRIBUTING.md says how to renew the foreign lock");
}
