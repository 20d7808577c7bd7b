//! From a table to the numbers that a fit sees.

use data::{Dropped, Pipeline, Split, Table, Target, strata};
use net::Dataset;
use net::digest::{Digest, Digester};

use crate::recipe::ClassWeighting;
use crate::{Error, Recipe, Result, Settings};

/// Which columns of a table are learnt from, and what for.
#[derive(Debug, Clone, PartialEq)]
pub struct Columns {
    /// The names of the columns to learn from.
    pub features: Vec<String>,
    /// The name of the column to be predicted. Labels are classes; numbers are numbers.
    pub target: String,
    /// The label of t = 1, of two classes.
    pub positive: Option<String>,
    /// The name of a column that says how much each row counts, in training and in the scores.
    pub weights: Option<String>,
}

/// Rows to be judged by.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Examples {
    /// The inputs of the network: (rows, inputs), row-major.
    pub inputs: Vec<f32>,
    /// The target of each row: t, which is 0 or 1; the number of the class, from 0; or the number, in its own unit.
    pub targets: Vec<f32>,
    /// How much each row counts, if that is not the same.
    pub weights: Option<Vec<f32>>,
}

impl Examples {
    /// A digest of all of it.
    pub(crate) fn fingerprint(&self) -> Digest {
        let mut digester = Digester::default();
        let weights = self.weights.as_deref().unwrap_or_default();
        digester.bytes(format!("{} rows, {} weights\n", self.targets.len(), weights.len()).as_bytes());
        [&self.inputs[..], &self.targets, weights].into_iter().for_each(|numbers| digester.numbers(numbers));
        digester.digest()
    }
}

/// What a fit needs, and the rows to judge it by.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// What becomes of the columns, learnt from the rows to train on.
    pub pipeline: Pipeline,
    /// Columns without information.
    pub dropped: Vec<Dropped>,
    /// The hyperparameters for these rows and inputs.
    pub settings: Settings,
    /// The rows to train on. Real targets are standardised; classes are weighted.
    pub training: Dataset,
    /// The rows to stop early by, if there are any; as the rows to train on.
    pub validation: Option<Dataset>,
    /// The rows to judge by, if there are any.
    pub held_out: Option<Examples>,
    /// The weight of each class, by its target, if they have some.
    class_weights: Option<Vec<f64>>,
}

impl Columns {
    /// Predicting `target` from `features`.
    pub fn new(features: Vec<String>, target: &str) -> Self {
        Self { features, target: target.to_owned(), positive: None, weights: None }
    }

    /// Makes inputs and targets of the rows of a split. The table's memory is given back on the way.
    ///
    /// # Errors
    /// If a column is missing or does not hold what it should, there is nothing to learn from or to be predicted, or the
    /// recipe is impossible.
    pub fn prepare(&self, table: Table, split: &Split, recipe: &Recipe) -> Result<Prepared> {
        let plan = self.plan(&table, split, recipe)?;
        let inputs = plan.pipeline.consume(table, [&split.training, &split.validation, &split.held_out])?;
        plan.finish(split, inputs)
    }

    /// As [`Columns::prepare`], for a table that is needed again.
    ///
    /// # Errors
    /// As [`Columns::prepare`].
    pub fn prepare_from(&self, table: &Table, split: &Split, recipe: &Recipe) -> Result<Prepared> {
        let plan = self.plan(table, split, recipe)?;
        let mut inputs = [const { Vec::new() }; 3];
        for (inputs, rows) in inputs.iter_mut().zip([&split.training, &split.validation, &split.held_out]) {
            *inputs = plan.pipeline.apply(table, rows)?;
        }
        plan.finish(split, inputs)
    }

    /// All that has to be known of the table before its cells are given back.
    fn plan(&self, table: &Table, split: &Split, recipe: &Recipe) -> Result<Plan> {
        let target = Target::fit(table, &self.target, self.positive.as_deref(), &split.training)?;
        let targets = target.values(table)?;
        let numbers = numbers(table, &target)?;
        let first = split.training.first().map(|row| targets[*row]);
        let is_constant = split.training.iter().all(|row| Some(targets[*row]) == first);
        if let (true, Some(first)) = (is_constant, first) {
            let label = label(&target, first);
            return Err(Error::OneClass { label, column: self.target.clone() });
        }
        let weights = self.weights(table, split)?;
        let settings = recipe.resolve(split.training.len())?;
        let numbers_as = settings.number_encoding();
        let (pipeline, dropped) = Pipeline::fit(table, &self.features, &split.training, target, numbers_as)?;
        let (class_weights, training_weights) = match (&settings.class_weights, pipeline.target()) {
            (ClassWeighting(None), _) => (None, weights.clone()),
            (ClassWeighting(Some(_)), Target::Number { column, .. }) => {
                return Err(Error::NoClasses { column: column.clone() });
            }
            (ClassWeighting(Some(classes)), _) => {
                let labels = table.labels(&self.target)?;
                let of_rows = weights.clone().unwrap_or_else(|| vec![1.0; table.rows()]);
                let factors = classes.factors(&labels, &split.training, &of_rows)?;
                let mut of_class = vec![1.0; labels.names().len()];
                targets
                    .iter()
                    .zip(labels.codes())
                    .for_each(|(t, code)| of_class[*t as usize] = factors[*code as usize]);
                let weights = weighted(of_rows, &targets, &of_class, &self.target)?;
                (Some(of_class), Some(weights))
            }
        };
        Ok(Plan { pipeline, dropped, settings, targets, numbers, weights, class_weights, training_weights })
    }

    /// The weights of all rows, some of which must count in each part of the split.
    fn weights(&self, table: &Table, split: &Split) -> Result<Option<Vec<f32>>> {
        let Some(column) = &self.weights else { return Ok(None) };
        let weights = data::weights(table, column)?;
        let parts =
            [("to train on", &split.training), ("for validation", &split.validation), ("held out", &split.held_out)];
        let counts = |row: &usize| weights[*row] > 0.0;
        match parts.into_iter().find(|(_, rows)| !rows.is_empty() && !rows.iter().any(counts)) {
            Some((part, _)) => Err(Error::NoWeight { file: table.file().to_owned(), column: column.clone(), part }),
            None => Ok(Some(weights)),
        }
    }
}

/// What is known of a table when its cells have become inputs.
struct Plan {
    pipeline: Pipeline,
    dropped: Vec<Dropped>,
    settings: Settings,
    /// Of all rows, as the network is told them, and in their own unit.
    targets: Vec<f32>,
    numbers: Option<Vec<f32>>,
    /// Of all rows, without and with those of the classes.
    weights: Option<Vec<f32>>,
    class_weights: Option<Vec<f64>>,
    training_weights: Option<Vec<f32>>,
}

impl Plan {
    fn finish(self, split: &Split, [training, validation, held_out]: [Vec<f32>; 3]) -> Result<Prepared> {
        let dataset = |inputs: Vec<f32>, rows: &[usize]| -> Result<Dataset> {
            let data = dataset(self.pipeline.target(), self.pipeline.inputs(), inputs, pick(&self.targets, rows))?;
            match &self.training_weights {
                Some(weights) => Ok(data.with_weights(pick(weights, rows))?),
                None => Ok(data),
            }
        };
        let training = dataset(training, &split.training)?;
        let validation = match split.validation.is_empty() {
            true => None,
            false => Some(dataset(validation, &split.validation)?),
        };
        let held_out = (!split.held_out.is_empty()).then(|| Examples {
            inputs: held_out,
            targets: pick(self.numbers.as_ref().unwrap_or(&self.targets), &split.held_out),
            weights: self.weights.as_ref().map(|weights| pick(weights, &split.held_out)),
        });
        let Plan { pipeline, dropped, settings, class_weights, .. } = self;
        Ok(Prepared { pipeline, dropped, settings, training, validation, held_out, class_weights })
    }
}

impl Prepared {
    /// Takes the rows of another table to stop early by. It has the columns of the pipeline, the target, and the column of
    /// weights if there is one.
    ///
    /// # Errors
    /// If the table lacks a column, one does not hold what it should, or a row has a label that no row to train on has.
    pub fn stop_by(&mut self, table: Table, weights: Option<&str>) -> Result<()> {
        let target = self.pipeline.target();
        let targets = target.values(&table)?;
        let mut weights = weights.map(|column| data::weights(&table, column)).transpose()?;
        if let Some(of_class) = &self.class_weights {
            let of_rows = weights.unwrap_or_else(|| vec![1.0; table.rows()]);
            weights = Some(weighted(of_rows, &targets, of_class, target.column())?);
        }
        let rows: Vec<usize> = (0..table.rows()).collect();
        let [inputs] = self.pipeline.consume(table, [&rows])?;
        let validation = dataset(self.pipeline.target(), self.pipeline.inputs(), inputs, targets)?;
        self.validation = Some(match weights {
            Some(weights) => validation.with_weights(weights)?,
            None => validation,
        });
        Ok(())
    }
}

/// The weights of rows times those of their classes in the target column `column`, which their targets name.
fn weighted(weights: Vec<f32>, targets: &[f32], of_class: &[f64], column: &str) -> Result<Vec<f32>> {
    let product = |(weight, t): (&f32, &f32)| f64::from(*weight) * of_class[*t as usize];
    let products = || weights.iter().zip(targets).map(product);
    let is_too_small = |product: f64| product > 0.0 && product < f64::from(f32::MIN_POSITIVE);
    if products().any(is_too_small) || products().sum::<f64>() > f64::from(f32::MAX) {
        return Err(Error::ClassWeights { column: column.to_owned() });
    }
    Ok(products().map(|product| product as f32).collect())
}

impl Examples {
    /// All rows of a table, to judge a model by that was fitted to another one. The column `weights` says how much each
    /// counts.
    ///
    /// # Errors
    /// If the table lacks a column, one does not hold what it should, or a row has a label that the model does not know.
    pub fn of_table(pipeline: &Pipeline, table: Table, weights: Option<&str>) -> Result<Self> {
        let target = pipeline.target();
        let targets = match numbers(&table, target)? {
            Some(numbers) => numbers,
            None => target.values(&table)?,
        };
        let weights = weights.map(|column| data::weights(&table, column)).transpose()?;
        let rows: Vec<usize> = (0..table.rows()).collect();
        let [inputs] = pipeline.consume(table, [&rows])?;
        Ok(Self { inputs, targets, weights })
    }
}

/// The numbers to be predicted in their own unit, if they are numbers.
fn numbers(table: &Table, target: &Target) -> Result<Option<Vec<f32>>> {
    match target {
        Target::Number { column, .. } => Ok(Some(table.cells(table.position(column)?).collect())),
        _ => Ok(None),
    }
}

/// What the target says of a row, in words.
fn label(target: &Target, value: f32) -> String {
    match target {
        Target::Binary { classes, .. } => classes.label(value as usize).to_owned(),
        Target::Classes { labels, .. } => labels[value as usize].clone(),
        Target::Number { scale, .. } => scale.invert(value.into()).to_string(),
    }
}

/// A data set with targets of this kind.
pub(crate) fn dataset(target: &Target, inputs: usize, features: Vec<f32>, targets: Vec<f32>) -> Result<Dataset> {
    Ok(match target {
        Target::Binary { .. } => Dataset::new(inputs, features, targets)?,
        Target::Classes { labels, .. } => Dataset::multi_class(inputs, features, labels.len(), targets)?,
        Target::Number { .. } => Dataset::regression(inputs, features, 1, targets)?,
    })
}

/// Some rows of a data set.
pub(crate) fn subset(data: &Dataset, target: &Target, rows: &[usize]) -> Result<Dataset> {
    let features = rows.iter().flat_map(|row| data.row(*row)).copied().collect();
    let subset = dataset(target, data.inputs(), features, pick(data.targets(), rows))?;
    match data.weights() {
        Some(weights) => Ok(subset.with_weights(pick(weights, rows))?),
        None => Ok(subset),
    }
}

/// The classes by which rows are dealt out to both sides of a split: their own, or strata of numbers.
pub(crate) fn classes(target: &Target, targets: &[f32]) -> Vec<u32> {
    match target {
        Target::Number { .. } => strata(targets),
        _ => targets.iter().map(|class| *class as u32).collect(),
    }
}

fn pick(values: &[f32], rows: &[usize]) -> Vec<f32> {
    rows.iter().map(|row| values[*row]).collect()
}
