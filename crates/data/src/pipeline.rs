//! What prediction has to know about the training table.

use serde::{Deserialize, Serialize};

use crate::{Classes, Error, Result, Standardizer};

/// The way from a row of a table to a row of features, and from a probability back to a label.
///
/// It is written as JSON and kept in the model file under [`Pipeline::KEY`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pipeline {
    /// The feature columns, in the order in which the network takes them.
    pub columns: Vec<String>,
    /// The scale of each feature column.
    pub standardizer: Standardizer,
    /// The name of the target column.
    pub target: String,
    /// The labels of t = 0 and t = 1.
    pub classes: Classes,
}

/// A pipeline as it is written.
#[derive(Serialize)]
struct Versioned<'a> {
    version: u32,
    #[serde(flatten)]
    pipeline: &'a Pipeline,
}

/// What every version of a pipeline begins with.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

impl Pipeline {
    /// The name under which the model file's metadata holds the pipeline.
    pub const KEY: &str = "pipeline";

    /// The version of the JSON that this release writes, and the only one that it reads.
    pub const VERSION: u32 = 1;

    /// The pipeline as JSON. Every number reads back to the same bits.
    pub fn to_json(&self) -> String {
        let versioned = Versioned { version: Self::VERSION, pipeline: self };
        serde_json::to_string(&versioned).expect("strings and finite numbers are always JSON")
    }

    /// Reads what [`Pipeline::to_json`] wrote, for a network with so many `inputs`. Errors call the source `file`.
    ///
    /// # Errors
    /// [`Error::Pipeline`] if the JSON is damaged, of another version, or does not fit the network.
    pub fn from_json(json: &str, inputs: usize, file: &str) -> Result<Self> {
        let unusable = |reason: String| Error::Pipeline { file: file.to_owned(), reason };
        let Version { version } = serde_json::from_str(json).map_err(|error| unusable(error.to_string()))?;
        if version != Self::VERSION {
            let known = Self::VERSION;
            return Err(unusable(format!("it has version {version}, and this program reads version {known}")));
        }
        let pipeline: Self = serde_json::from_str(json).map_err(|error| unusable(error.to_string()))?;
        let (columns, scales) = (pipeline.columns.len(), pipeline.standardizer.columns());
        if columns != inputs || scales != inputs {
            return Err(unusable(format!("{columns} columns and {scales} scales for a network of {inputs} inputs")));
        }
        if !pipeline.standardizer.is_sound() {
            return Err(unusable("a mean or a standard deviation is missing or impossible".to_owned()));
        }
        Ok(pipeline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipeline() -> Pipeline {
        Pipeline {
            columns: vec!["a".to_owned(), "b \"quoted\"".to_owned()],
            standardizer: Standardizer::fit(2, &[0.1, 1e-38, 0.7, 3e38, 0.3, -2.5]),
            target: "kind".to_owned(),
            classes: serde_json::from_str(r#"["no","yes"]"#).unwrap(),
        }
    }

    #[test]
    fn json_keeps_every_bit() {
        let json = pipeline().to_json();
        assert!(json.starts_with(r#"{"version":1,"columns":["a","#), "{json}");
        assert_eq!(Pipeline::from_json(&json, 2, "m").unwrap(), pipeline());
    }

    #[test]
    fn unusable_json_says_why() {
        let json = pipeline().to_json();
        let scales = r#""deviation":["#;
        for (json, inputs, complaint) in [
            (json.replace("\"version\":1", "\"version\":2"), 2, "it has version 2, and this program reads version 1"),
            (json.clone(), 3, "2 columns and 2 scales for a network of 3 inputs"),
            (json.replace(scales, r#""deviation":[-1.0,"#), 2, "a mean or a standard deviation"),
            (json.replace(r#","target":"kind""#, ""), 2, "missing field `target`"),
            ("[]".to_owned(), 2, "`m`"),
            ("{".to_owned(), 2, "EOF"),
        ] {
            let error = Pipeline::from_json(&json, inputs, "m").unwrap_err().to_string();
            assert!(error.contains(complaint) && error.lines().count() == 1, "{error}");
        }
    }
}
