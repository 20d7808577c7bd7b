//! A fitted model, and the one file that it is kept in.

use std::path::Path;

use data::{Pipeline, Table, Target};
use net::digest::Digest;
use net::{Dataset, Network, OutputLayer, file, format};
use serde::{Deserialize, Serialize};

use crate::examples::dataset;
use crate::fit::smoothed;
use crate::{Compute, Curve, Error, Predictor, Result, Settings};

/// A fitted model: the way from a table to inputs, and the networks whose predictions are averaged.
#[derive(Debug, Clone)]
pub struct Model {
    /// Which columns it takes, how they are scaled, and what it predicts.
    pub pipeline: Pipeline,
    /// The networks, at least one; all have the same shape.
    pub members: Vec<Network>,
    /// How it came about.
    pub training: Training,
}

/// How a model came about. It is kept in the model file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// The hyperparameters.
    pub settings: Settings,
    /// How the training of each member went.
    pub curves: Vec<Curve>,
    /// What is needed to do it again, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
}

/// What is needed to train a model again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// The version of the program.
    pub version: String,
    /// The command line: the program and its arguments, but for those that change no bit of a model, such as threads.
    pub command: Vec<String>,
    /// The table.
    pub data: DataSummary,
}

/// A table in numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSummary {
    /// The name of its file.
    pub file: String,
    /// Rows in all.
    pub rows: usize,
    /// Rows that were trained on; with early stopping, those that members were judged by included.
    pub trained_on: usize,
    /// Rows that were given to judge by after each epoch.
    pub validation: usize,
    /// Rows held out.
    pub held_out: usize,
    /// The columns that were of no use, each with the reason.
    pub dropped: Vec<(String, String)>,
}

/// The metadata of a model file.
#[derive(Serialize, Deserialize)]
struct Metadata {
    /// As [`Pipeline::to_json`] writes it, with a version of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pipeline: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    training: Option<Training>,
}

impl Model {
    /// Writes the model file, whole or not at all.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        Ok(file::write_atomically(path, &self.to_bytes())?)
    }

    /// Reads a model file.
    ///
    /// # Errors
    /// If the file cannot be read, is not a model file of this version, is damaged, or holds networks without a table.
    pub fn load(path: &Path) -> Result<Self> {
        Self::from_bytes(&file::read(path)?, path)
    }

    /// The bytes of the model file. The same model gives the same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let metadata = Metadata { pipeline: Some(self.pipeline.to_json()), training: Some(self.training.clone()) };
        format::ensemble_to_bytes(&self.members, &metadata)
    }

    /// Reads the bytes of a model file, which errors call by its `path`.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self> {
        let (members, metadata) = format::ensemble_from_bytes::<Metadata>(bytes)
            .map_err(|reason| net::Error::Model { path: path.to_owned(), reason })?;
        let file = path.display().to_string();
        let Metadata { pipeline: Some(pipeline), training: Some(training) } = metadata else {
            return Err(Error::NoTable { file });
        };
        let shape = members[0].shape();
        let pipeline = Pipeline::from_json(&pipeline, shape.inputs(), &file)?;
        let wanted = (output_layer(pipeline.target()), pipeline.target().outputs());
        if wanted != (shape.output_layer(), shape.outputs()) {
            let (kind, count) = wanted;
            let reason = format!("its target needs {count} outputs of the kind {kind}, but its networks have others");
            return Err(Error::Description { file, reason });
        }
        Ok(Self { pipeline, members, training })
    }

    /// The rows of a table as the networks of this model are trained on such: inputs, classes with smoothed labels if
    /// the settings say so, and standardised numbers.
    ///
    /// # Errors
    /// If the table lacks a column, one does not hold what it should, or a row has a label that the model does not know.
    pub fn dataset(&self, table: &Table) -> Result<Dataset> {
        let rows: Vec<usize> = (0..table.rows()).collect();
        let inputs = self.pipeline.apply(table, &rows)?;
        let target = self.pipeline.target();
        let data = dataset(target, self.pipeline.inputs(), inputs, target.values(table)?)?;
        smoothed(data, target, &self.training.settings)
    }

    /// A digest of every bit of the weights: of one network [`Network::fingerprint`], and of several the SHA-256 of theirs,
    /// each as its hexadecimal digits and a line feed.
    pub fn fingerprint(&self) -> Digest {
        let lines: Vec<String> = self.members.iter().map(|member| format!("{}\n", member.fingerprint())).collect();
        match &self.members[..] {
            [network] => network.fingerprint(),
            _ => Digest::of(lines.iter().map(String::as_bytes)),
        }
    }

    /// Prepares to predict.
    ///
    /// # Errors
    /// If the threads cannot be had.
    pub fn predictor(&self, compute: Compute) -> Result<Predictor<'_>> {
        Predictor::new(self, compute)
    }
}

/// The output layer for a target.
pub(crate) fn output_layer(target: &Target) -> OutputLayer {
    match target {
        Target::Binary { .. } => OutputLayer::Sigmoid,
        Target::Classes { .. } => OutputLayer::Softmax,
        Target::Number { .. } => OutputLayer::Identity,
    }
}
