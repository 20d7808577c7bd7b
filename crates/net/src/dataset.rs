//! Samples and their classes.

use crate::Error;

/// A table of samples: row-major features, and the class t of each row.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    inputs: usize,
    features: Vec<f32>,
    targets: Vec<f32>,
}

impl Dataset {
    /// `features` is (rows, inputs), row-major; `targets` has the class t of each row: 0.0 or 1.0.
    ///
    /// # Errors
    /// If the lengths do not fit, there is no row, a feature is not finite or a target is neither 0 nor 1.
    pub fn new(inputs: usize, features: Vec<f32>, targets: Vec<f32>) -> Result<Dataset, Error> {
        if targets.is_empty() {
            return Err(Error::Data("the data set has no rows".into()));
        }
        if inputs.checked_mul(targets.len()) != Some(features.len()) || inputs == 0 {
            return Err(Error::Data(format!(
                "{} features do not make {} rows of {inputs}",
                features.len(),
                targets.len()
            )));
        }
        if let Some(at) = features.iter().position(|feature| !feature.is_finite()) {
            let (row, column) = (at / inputs + 1, at % inputs + 1);
            return Err(Error::Data(format!("row {row}, feature {column}: {} is not a finite number", features[at])));
        }
        if let Some(row) = targets.iter().position(|t| *t != 0.0 && *t != 1.0) {
            return Err(Error::Data(format!("row {}: the class is {}, but must be 0 or 1", row + 1, targets[row])));
        }
        Ok(Dataset { inputs, features, targets })
    }

    /// Samples.
    pub fn rows(&self) -> usize {
        self.targets.len()
    }

    /// Features of a sample.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// All features: (rows, inputs), row-major.
    pub fn features(&self) -> &[f32] {
        &self.features
    }

    /// The features of sample `row`.
    ///
    /// # Panics
    /// If there is no such row.
    #[inline(always)]
    pub fn row(&self, row: usize) -> &[f32] {
        &self.features[row * self.inputs..][..self.inputs]
    }

    /// The class t of each sample.
    pub fn targets(&self) -> &[f32] {
        &self.targets
    }
}
