//! The results as one page of HTML with its figures inside, which loads nothing.

use ::page::palette::hexadecimal;
use maud::{Markup, PreEscaped, html};

use super::bars::{Bar, Group, bars};
use super::levels;
use super::numbers::{memory, percent, rounded, scaled, times};
use super::roofline::roofline;
use super::tables::{Table, tables};
use crate::error::Error;
use crate::results::{Results, Throughput};

/// The page.
///
/// # Errors
/// If a figure cannot be drawn.
pub fn page(results: &Results) -> Result<String, Error> {
    let mut tables = tables(results);
    let summary = tables.pop();
    let body = html! {
        (heading(results))
        @if let Some(summary) = &summary {
            section { h2 { (summary.title) } (cells(summary)) }
        }
        (roofline_section(results)?)
        @for section in bar_sections(results)? { (section) }
        @for table in &tables {
            section {
                details {
                    summary { (table.title) }
                    p.faint { (table.note) }
                    (cells(table))
                }
            }
        }
    };
    Ok(::page::page(&format!("Backprop: {}", results.machine.processor), "", body))
}

fn heading(results: &Results) -> Markup {
    let machine = &results.machine;
    let fact = |value: String, what: String| html! { div { strong { (value) } span.faint { (what) } } };
    html! {
        h1 { "Backprop on " (machine.processor) }
        p.faint {
            "Version " (results.version) ", " (results.date) ", " (machine.platform) ". Every measurement takes turns with "
            "what limits it and with the other levels for " (rounded(results.seconds_per_measurement * 1e3)) " ms each; the "
            "fastest run counts."
            @if !results.release_build { strong { " This is a build for development: its figures say little." } }
        }
        div.facts {
            (fact(machine.threads_granted.to_string(), "threads granted".to_owned()))
            @for peak in &results.peaks {
                (fact(rounded(peak.gflop_per_second), format!("GFLOP/s, {} peak", peak.level)))
            }
            @for reading in results.reading.iter().filter(|reading| reading.threads == 1) {
                (fact(rounded(reading.gigabytes_per_second), format!("GB/s, {} ({})", reading.place, memory(reading.bytes_per_thread))))
            }
            @if let Some(trip) = results.round_trip {
                (fact(rounded(trip.median_nanoseconds), "ns, a cache line to another core and back".to_owned()))
            }
        }
    }
}

fn roofline_section(results: &Results) -> Result<Markup, Error> {
    let shape = |shape: Markup, name: &str| {
        html! {
            li { svg viewBox="0 0 14 14" fill="none" stroke="currentColor" stroke-width="1.6" { (shape) } (name) }
        }
    };
    Ok(html! {
        section {
            h2 { "Roofline of one core" }
            p.faint {
                "The roof: the rates of reading on the left, the multiply-add peaks of the levels on the right. A kernel has to "
                "move its arguments and its results once; a network its weights, once in each minibatch, and its features. "
                "The names at the bottom are those of the circles above them."
            }
            (levels(results))
            ul.legend {
                (shape(html! { circle cx="7" cy="7" r="2.5" fill="currentColor" {} }, "kernel"))
                (shape(html! { circle cx="7" cy="7" r="5" {} }, "training"))
                (shape(html! { path d="M7 2 L12.5 11.5 L1.5 11.5 Z" fill="currentColor" {} }, "predicting 1024 rows"))
            }
            (PreEscaped(roofline(results)?))
        }
    })
}

/// Which colour is which level.
fn levels(results: &Results) -> Markup {
    html! {
        ul.legend {
            @for peak in &results.peaks {
                li {
                    svg viewBox="0 0 14 14" {
                        rect width="14" height="14" rx="3" fill=(hexadecimal(levels::ink(&peak.level).light)) {}
                    }
                    (peak.level)
                }
            }
        }
    }
}

fn bar_sections(results: &Results) -> Result<Vec<Markup>, Error> {
    let mut sections = Vec::new();
    let mut add = |title: String, groups: Vec<Group>, ticks: &[(f64, String)]| -> Result<(), Error> {
        if !groups.is_empty() {
            let figure = bars(&groups, ticks)?;
            sections.push(html! { section { h2 { (title) } (levels(results)) (PreEscaped(figure)) } });
        }
        Ok(())
    };
    let mut threads: Vec<usize> = results.training.iter().map(|network| network.threads).collect();
    threads.sort_unstable();
    threads.dedup();
    let shares = [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| (share, percent(share)));
    let share = |network: &Throughput| {
        let label = format!("{}, {} samples/s", percent(network.share_of_peak), scaled(network.samples_per_second));
        (network.share_of_peak, label)
    };
    for &threads in &threads {
        let title = format!("Training: share of the multiply-add peak, threads {threads}");
        add(title, groups(&results.training, threads, share), &shares)?;
    }
    for &threads in &threads {
        let title = format!("Predicting 1024 rows: share of the multiply-add peak, threads {threads}");
        add(title, groups(&results.many_rows, threads, share), &shares)?;
    }
    let speedup = |network: &Throughput| {
        let speedup = network.speedup_over_scalar.unwrap_or_default();
        (speedup, times(speedup))
    };
    let highest = results.training.iter().filter_map(|network| network.speedup_over_scalar).fold(0.0, f64::max);
    if let (Some(&fewest), true) = (threads.first(), highest > 1.0) {
        let ticks: Vec<(f64, String)> = (0..=highest.ceil() as usize / 4 + 1)
            .map(|tick| 4.0 * tick as f64)
            .map(|tick| (tick, format!("{tick:.0}x")))
            .collect();
        let title = format!("Training: how many times the scalar level, threads {fewest}");
        add(title, groups(&results.training, fewest, speedup), &ticks)?;
    }
    Ok(sections)
}

/// A group of bars for each network, with as many threads.
fn groups(networks: &[Throughput], threads: usize, value: impl Fn(&Throughput) -> (f64, String)) -> Vec<Group> {
    let networks: Vec<&Throughput> = networks.iter().filter(|network| network.threads == threads).collect();
    let is_same = |one: &&Throughput, other: &&Throughput| (&one.network, one.batch) == (&other.network, other.batch);
    let group = |levels: &[&Throughput]| {
        let bars = levels.iter().map(|network| {
            let (value, label) = value(network);
            Bar { level: network.level.clone(), value, label }
        });
        Group { name: format!("{}, {}", levels[0].network, levels[0].batch), bars: bars.collect() }
    };
    networks.chunk_by(is_same).map(group).collect()
}

fn cells(table: &Table) -> Markup {
    let class = |column: usize| (column >= table.names).then_some("number");
    html! {
        table {
            thead { tr { @for (column, name) in table.header.iter().enumerate() { th class=[class(column)] { (name) } } } }
            tbody {
                @for row in &table.rows {
                    tr { @for (column, cell) in row.iter().enumerate() { td class=[class(column)] { (cell) } } }
                }
            }
        }
    }
}
