//! The experiment behind docs/accuracy.md: cross-validates the default recipe for two classes, or one that differs from it, on
//! tables that `folds.py` wrote.
//!
//! ```text
//! cargo run --release -p data --example accuracy -- FOLDER SET,SET,... [FOLD,FOLD,... [NAME=VALUE ...]]
//! ```
//!
//! NAME is one of the recipe's numbers, as in `learning_rate=0.001`; `hidden=64-32` are widths and `pieces=0` are none.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use data::{
    Column, Kind, NumberEncoding, PieceCount, Pipeline, ReadOptions, Scaling, Source, Split, Table, TableReader, Target,
};
use net::{Activation, Dataset, Network, Optimizer, Predictor, Schedule, Trainer, TrainingOptions, metrics};

/// What can be varied.
struct Recipe {
    hidden: Vec<usize>,
    pieces: PieceCount,
    learning_rate: f32,
    weight_decay: f32,
    /// Networks; each is judged by an eighth of the rows, which is its own.
    ensemble: usize,
    /// In units of the square root of a network's rows.
    batch_size: f64,
    /// In units of 2000 epochs over the square root of a network's rows.
    epochs: f64,
    /// The share of the epochs that may pass without a lower loss.
    patience: f64,
    seed: u64,
}

impl Default for Recipe {
    fn default() -> Self {
        Recipe {
            hidden: vec![128, 64],
            pieces: PieceCount::ByRows,
            learning_rate: 0.003,
            weight_decay: 0.3,
            ensemble: 6,
            batch_size: 1.5,
            epochs: 1.0,
            patience: 0.25,
            seed: 0,
        }
    }
}

impl Recipe {
    fn set(&mut self, name: &str, value: &str) -> Result<()> {
        match name {
            "hidden" => self.hidden = value.split('-').map(str::parse).collect::<Result<_, _>>()?,
            "pieces" => self.pieces = PieceCount::UpTo(value.parse()?),
            "learning_rate" => self.learning_rate = value.parse()?,
            "weight_decay" => self.weight_decay = value.parse()?,
            "ensemble" => self.ensemble = value.parse()?,
            "batch_size" => self.batch_size = value.parse()?,
            "epochs" => self.epochs = value.parse()?,
            "patience" => self.patience = value.parse()?,
            "seed" => self.seed = value.parse()?,
            _ => bail!("the recipe has no {name:?}"),
        }
        Ok(())
    }

    /// p(t = 1) of the rows to judge by: the mean over networks, each of which was trained without a part of the rows, and
    /// keeps the weights with which it predicted that part best.
    fn predict(&self, inputs: usize, features: &[f32], t: &[f32], judged: &[f32]) -> Result<Vec<f32>> {
        let classes: Vec<u32> = t.iter().map(|t| *t as u32).collect();
        let mut sum = vec![0.0; judged.len() / inputs];
        let mut p = vec![0.0; sum.len()];
        let parts = Split::stratified_folds(&classes, 8, self.ensemble.div_ceil(8), self.seed)?;
        for (member, part) in parts.iter().take(self.ensemble).enumerate() {
            let rows = |rows: &[usize]| -> Result<Dataset> {
                let features = rows.iter().flat_map(|row| &features[row * inputs..][..inputs]).copied().collect();
                Ok(Dataset::new(inputs, features, rows.iter().map(|row| t[*row]).collect())?)
            };
            let seed = self.seed * 1000 + member as u64;
            let network = self.train(&rows(&part.training)?, &rows(&part.held_out)?, seed)?;
            Predictor::new(&network).prob_t1(judged, &mut p)?;
            sum.iter_mut().zip(&p).for_each(|(sum, p)| *sum += f64::from(*p));
        }
        Ok(sum.into_iter().map(|sum| (sum / self.ensemble as f64) as f32).collect())
    }

    fn train(&self, data: &Dataset, validation: &Dataset, seed: u64) -> Result<Network> {
        /// A loss that is lower by less is no progress.
        const TOLERANCE: f64 = 1e-4;
        let root = (data.rows() as f64).sqrt();
        let batch_size = (self.batch_size * root).clamp(16.0, 256.0) as usize / 8 * 8;
        let epochs = (self.epochs * 2000.0 / root).clamp(24.0, 100.0) as usize;
        let steps = (epochs * data.rows().div_ceil(batch_size)) as u64;
        let builder = Network::builder(data.inputs()).hidden(&self.hidden).activation(Activation::Relu);
        let options = TrainingOptions {
            epochs,
            batch_size,
            optimizer: Optimizer::adam(self.learning_rate),
            schedule: Schedule::Cosine { warm_up: steps / 10, steps: steps + 1 },
            weight_decay: self.weight_decay,
            seed,
            ..Default::default()
        };
        let mut trainer = Trainer::new(builder.seed(seed).build()?, options)?;
        let mut p = vec![0.0; validation.rows()];
        let (mut best, mut kept) = (f64::INFINITY, trainer.network().clone());
        let (mut progress, mut at) = (f64::INFINITY, 0);
        for epoch in 0..epochs {
            trainer.epoch(data)?;
            Predictor::new(trainer.network()).prob_t1(validation.features(), &mut p)?;
            let loss = metrics::log_loss(validation.targets(), &p)?;
            if loss < best {
                (best, kept) = (loss, trainer.network().clone());
            }
            if loss < progress - TOLERANCE {
                (progress, at) = (loss, epoch);
            }
            if (epoch - at) as f64 >= self.patience * epochs as f64 {
                break;
            }
        }
        Ok(kept)
    }
}

/// Reads a table with a class in `target` and a part in `fold`.
fn read(path: &Path) -> Result<(Table, Vec<String>)> {
    let reader = TableReader::open(Source::path(path), &ReadOptions::default())?;
    let features = reader.header().features(&["target".to_owned(), "fold".to_owned()])?;
    let inferred = reader.infer(&features)?;
    let mut columns: Vec<Column> = inferred.iter().map(|column| Column::new(&column.name, column.kind)).collect();
    columns.push(Column::target("target", Kind::Category));
    columns.push(Column::new("fold", Kind::Number));
    Ok((reader.read(columns)?, features))
}

/// The CPU seconds of this thread so far.
fn cpu_seconds() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").context("CPU time is read from Linux")?;
    let nanoseconds: f64 = text.split(' ').next().unwrap_or_default().parse()?;
    Ok(nanoseconds / 1e9)
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    ensure!(arguments.len() >= 2, "give a folder, sets, and perhaps folds and values");
    let wanted: Vec<u32> = match arguments.get(2) {
        Some(folds) => folds.split(',').map(str::parse).collect::<Result<_, _>>()?,
        None => (0..5).collect(),
    };
    let mut recipe = Recipe::default();
    for argument in arguments.iter().skip(3) {
        let (name, value) = argument.split_once('=').context("give NAME=VALUE")?;
        recipe.set(name, value)?;
    }
    println!("| set | inputs | ROC AUC | log loss | accuracy | fit CPU s |\n|---|---|---|---|---|---|");
    let mut totals = [0.0; 3];
    let sets: Vec<&str> = arguments[1].split(',').collect();
    for set in &sets {
        let (table, features) = read(&Path::new(&arguments[0]).join(format!("{set}.csv")))?;
        let all: Vec<usize> = (0..table.rows()).collect();
        let target = Target::fit(&table, "target", Some("1"), &all)?;
        let t = target.values(&table)?;
        let fold_of = table.gather(table.position("fold")?, &all);
        let (mut scores, mut inputs) = ([0.0; 4], 0);
        for fold in &wanted {
            let (held_out, training): (Vec<_>, Vec<_>) = all.iter().partition(|row| fold_of[**row] as u32 == *fold);
            let numbers = NumberEncoding { scaling: Scaling::Standard, pieces: recipe.pieces };
            let (pipeline, _) = Pipeline::fit(&table, &features, &training, target.clone(), numbers)?;
            let class = |rows: &[usize]| -> Vec<f32> { rows.iter().map(|row| t[*row]).collect() };
            inputs = pipeline.inputs();
            let (known, judged) = (pipeline.apply(&table, &training)?, pipeline.apply(&table, &held_out)?);
            let start = cpu_seconds()?;
            let p = recipe.predict(inputs, &known, &class(&training), &judged)?;
            let seconds = cpu_seconds()? - start;
            let t = class(&held_out);
            let found = [metrics::roc_auc(&t, &p)?, metrics::log_loss(&t, &p)?, metrics::accuracy(&t, &p)?, seconds];
            scores.iter_mut().zip(found).for_each(|(score, found)| *score += found / wanted.len() as f64);
        }
        let [auc, loss, accuracy, seconds] = scores;
        println!("| {set} | {inputs} | {auc:.4} | {loss:.4} | {accuracy:.4} | {seconds:.2} |");
        totals.iter_mut().zip(scores).for_each(|(total, score)| *total += score / sets.len() as f64);
    }
    let [auc, loss, accuracy] = totals;
    println!("| mean | | {auc:.4} | {loss:.4} | {accuracy:.4} | |");
    Ok(())
}
