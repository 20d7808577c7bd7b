//! The row that is explained, and everything that is known of it.

use std::path::Path;

use anyhow::{Result, bail};
use data::{Column, Target};
use model::{Compute, Model};
use net::explanation::{Comparison, Explanation};
use net::gradient_check::{CentralDifferences, WeightIndex};
use net::{Dataset, Level, Network};

use super::encoding::{Encoded, encoded};
use crate::reading::Reading;
use crate::report::Report;

/// A row of a table on its way through one network of a model.
pub struct Sample {
    pub model: Model,
    /// Which of its networks, counted from 0.
    pub member: usize,
    /// The name of the table.
    pub file: String,
    /// The row, counted from 1.
    pub row: usize,
    /// How its cells became inputs.
    pub encoded: Vec<Encoded>,
    /// What the target column says.
    pub answer: Answer,
    pub explanation: Explanation,
    /// What the whole model predicts.
    pub prediction: Vec<f32>,
    /// Some weights, beside central differences. Without an answer there are none.
    pub comparisons: Vec<Comparison>,
}

/// What the target column says of the row.
pub enum Answer {
    /// The table has no such column.
    NoColumn,
    /// The row has no value there.
    Missing,
    /// What stands there.
    Given(String),
}

impl Sample {
    /// Reads the row, counted from 1, and propagates it through the member, counted from 1.
    pub fn read(
        (model, file): (&Path, &Path),
        (row, member): (usize, usize),
        reading: &Reading,
        level: Level,
    ) -> Result<Self> {
        let name = model.display();
        let model = Model::load(model)?;
        let Some(network) = model.members.get(member - 1) else {
            bail!("`{name}` has no network {member}: its networks are 1 to {}", model.members.len());
        };
        let target = model.pipeline.target();
        let reader = reading.open(file, &mut Report::default())?;
        // With all labels, and not only those that the model knows: they are shown.
        let features = model.pipeline.features();
        let mut columns: Vec<Column> =
            features.iter().map(|feature| Column::new(&feature.name, feature.encoder.kind())).collect();
        let has_target = reader.header().columns().iter().any(|column| column == target.column());
        columns.extend(has_target.then(|| target.to_read().optional()));
        let table = reader.read_rows(columns, row - 1..row)?;

        let x = model.pipeline.apply(&table, &[0])?;
        let answer = match has_target {
            false => Answer::NoColumn,
            true => table.text(features.len(), 0).map_or(Answer::Missing, Answer::Given),
        };
        let (explanation, comparisons) = match answer {
            Answer::Given(_) => {
                let data = model.dataset(&table)?;
                let explanation = Explanation::of_sample(network, level, &data, 0)?;
                let comparisons = compare(network, &data, &explanation)?;
                (explanation, comparisons)
            }
            _ => (Explanation::forward(network, level, &x)?, Vec::new()),
        };
        let prediction = model.predictor(Compute { threads: 1, level })?.predict(&x);
        let prediction = prediction.map_err(|error| error.in_table(table.file(), |_| row - 1))?;
        let encoded = encoded(features, &table, &x)?;
        let file = table.file().to_owned();
        Ok(Self { member: member - 1, file, row, encoded, answer, explanation, prediction, comparisons, model })
    }

    /// The network that is explained.
    pub fn network(&self) -> &Network {
        &self.model.members[self.member]
    }

    /// The name of the column that an input, counted from 1, comes from.
    pub fn name_of_input(&self, input: usize) -> &str {
        let of = self.encoded.iter().find(|column| column.inputs().contains(&input));
        of.map_or("", |column| &column.name)
    }

    /// What is predicted.
    pub fn target(&self) -> &Target {
        self.model.pipeline.target()
    }
}

/// Compares a few weights of each layer: that with the greatest derivative, the bias of its unit, and the first one.
fn compare(network: &Network, data: &Dataset, explanation: &Explanation) -> Result<Vec<Comparison>> {
    let mut weights = Vec::new();
    for layer in &explanation.layers {
        let backward = layer.backward.as_ref().expect("a sample with a target");
        let all = backward.gradient.iter().enumerate().flat_map(|(unit, row)| {
            let weight = move |input| WeightIndex { layer: layer.layer, unit: unit + 1, input };
            row.iter().enumerate().map(move |(input, gradient)| (weight(input), gradient.abs()))
        });
        let greatest = all.skip(1).max_by(|(_, one), (_, other)| one.total_cmp(other));
        let first = WeightIndex { layer: layer.layer, unit: 1, input: 1 };
        for weight in
            greatest.into_iter().flat_map(|(weight, _)| [weight, WeightIndex { input: 0, ..weight }]).chain([first])
        {
            if !weights.contains(&weight) {
                weights.push(weight);
            }
        }
    }
    Ok(explanation.compare(&CentralDifferences::new(network, data)?, weights))
}
