//! The results as tables, in Markdown on a terminal and in HTML on the page.

use std::fmt;

use comfy_table::{CellAlignment, presets};

use super::numbers::{memory, percent, rounded, scaled, times};
use crate::results::{Kernel, Kind, Results, RoundTrip, Throughput};

/// A table with a title. Displayed in Markdown.
pub struct Table {
    /// What it shows.
    pub title: String,
    /// What its columns mean.
    pub note: &'static str,
    /// The names of the columns.
    pub header: Vec<String>,
    /// So many columns from the left hold names, the others numbers.
    pub names: usize,
    /// A cell for each column.
    pub rows: Vec<Vec<String>>,
}

/// All tables of the results; the last one is a summary.
pub fn tables(results: &Results) -> Vec<Table> {
    let tables = [
        peaks(results),
        reading(results),
        round_trip(results),
        elementwise(results),
        streaming(results),
        products(results),
        one_row(results),
        throughput("Predicting 1024 rows in one call", &results.many_rows),
        throughput("Training", &results.training),
        summary(results),
    ];
    tables.into_iter().filter(|table| !table.rows.is_empty()).collect()
}

fn table(title: &str, note: &'static str, names: &[&str], numbers: &[&str], rows: Vec<Vec<String>>) -> Table {
    let header = names.iter().chain(numbers).map(ToString::to_string).collect();
    Table { title: title.to_owned(), note, header, names: names.len(), rows }
}

/// A ratio that exists only if what it is a ratio to was measured.
fn optional(ratio: Option<f64>, show: fn(f64) -> String) -> String {
    ratio.map(show).unwrap_or_default()
}

fn peaks(results: &Results) -> Table {
    let rows = results.peaks.iter().map(|peak| vec![peak.level.clone(), rounded(peak.gflop_per_second)]);
    let note = "Fused multiply-adds on registers: the most that one core computes.";
    table("Multiply-add peak of one core", note, &["level"], &["GFLOP/s"], rows.collect())
}

fn reading(results: &Results) -> Table {
    let rows = results.reading.iter().map(|reading| {
        let (threads, rate) = (reading.threads.to_string(), rounded(reading.gigabytes_per_second));
        vec![reading.place.clone(), memory(reading.bytes_per_thread), threads, rate]
    });
    let note = "A buffer of each thread, read again and again at the best level; all threads together.";
    table("Reading", note, &["from", "buffer"], &["threads", "GB/s"], rows.collect())
}

fn round_trip(results: &Results) -> Table {
    let rows = results.round_trip.map(|trip| {
        let RoundTrip { least_nanoseconds, median_nanoseconds, most_nanoseconds } = trip;
        [least_nanoseconds, median_nanoseconds, most_nanoseconds].map(rounded).to_vec()
    });
    let note = "Measured before each network on several threads, which gain less while their cores are far apart: virtual \
                machines move them.";
    let numbers = ["least, ns", "median, ns", "most, ns"];
    table("A cache line to another core and back", note, &[], &numbers, rows.into_iter().collect())
}

fn kernels(results: &Results, kind: Kind, numbers: impl Fn(&Kernel) -> Vec<String>) -> Vec<Vec<String>> {
    let kernels = results.kernels.iter().filter(|kernel| kernel.kind == kind);
    let row = |kernel: &Kernel| {
        let names = [&kernel.kernel, &kernel.size, &kernel.level].map(Clone::clone);
        let speedup = optional(kernel.speedup_over_scalar, times);
        names.into_iter().chain(numbers(kernel)).chain([speedup]).collect()
    };
    kernels.map(row).collect()
}

const KERNEL: [&str; 3] = ["kernel", "size", "level"];

fn elementwise(results: &Results) -> Table {
    let rows = kernels(results, Kind::Elementwise, |kernel| {
        let elements = optional(kernel.elements_per_second, |rate| rounded(rate / 1e9));
        vec![elements, rounded(kernel.gigabytes_per_second), optional(kernel.share_of_reading, percent)]
    });
    let note =
        "One thread. The rate counts what is read and written; the share is the time that reading alone would take.";
    let numbers = ["G numbers/s", "GB/s", "of reading", "over scalar"];
    table("Elementwise kernels", note, &KERNEL, &numbers, rows)
}

fn streaming(results: &Results) -> Table {
    let rows = kernels(results, Kind::Streaming, |kernel| {
        let flops = optional(kernel.gflop_per_second, rounded);
        vec![flops, rounded(kernel.gigabytes_per_second), optional(kernel.share_of_reading, percent)]
    });
    let note = "One thread; products of one sample, and the update of the weights. Rates and shares as above.";
    let numbers = ["GFLOP/s", "GB/s", "of reading", "over scalar"];
    table("Kernels that stream weights", note, &KERNEL, &numbers, rows)
}

fn products(results: &Results) -> Table {
    let rows = kernels(results, Kind::Product, |kernel| {
        vec![optional(kernel.gflop_per_second, rounded), optional(kernel.share_of_peak, percent)]
    });
    let note = "One thread; the share is that of the multiply-add peak at the same level. (The compiler makes vectors \
                of some scalar sums by itself.)";
    table("Matrix kernels of a minibatch", note, &KERNEL, &["GFLOP/s", "of peak", "over scalar"], rows)
}

fn one_row(results: &Results) -> Table {
    let rows = results.one_row.iter().map(|row| {
        let (time, share) = (rounded(row.microseconds), percent(row.share_of_reading));
        vec![row.network.clone(), row.level.clone(), time, share, optional(row.speedup_over_scalar, times)]
    });
    let note = "One thread; the share is the time to read as many bytes as the weights have.";
    let numbers = ["microseconds", "of reading", "over scalar"];
    table("Predicting one row", note, &["network", "level"], &numbers, rows.collect())
}

fn throughput(title: &str, networks: &[Throughput]) -> Table {
    let rows = networks.iter().map(|network| {
        vec![
            network.network.clone(),
            network.level.clone(),
            network.batch.to_string(),
            network.threads.to_string(),
            scaled(network.samples_per_second),
            rounded(network.gflop_per_second),
            percent(network.share_of_peak),
            optional(network.speedup_over_scalar, times),
            optional(network.speedup_over_one_thread.filter(|_| network.threads > 1), times),
        ]
    });
    let note = "The share is that of the peak of as many cores as there are threads; speed-ups are over the scalar \
                level with as many threads, and over one thread at the same level.";
    let numbers = ["batch", "threads", "samples/s", "GFLOP/s", "of peak", "over scalar", "over 1 thread"];
    table(title, note, &["network", "level"], &numbers, rows.collect())
}

/// Training on one thread, or on the fewest threads that were measured, with the levels beside each other.
fn summary(results: &Results) -> Table {
    let threads = results.training.iter().map(|network| network.threads).min().unwrap_or_default();
    let training: Vec<&Throughput> = results.training.iter().filter(|network| network.threads == threads).collect();
    let is_same = |one: &&Throughput, other: &&Throughput| (&one.network, one.batch) == (&other.network, other.batch);
    let rows = training.chunk_by(is_same).map(|levels| {
        let cells = levels.iter().map(|network| {
            let rate = scaled(network.samples_per_second);
            let speedup = network.speedup_over_scalar.filter(|speedup| *speedup != 1.0);
            rate + &optional(speedup, |speedup| format!(" ({})", times(speedup)))
        });
        let names = [levels[0].network.clone(), levels[0].batch.to_string()];
        names.into_iter().chain(cells).collect()
    });
    let levels: Vec<&str> = results.peaks.iter().map(|peak| peak.level.as_str()).collect();
    let numbers = [&["batch"], &levels[..]].concat();
    let title = format!("Training, threads {threads}, samples per second (and how many times the scalar level)");
    table(&title, "", &["network"], &numbers, rows.collect())
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::ASCII_MARKDOWN).set_header(&self.header).add_rows(&self.rows);
        for column in table.column_iter_mut().skip(self.names) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        writeln!(formatter, "{}:\n\n{table}", self.title)
    }
}
