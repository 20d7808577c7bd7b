//! Model files and checkpoints in which something was changed, by accident or by somebody who puts the digest right
//! afterwards. They are refused; none makes the program panic or take memory that the file does not account for; and what
//! is accepted nevertheless, with a right digest, is a file that serves.

use std::cell::Cell;
use std::fmt::Write;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;

use data::{Column, PieceCount, ReadOptions, Source, Table, TableReader};
use model::{Columns, Compute, Model, Recipe, cross_validation, fit};
use net::checkpoint::Checkpoint;
use net::digest::Digest;
use net::random::Random;
use net::{Dataset, EarlyStopping, Network, Optimizer, Run, Threads, Trainer, TrainingOptions, format};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

#[test]
fn thousands_of_changed_files_are_refused_or_serve() {
    // One test, since the allocations of all threads are counted.
    mutate(&models(), 16_000).assert();
    mutate(&[checkpoint()], 4_000).assert();
}

#[test]
#[ignore = "a minute"]
fn ten_million_changed_files_are_refused_or_serve() {
    for (what, seeds, count) in [("model files", models(), 10_000_000), ("checkpoints", vec![checkpoint()], 1_000_000)]
    {
        let tally = mutate(&seeds, count);
        println!("{count} changed {what}\n{tally}");
        tally.assert();
    }
}

/// Reads a file, says what that took, and uses what was read.
type Read = Box<dyn Fn(&[u8], &Cell<Memory>) -> Result<(), String>>;

/// A file to be changed, and how to read it.
struct Seed {
    bytes: Vec<u8>,
    read: Read,
    /// What the unchanged file comes to in memory.
    kept: usize,
}

/// What reading took.
#[derive(Clone, Copy, Default)]
struct Memory {
    most: usize,
    kept: usize,
}

impl Seed {
    /// A file that `load` reads, and for which `serve` makes sure that what was read can be used.
    fn new<T>(
        bytes: Vec<u8>,
        load: impl Fn(&[u8]) -> Result<T, String> + 'static,
        serve: impl Fn(T, &[u8]) + 'static,
    ) -> Self {
        let read = move |bytes: &[u8], memory: &Cell<Memory>| {
            ALLOCATOR.reset_peak_usage();
            let before = ALLOCATOR.current_usage();
            let loaded = load(bytes);
            let [most, kept] =
                [ALLOCATOR.peak_usage(), ALLOCATOR.current_usage()].map(|now| now.saturating_sub(before));
            memory.set(Memory { most, kept });
            serve(loaded?, bytes);
            Ok(())
        };
        let memory = Cell::default();
        read(&bytes, &memory).expect("the unchanged file serves");
        Seed { bytes, read: Box::new(read), kept: memory.get().kept }
    }
}

/// One network, an ensemble, and the command's models of each kind of target.
fn models() -> Vec<Seed> {
    let network = |seed| Network::builder(3).hidden(&[2]).seed(seed).build().unwrap();
    let mut seeds: Vec<Seed> = [vec![network(1)], vec![network(1), network(2)]]
        .into_iter()
        .map(|networks| {
            let load =
                |bytes: &[u8]| format::ensemble_from_bytes::<Vec<String>>(bytes).map_err(|reason| reason.to_string());
            // Only what the library writes is read; its metadata are the caller's.
            let serve = |(networks, metadata): (Vec<Network>, Vec<String>), bytes: &[u8]| {
                let again = format::ensemble_to_bytes(&networks, &metadata);
                let (same, _) = format::ensemble_from_bytes::<Vec<String>>(&again).unwrap();
                let prints = |networks: &[Network]| networks.iter().map(Network::fingerprint).collect::<Vec<_>>();
                assert_eq!(prints(&networks), prints(&same));
                assert!(again.len() <= bytes.len() && networks[0].prob_t1(&[0.5, 1.0, -1.0]).unwrap().is_finite());
            };
            Seed::new(format::ensemble_to_bytes(&networks, &["a \"note\"", "\\"]), load, serve)
        })
        .collect();
    for (target, members) in [("two", 1), ("three", 1), ("number", 2)] {
        let load = |bytes: &[u8]| Model::from_bytes(bytes, Path::new("m")).map_err(|error| error.to_string());
        let table = table();
        let serve = move |model: Model, _: &[u8]| {
            let rows: Vec<usize> = (0..table.rows()).collect();
            // The names of its columns may be other ones.
            let columns = model.pipeline.apply(&table, &rows);
            let inputs = columns.unwrap_or_else(|_| vec![0.5; 4 * model.pipeline.inputs()]);
            if let Ok(predictions) =
                model.predictor(Compute { threads: 1, ..Compute::default() }).unwrap().predict(&inputs)
            {
                assert!(predictions.iter().all(|prediction| prediction.is_finite()));
            }
            let again = model.to_bytes();
            assert!(Model::from_bytes(&again, Path::new("m")).unwrap().to_bytes() == again);
        };
        seeds.push(Seed::new(fitted(target, members).to_bytes(), load, serve));
    }
    seeds
}

fn table() -> Table {
    let mut text = "size,when,colour,two,three,number\n".to_owned();
    for row in 0..60 {
        let (size, red) = (row * 7 % 24, row % 3 == 0);
        let (two, three) = (["low", "high"][size / 12], ["a", "b", "c"][size / 8]);
        let (colour, day) = (if red { "red" } else { "blue" }, 1 + row * 5 % 28);
        let number = if row % 10 == 0 { String::new() } else { size.to_string() };
        writeln!(text, "{number},2024-02-{day:02},{colour},{two},{three},{}.5", 3 * size).unwrap();
    }
    let reader = TableReader::open(Source::memory("t.csv", text.as_bytes()), &ReadOptions::default()).unwrap();
    let inferred = reader.infer(reader.header().columns()).unwrap();
    reader.read(inferred.iter().map(|column| Column::new(&column.name, column.kind)).collect()).unwrap()
}

fn fitted(target: &str, members: usize) -> Model {
    let table = table();
    let columns = |target: &str| Columns::new(["size", "when", "colour"].map(str::to_owned).to_vec(), target);
    let recipe = Recipe {
        hidden: Some(vec![2]),
        epochs: Some(1),
        ensemble: Some(members),
        pieces: Some(PieceCount::UpTo(3)),
        validation_fraction: Some(0.0),
        ..Recipe::default()
    };
    let split = cross_validation::stratified(&table, &columns("two"), 4, 1, 5).unwrap().swap_remove(0);
    let prepared = columns(target).prepare_from(&table, &split, &recipe).unwrap();
    let compute = Compute { threads: 1, ..Compute::default() };
    fit(prepared.pipeline, prepared.training, None, &prepared.settings, compute, &|_| true).unwrap()
}

/// A checkpoint amid an epoch, with all that one can have.
fn checkpoint() -> Seed {
    let features = (0..60).map(|at| (at * 7 % 11) as f32 / 11.0).collect();
    let data = Dataset::new(3, features, (0..20).map(|row| (row % 2) as f32).collect()).unwrap();
    let options = TrainingOptions {
        epochs: 3,
        batch_size: 6,
        optimizer: Optimizer::adam(0.01),
        early_stopping: Some(EarlyStopping::default()),
        threads: Threads::Own(1),
        ..Default::default()
    };
    let network = Network::builder(3).hidden(&[2]).build().unwrap();
    let mut trainer = Trainer::new(network, options.clone()).unwrap();
    let mut batches = 0;
    let mut run = Run::new(&data).validation(&data).metadata("mine").on_batch(|_| {
        batches += 1;
        if batches == 6 { std::ops::ControlFlow::Break(()) } else { std::ops::ControlFlow::Continue(()) }
    });
    trainer.run(&mut run).unwrap();
    let bytes = trainer.checkpoint(&run).unwrap().to_bytes();
    drop(run);

    let load = |bytes: &[u8]| Checkpoint::from_bytes(bytes).map_err(|reason| reason.to_string());
    let serve = move |checkpoint: Checkpoint, _: &[u8]| {
        let again = checkpoint.to_bytes();
        assert!(Checkpoint::from_bytes(&again).unwrap().to_bytes() == again);
        let mut run = Run::new(&data).validation(&data).on_batch(|_| std::ops::ControlFlow::Break(()));
        if let Ok(mut trainer) = Trainer::resume(checkpoint, options.clone(), &run) {
            // It goes on, or diverges.
            let _ = trainer.run(&mut run);
        }
    };
    Seed::new(bytes, load, serve)
}

/// The kinds of changes.
const CHANGES: [&str; 8] =
    ["flipped bits", "other bytes", "cut off", "cut out", "spliced in", "other length", "edited JSON", "other weights"];

/// What came of changed files: for each kind of change, without and with a right digest.
#[derive(Default)]
struct Tally {
    of_change: [[Outcomes; 2]; CHANGES.len()],
    panics: Vec<String>,
    /// The most memory that was taken besides twice the file and what the unchanged one comes to, in bytes.
    most_besides: isize,
}

#[derive(Default, Clone, Copy)]
struct Outcomes {
    refused: usize,
    /// The change changed nothing.
    unchanged: usize,
    accepted: usize,
}

impl Tally {
    fn assert(&self) {
        assert!(self.panics.is_empty(), "{:#?}", self.panics);
        let accepted: usize = self.of_change.iter().map(|[unsigned, _]| unsigned.accepted).sum();
        assert_eq!(accepted, 0, "files with a wrong digest that were accepted");
        assert!(self.most_besides <= 0, "{} bytes too many", self.most_besides);
        // Some changes go deep enough to be accepted.
        assert!(self.of_change.iter().any(|[_, signed]| signed.accepted > 0));
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (change, [unsigned, signed]) in CHANGES.iter().zip(&self.of_change) {
            let text = |Outcomes { refused, unchanged, accepted }: &Outcomes| {
                format!("{refused} refused, {accepted} accepted, {unchanged} as before")
            };
            writeln!(formatter, "{change}: {}; with a right digest: {}", text(unsigned), text(signed))?;
        }
        writeln!(formatter, "panics: {}", self.panics.len())?;
        write!(formatter, "memory besides twice the file and what it comes to: at most {} bytes", self.most_besides)
    }
}

/// Changes files `count` times, at random but the same each time.
fn mutate(seeds: &[Seed], count: usize) -> Tally {
    let mut random = Random::new(11, 0);
    let mut tally = Tally { most_besides: isize::MIN, ..Tally::default() };
    let message = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let hook = panic::take_hook();
    let kept = message.clone();
    panic::set_hook(Box::new(move |info| *kept.lock().unwrap() = info.to_string()));
    for number in 0..count {
        let seed = &seeds[number % seeds.len()];
        let change = below(&mut random, CHANGES.len());
        let mut bytes = changed(&mut random, seeds, &seed.bytes, change);
        let is_signed = below(&mut random, 2) == 1 && sign(&mut bytes);
        let memory = Cell::default();
        let result = panic::catch_unwind(AssertUnwindSafe(|| (seed.read)(&bytes, &memory)));
        let outcomes = &mut tally.of_change[change][usize::from(is_signed)];
        match result {
            Err(_) => tally.panics.push(format!("{number}, {}: {}", CHANGES[change], message.lock().unwrap())),
            Ok(Err(reason)) if reason.contains('\n') => tally.panics.push(format!("{number}: not one line: {reason}")),
            Ok(Err(_)) => outcomes.refused += 1,
            Ok(Ok(())) if bytes == seed.bytes => outcomes.unchanged += 1,
            Ok(Ok(())) => outcomes.accepted += 1,
        }
        let allowed = 2 * bytes.len() + seed.kept;
        tally.most_besides = tally.most_besides.max(memory.get().most as isize - allowed as isize);
        if tally.panics.len() >= 20 {
            break;
        }
    }
    panic::set_hook(hook);
    tally
}

fn below(random: &mut Random, bound: usize) -> usize {
    random.below(bound.max(1) as u32) as usize
}

/// The length of the header, as the first bytes say.
fn header_length(bytes: &[u8]) -> usize {
    usize::try_from(u64::from_le_bytes(*bytes.first_chunk().unwrap())).unwrap()
}

/// A place in the file, more often in its header than not.
fn place(random: &mut Random, bytes: &[u8]) -> usize {
    let end = if below(random, 4) > 0 { 8 + header_length(bytes) } else { bytes.len() };
    below(random, end.min(bytes.len()))
}

/// The file with some of its bytes replaced and, if it shall seem right and they are in the header, the header's length.
fn replaced(bytes: &[u8], from: usize, to: usize, with: &[u8], seems_right: bool) -> Vec<u8> {
    let mut result = [&bytes[..from], with, &bytes[to..]].concat();
    let length = header_length(bytes);
    if seems_right && from >= 8 && to <= 8 + length {
        result[..8].copy_from_slice(&((length + with.len() - (to - from)) as u64).to_le_bytes());
    }
    result
}

fn changed(random: &mut Random, seeds: &[Seed], bytes: &[u8], change: usize) -> Vec<u8> {
    let mut result = bytes.to_vec();
    let at = place(random, bytes);
    let seems_right = below(random, 2) == 1;
    match CHANGES[change] {
        "flipped bits" => {
            for _ in 0..=below(random, 4) {
                result[place(random, bytes)] ^= 1 << below(random, 8);
            }
        }
        "other bytes" => {
            const TELLING: &[u8] = b"\0\"\\{}[],:019-+.eE ntf/\x7f\x80\xff";
            for _ in 0..=below(random, 4) {
                result[place(random, bytes)] = TELLING[below(random, TELLING.len())];
            }
        }
        "cut off" => result.truncate(below(random, bytes.len())),
        "cut out" => {
            let to = (at + 1 + below(random, 40)).min(bytes.len());
            result = replaced(bytes, at, to, &[], seems_right);
        }
        "spliced in" => {
            let from = &seeds[below(random, seeds.len())].bytes;
            let start = place(random, from);
            let piece = &from[start..(start + 1 + below(random, 80)).min(from.len())];
            result = replaced(bytes, at, at, &piece.repeat(1 + below(random, 3)), seems_right);
        }
        "other length" => {
            let length = header_length(bytes) as u64;
            let near = (length + u64::from(random.below(17))).saturating_sub(8);
            let any = u64::from(random.below(u32::MAX)) << below(random, 33);
            let lengths = [near, near, any, 0, 1, bytes.len() as u64, u64::MAX, u64::MAX - 7, 1 << 63];
            result[..8].copy_from_slice(&lengths[below(random, lengths.len())].to_le_bytes());
        }
        "edited JSON" => {
            const VALUES: [&str; 26] = [
                "0",
                "1",
                "2",
                "-1",
                "3",
                "7",
                "0.5",
                "1e-300",
                "1e38",
                "3.5e38",
                "1e308",
                "1e400",
                "NaN",
                "4294967295",
                "4294967296",
                "9007199254740993",
                "18446744073709551615",
                "18446744073709551616",
                "null",
                "true",
                "[]",
                "{}",
                "[[[[[[[[",
                "\\\"\\\"",
                "\\\"x\\\"",
                "",
            ];
            let header = &bytes[8..8 + header_length(bytes)];
            let (from, to) = value(header, at.clamp(8, 7 + header.len()) - 8);
            let with = VALUES[below(random, VALUES.len())];
            result = replaced(bytes, 8 + from, 8 + to, with.as_bytes(), true);
        }
        "other weights" => {
            const WEIGHTS: [f32; 9] =
                [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, -0.0, 1e-45, 1e30, 0.5];
            let numbers = &mut result[8 + header_length(bytes)..];
            for _ in 0..=below(random, 3) {
                let at = 4 * below(random, numbers.len() / 4);
                numbers[at..at + 4].copy_from_slice(&WEIGHTS[below(random, WEIGHTS.len())].to_le_bytes());
            }
        }
        other => unreachable!("{other}"),
    }
    result
}

/// The number, word or literal of the header at a place in it or behind that: from where to where.
fn value(header: &[u8], at: usize) -> (usize, usize) {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"-+._".contains(byte);
    let from = at + header[at..].iter().position(is_part).unwrap_or(0);
    let from = from - header[..from].iter().rev().position(|byte| !is_part(byte)).unwrap_or(from);
    let to = from + header[from..].iter().position(|byte| !is_part(byte)).unwrap_or(header.len() - from);
    (from, to)
}

/// Puts the digest right, if there is a place for one.
fn sign(bytes: &mut [u8]) -> bool {
    const BEFORE: &[u8] = br#"\"digest\":\""#;
    let near = &bytes[..bytes.len().min(200)];
    let Some(at) = near.windows(BEFORE.len()).position(|window| window == BEFORE) else { return false };
    let digits = at + BEFORE.len()..at + BEFORE.len() + Digest::DIGITS;
    if digits.end > bytes.len() {
        return false;
    }
    bytes[digits.clone()].fill(b'0');
    let digest = Digest::of([&*bytes]).to_string();
    bytes[digits].copy_from_slice(digest.as_bytes());
    true
}
