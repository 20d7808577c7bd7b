//! The transcript in `docs/tutorial.md` is real: its commands are run, one after the other, in a copy of `data/`.
//!
//! `TRYCMD=overwrite cargo test -p backprop --test tutorial` writes what they print into it.

use std::fs;
use std::path::Path;

#[test]
fn the_tutorial_is_what_happens() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let tutorial = project.join("docs/tutorial.md");
    let folder = tempfile::tempdir().unwrap();
    // The commands of `tutorial.md` run in `tutorial.in`.
    let (copy, data) = (folder.path().join("tutorial.md"), folder.path().join("tutorial.in"));
    fs::copy(&tutorial, &copy).unwrap();
    fs::create_dir(&data).unwrap();
    for name in ["penguins.csv", "new-penguins.csv", "wdbc.csv"] {
        fs::copy(project.join("data").join(name), data.join(name)).unwrap();
    }
    let cases = trycmd::TestCases::new();
    cases.register_bin("cat", Path::new("/bin/cat"));
    cases.env("COLUMNS", "120").case(&copy).run();
    if std::env::var("TRYCMD").is_ok_and(|action| action == "overwrite") {
        fs::copy(&copy, &tutorial).unwrap();
    }
}
