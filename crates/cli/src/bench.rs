//! `backprop bench`: how fast this machine, the kernels and the networks are.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use bench::machine::Machine;
use bench::{Settings, Suite, report};
use clap::Args;
use net::Level;

use crate::destination;
use crate::machine::granted_threads;
use crate::progress::Progress;
use crate::report::{Report, print};
use crate::values;

/// Measure this machine, every kernel, and networks in training and prediction
///
/// First come the machine's limits: how many multiply-adds a core does, and how fast it reads from each cache and from
/// memory. Then every kernel and every network is compared with the specification and timed, in turns with the limit that
/// it is a share of. Tables are printed, and a page with figures and a file of JSON are written. Nothing else should run
/// meanwhile.
#[derive(Args)]
#[command(
    allow_negative_numbers = true,
    after_help = "\
Examples:
  backprop bench --quick
  backprop bench --level scalar,avx2 --threads 1,2,4
  backprop bench --seconds 1 --html today.html --json today.json"
)]
pub struct Bench {
    /// One size of each kernel, shorter epochs and measurements: less than 20 seconds in all
    #[arg(long)]
    quick: bool,

    /// Time of each measurement [default: 0.25, with --quick 0.02]
    #[arg(long, value_name = "SECONDS", value_parser = values::seconds)]
    seconds: Option<f64>,

    /// Numbers of threads, separated by commas [default: 1, and as many as this process is granted]
    #[arg(long, value_name = "N,...", value_delimiter = ',', value_parser = values::threads)]
    threads: Vec<usize>,

    /// SIMD levels, separated by commas [default: all that this machine has]
    #[arg(long, value_name = "LEVEL,...", value_delimiter = ',')]
    level: Vec<Level>,

    /// Page to write
    #[arg(long, value_name = "FILE", default_value = "bench.html")]
    html: PathBuf,

    /// File of JSON to write; `cargo doc` describes it under bench::results
    #[arg(long, value_name = "FILE", default_value = "bench.json")]
    json: PathBuf,
}

impl Bench {
    /// Measures, writes, and prints.
    pub fn run(&self) -> Result<()> {
        let no_sources: &[&Path] = &[];
        destination::check(&[("--html", &self.html), ("--json", &self.json)], no_sources)?;
        let suite = Suite::new(self.settings(), Machine::detect(granted_threads()));
        let parts = suite.parts();
        let progress = Progress::new("bench".to_owned(), "part", parts);
        let results = suite.run(|done, next| progress.show(done, next))?;
        progress.show(parts, "done");
        drop(progress);

        write(&self.html, report::page(&results)?.as_bytes())?;
        write(&self.json, &serde_json::to_vec_pretty(&results)?)?;
        for table in report::tables(&results) {
            print(format!("{table}\n").as_bytes())?;
        }
        let mut report = Report::default();
        if !results.release_build {
            report.line("warning", "this is a build for development: `cargo run --release` is faster");
        }
        report.line("processor", &results.machine.processor);
        report.line("page", self.html.display().to_string());
        report.line("JSON", self.json.display().to_string());
        report.print(false)
    }

    fn settings(&self) -> Settings {
        let seconds = self.seconds.unwrap_or(if self.quick { 0.02 } else { 0.25 });
        let mut threads = match &self.threads[..] {
            [] => vec![1, granted_threads()],
            threads => threads.to_vec(),
        };
        threads.sort_unstable();
        threads.dedup();
        let is_chosen = |level: &Level| self.level.is_empty() || self.level.contains(level);
        let levels = Level::available().into_iter().filter(is_chosen).collect();
        Settings { levels, threads, time: Duration::from_secs_f64(seconds), quick: self.quick }
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    Ok(net::file::write_atomically(path, bytes)?)
}
