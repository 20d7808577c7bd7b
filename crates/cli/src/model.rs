//! The model file: a network, and the way from a table to its inputs.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, bail};
use data::Pipeline;
use net::Network;

/// What `train` saves and `predict` loads.
pub struct Model {
    /// Its weights.
    pub network: Network,
    /// Which columns it takes, how they are scaled, and which labels it tells apart.
    pub pipeline: Pipeline,
}

impl Model {
    /// Writes the model file, whole or not at all.
    pub fn save(&self, path: &Path) -> Result<()> {
        let metadata = BTreeMap::from([(Pipeline::KEY.to_owned(), self.pipeline.to_json())]);
        Ok(net::format::save(path, &self.network, &metadata)?)
    }

    /// Reads a model file.
    pub fn load(path: &Path) -> Result<Self> {
        let (network, metadata) = net::format::load::<BTreeMap<String, String>>(path)?;
        let file = path.display().to_string();
        let Some(json) = metadata.get(Pipeline::KEY) else {
            bail!("`{file}` holds a network, but not which columns it takes: it was not written by `backprop train`");
        };
        let pipeline = Pipeline::from_json(json, network.shape().inputs(), &file)?;
        Ok(Self { network, pipeline })
    }
}
