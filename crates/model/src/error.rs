//! What can go wrong, each with one line that says what to do.

/// The result of most functions here.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a fit or a prediction failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The table, or what is asked of it.
    #[error(transparent)]
    Data(#[from] data::Error),
    /// The network, its training, or the model file.
    #[error(transparent)]
    Net(#[from] net::Error),
    /// A metric that has no value.
    #[error(transparent)]
    Metric(#[from] net::metrics::MetricError),
    /// More weights than can be trained.
    #[error(
        "the network would have {parameters} weights and biases in {} bytes, and at most {most} are possible: narrow its hidden \
         layers",
        parameters.saturating_mul(size_of::<f32>())
    )]
    TooLarge {
        /// Weights and biases of all members.
        parameters: usize,
        /// The most.
        most: usize,
    },
    /// A model file with networks, but without a description of the table.
    #[error("`{file}` holds a network, but not which columns it takes: it was not written by `backprop train`")]
    NoTable {
        /// The model file.
        file: String,
    },
    /// A model file whose parts do not fit together.
    #[error("`{file}` cannot be used: {reason}")]
    Description {
        /// The model file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Inputs so far from those of the training that the answer is infinite or NaN.
    #[error(
        "{}row {row}: no finite answer, its values are too far from those that were trained on",
        file.as_ref().map_or_else(String::new, |file| format!("`{}`, ", file.escape_debug()))
    )]
    NotFinite {
        /// The table, where it is known: [`Error::in_table`].
        file: Option<String>,
        /// The row, counted from 1; of the table or, where that is not known, of those that were to be predicted.
        row: usize,
    },
    /// Weights that leave no row of a part of the table to count.
    #[error("every weight in column `{column}` of `{file}` is 0 in the rows {part}: at least one of them must count")]
    NoWeight {
        /// The table.
        file: String,
        /// The name of the column of weights.
        column: String,
        /// What those rows are for.
        part: &'static str,
    },
    /// Weights that leave no row to count in a network's own part of the rows to train on.
    #[error(
        "every row {part} has the weight 0, of {rows} rows to train on: more of them must count, or the validation fraction be 0"
    )]
    NoOwnWeight {
        /// What those rows are for.
        part: &'static str,
        /// The number of rows to train on, of this network and to judge it.
        rows: usize,
    },
    /// Weights of classes that make those of rows too large or too small.
    #[error(
        "the weights of the rows, times those of their classes in column `{column}`, must add up to 3.4e38 at most, and those \
         above 0 be at least 1.2e-38: give the classes other weights"
    )]
    ClassWeights {
        /// The target column.
        column: String,
    },
    /// Weights of classes, but a target without classes.
    #[error("the target column `{column}` holds numbers to be predicted, so that there are no classes to be weighted")]
    NoClasses {
        /// The target column.
        column: String,
    },
    /// A metric for other targets.
    #[error("the metric {metric} is not for predictions of the target column `{column}`: give one of {suited}")]
    UnsuitedMetric {
        /// The metric.
        metric: net::metrics::Metric,
        /// The target column.
        column: String,
        /// Those that are.
        suited: String,
    },
    /// L-BFGS, and something that belongs to steps over minibatches.
    #[error(
        "{what} is not for the optimiser lbfgs, which takes all rows at once, to a minimum: leave it out, or choose another optimiser"
    )]
    FullBatch {
        /// What does not go with it.
        what: &'static str,
    },
    /// A temperature, but a target without probabilities.
    #[error(
        "the target column `{column}` holds numbers to be predicted, so that there are no probabilities with a temperature"
    )]
    NoProbabilities {
        /// The target column.
        column: String,
    },
    /// A checkpoint of a fit on other data.
    #[error(
        "the checkpoint cannot be resumed: it is of other data, its {what} have another digest than those that are given"
    )]
    OtherData {
        /// What is different.
        what: &'static str,
    },
    /// Rows to train on that all are of one class.
    #[error(
        "all rows to train on have the label `{label}` in the target column `{column}`: at least two classes are needed"
    )]
    OneClass {
        /// The only label.
        label: String,
        /// The target column.
        column: String,
    },
    /// Too few rows to train on for a part of them to judge by after each epoch.
    #[error(
        "none of the {rows} rows to train on can be held out to judge each network by, since no class has two of them: more rows are needed, or a validation fraction of 0"
    )]
    NoValidation {
        /// The number of rows.
        rows: usize,
    },
    /// One fold of a cross-validation failed.
    #[error("fold {fold}: {source}")]
    Fold {
        /// The fold, counted from 1 over all repetitions.
        fold: usize,
        /// Why.
        source: Box<Error>,
    },
}

impl Error {
    /// The same error of predicting rows of the table `file`. `row_of` has the place in the table of each row that was to be
    /// predicted, both counted from 0.
    #[must_use]
    pub fn in_table(self, file: &str, row_of: impl FnOnce(usize) -> usize) -> Self {
        match self {
            Error::NotFinite { row, .. } => Error::NotFinite { file: Some(file.to_owned()), row: row_of(row - 1) + 1 },
            error => error,
        }
    }
}

/// A setting that is out of its range.
pub(crate) fn setting(name: &'static str, value: impl ToString, range: &'static str) -> Error {
    net::Error::Setting { name, value: value.to_string(), range }.into()
}
