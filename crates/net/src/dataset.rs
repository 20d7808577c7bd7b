//! Samples and their targets.

use std::fmt;

use crate::digest::{Digest, Digester};
use crate::loss::weighted_delta;
use crate::{Error, OutputLayer, Shape};

/// A table of samples: row-major features, and the targets of each row.
///
/// The constructor says what the targets are: two classes ([`Dataset::new`]), several labels that do not exclude each other
/// ([`Dataset::multi_label`]), one of several classes ([`Dataset::multi_class`]) or real numbers
/// ([`Dataset::regression`]).
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    inputs: usize,
    features: Vec<f32>,
    kind: TargetKind,
    /// (rows, [`TargetKind::columns`]).
    targets: Vec<f32>,
    smoothing: Smoothing,
    /// Whether labels are smoothed while they are gathered. (Classes are told apart by the loss.)
    is_smoothed: bool,
    rows: usize,
    /// Of each row; empty if all are 1.
    weights: Vec<f32>,
}

/// What the targets of a row are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// So many labels, each 0 or 1. One label is two classes.
    Labels(usize),
    /// One of so many classes, numbered from 0.
    Classes(usize),
    /// So many real numbers.
    Values(usize),
}

impl TargetKind {
    /// What a network of this shape wants.
    pub fn of(shape: &Shape) -> TargetKind {
        match shape.output_layer() {
            OutputLayer::Sigmoid => TargetKind::Labels(shape.outputs()),
            OutputLayer::Softmax => TargetKind::Classes(shape.outputs()),
            OutputLayer::Identity => TargetKind::Values(shape.outputs()),
        }
    }

    /// Numbers that a row has in [`Dataset::targets`].
    pub fn columns(self) -> usize {
        match self {
            TargetKind::Labels(columns) | TargetKind::Values(columns) => columns,
            TargetKind::Classes(_) => 1,
        }
    }

    /// Output units of a network for it.
    pub fn outputs(self) -> usize {
        match self {
            TargetKind::Labels(outputs) | TargetKind::Values(outputs) | TargetKind::Classes(outputs) => outputs,
        }
    }
}

impl fmt::Display for TargetKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, what) = match self {
            TargetKind::Labels(1) => return formatter.pad("two classes"),
            TargetKind::Labels(count) => (count, "labels"),
            TargetKind::Classes(count) => (count, "classes"),
            TargetKind::Values(1) => return formatter.pad("one real target"),
            TargetKind::Values(count) => (count, "real targets"),
        };
        formatter.pad(&format!("{count} {what}"))
    }
}

/// The target that stands for a label of 1 or for the sample's class, and the one that stands for 0 or for another class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Smoothing {
    pub on: f32,
    pub off: f32,
}

impl Smoothing {
    const NONE: Smoothing = Smoothing { on: 1.0, off: 0.0 };

    /// The target for a label, or for whether a class is the sample's.
    #[inline(always)]
    pub(crate) fn target(self, is_on: bool) -> f32 {
        if is_on { self.on } else { self.off }
    }
}

/// Above it not every whole number is an f32.
const MOST_CLASSES: usize = 1 << 24;

/// The numbers of all rows fit in 32 bits, half of what they would take otherwise: in each epoch they are shuffled.
const MOST_ROWS: usize = u32::MAX as usize;

impl Dataset {
    /// Two classes: `features` is (rows, inputs), row-major; `targets` has the class t of each row: 0.0 or 1.0.
    ///
    /// # Errors
    /// If the lengths do not fit, there is no row, a feature is not finite or a target is neither 0 nor 1.
    pub fn new(inputs: usize, features: Vec<f32>, targets: Vec<f32>) -> Result<Dataset, Error> {
        Dataset::multi_label(inputs, features, 1, targets)
    }

    /// Several labels that do not exclude each other: `targets` is (rows, labels), row-major; each is 0.0 or 1.0.
    ///
    /// # Errors
    /// As [`Dataset::new`], or if there are no labels.
    pub fn multi_label(inputs: usize, features: Vec<f32>, labels: usize, targets: Vec<f32>) -> Result<Dataset, Error> {
        let data = Dataset::checked(inputs, features, TargetKind::Labels(labels), targets)?;
        match data.targets.iter().position(|t| *t != 0.0 && *t != 1.0) {
            Some(at) => Err(data.bad_target(at, "class", "0 or 1")),
            None => Ok(data),
        }
    }

    /// One of several classes: `targets` has the number of each row's class, from 0 to `classes` - 1.
    ///
    /// # Errors
    /// As [`Dataset::new`]; if there are fewer than two classes, or more than 2^24; or if a target is none of them.
    pub fn multi_class(inputs: usize, features: Vec<f32>, classes: usize, targets: Vec<f32>) -> Result<Dataset, Error> {
        if !(2..=MOST_CLASSES).contains(&classes) {
            let (name, range) = ("number of classes", "from 2 to 16777216");
            return Err(Error::Setting { name, value: classes.to_string(), range });
        }
        let data = Dataset::checked(inputs, features, TargetKind::Classes(classes), targets)?;
        let is_class = |t: f32| t >= 0.0 && t < classes as f32 && t.fract() == 0.0;
        match data.targets.iter().position(|t| !is_class(*t)) {
            Some(at) => Err(data.bad_target(at, "class", &format!("a whole number from 0 to {}", classes - 1))),
            None => Ok(data),
        }
    }

    /// Real targets: `targets` is (rows, outputs), row-major. They should be standardised as features should.
    ///
    /// # Errors
    /// As [`Dataset::new`], if there are no outputs or if a target is not finite.
    pub fn regression(inputs: usize, features: Vec<f32>, outputs: usize, targets: Vec<f32>) -> Result<Dataset, Error> {
        let data = Dataset::checked(inputs, features, TargetKind::Values(outputs), targets)?;
        match data.targets.iter().position(|t| !t.is_finite()) {
            Some(at) => Err(data.bad_target(at, "target", "a finite number")),
            None => Ok(data),
        }
    }

    fn checked(inputs: usize, features: Vec<f32>, kind: TargetKind, targets: Vec<f32>) -> Result<Dataset, Error> {
        let columns = kind.columns();
        if targets.is_empty() {
            return Err(Error::Data("the data set has no rows".into()));
        }
        if columns == 0 || !targets.len().is_multiple_of(columns) {
            return Err(Error::Data(format!("{} targets do not make rows of {columns}", targets.len())));
        }
        let rows = targets.len() / columns;
        if rows > MOST_ROWS {
            return Err(Error::Data(format!("{rows} rows are too many: a data set has at most {MOST_ROWS}")));
        }
        if inputs.checked_mul(rows) != Some(features.len()) || inputs == 0 {
            return Err(Error::Data(format!("{} features do not make {rows} rows of {inputs}", features.len())));
        }
        if let Some(at) = features.iter().position(|feature| !feature.is_finite()) {
            let (row, column) = (at / inputs + 1, at % inputs + 1);
            return Err(Error::Data(format!("row {row}, feature {column}: {} is not a finite number", features[at])));
        }
        Ok(Dataset {
            inputs,
            features,
            kind,
            targets,
            smoothing: Smoothing::NONE,
            is_smoothed: false,
            rows,
            weights: Vec::new(),
        })
    }

    fn bad_target(&self, at: usize, what: &str, wanted: &str) -> Error {
        let columns = self.kind.columns();
        let place = match columns {
            1 => format!("row {}", at + 1),
            _ => format!("row {}, target {}", at / columns + 1, at % columns + 1),
        };
        Error::Data(format!("{place}: the {what} is {}, but must be {wanted}", self.targets[at]))
    }

    /// The same samples with smoothed labels: a network is trained towards 1 - smoothing + smoothing / K for the class of a
    /// sample and smoothing / K for the others, rather than towards 1 and 0 (C. Szegedy and others 2016). K is the number of
    /// classes; of a label that is 0 or 1, it is 2.
    ///
    /// # Errors
    /// If `smoothing` is not in 0..1, or the targets are real numbers.
    pub fn with_label_smoothing(mut self, smoothing: f32) -> Result<Dataset, Error> {
        let classes = match self.kind {
            TargetKind::Labels(_) => 2,
            TargetKind::Classes(classes) => classes,
            TargetKind::Values(_) => return Err(Error::Data("real targets have no labels to be smoothed".into())),
        };
        if !(0.0..1.0).contains(&smoothing) {
            let (name, range) = ("label smoothing", "at least 0 and less than 1");
            return Err(Error::Setting { name, value: smoothing.to_string(), range });
        }
        // Rounded once.
        let (smoothing, share) = (f64::from(smoothing), f64::from(smoothing) / classes as f64);
        self.smoothing = Smoothing { on: (1.0 - smoothing + share) as f32, off: share as f32 };
        self.is_smoothed = matches!(self.kind, TargetKind::Labels(_));
        Ok(self)
    }

    /// The same samples with a weight for each: how much it counts in the losses and gradients of training, which become
    /// weighted means. A sample of weight k counts as k samples, and one of weight 0 not at all. The loss's derivative by
    /// the output's preactivations is multiplied by the weight, once.
    ///
    /// # Errors
    /// If there is not a weight for each row, one is negative, not finite or subnormal, or all are 0, or they add up to more than
    /// the greatest number of single precision.
    pub fn with_weights(mut self, weights: Vec<f32>) -> Result<Dataset, Error> {
        if weights.len() != self.rows {
            return Err(Error::Data(format!("{} weights for {} rows; every row needs one", weights.len(), self.rows)));
        }
        if let Some(row) = weights.iter().position(|weight| !(weight.is_finite() && *weight >= 0.0)) {
            return Err(Error::Weight { row: row + 1, weight: weights[row] });
        }
        if weights.iter().all(|weight| *weight == 0.0) {
            return Err(Error::Data("all weights are 0; at least one row must count".into()));
        }
        // Gradients are divided by the sum of a minibatch's weights, and neither it nor one over it may be infinite.
        let sum: f64 = weights.iter().map(|weight| f64::from(*weight)).sum();
        if sum > f64::from(f32::MAX) || weights.iter().any(|weight| weight.is_subnormal()) {
            let why = "weights must add up to less than 3.4e38, and those above 0 be at least 1.2e-38; multiply all of them by a number";
            return Err(Error::Data(why.into()));
        }
        self.weights = weights;
        Ok(self)
    }

    /// The weight of each row, if they have any.
    pub fn weights(&self) -> Option<&[f32]> {
        if self.weights.is_empty() { None } else { Some(&self.weights) }
    }

    /// The weight of sample `row`: 1 if the samples have none.
    ///
    /// # Panics
    /// If the samples have weights, but there is no such row.
    #[inline(always)]
    pub fn weight(&self, row: usize) -> f32 {
        if self.weights.is_empty() { 1.0 } else { self.weights[row] }
    }

    /// The weights of the samples `indices`, added up in their order.
    pub(crate) fn weight_of(&self, indices: &[u32]) -> f64 {
        match self.weights() {
            None => indices.len() as f64,
            Some(weights) => indices.iter().fold(0.0, |sum, index| sum + f64::from(weights[*index as usize])),
        }
    }

    /// Samples.
    pub fn rows(&self) -> usize {
        self.rows
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

    /// What the targets are.
    pub fn target_kind(&self) -> TargetKind {
        self.kind
    }

    /// The targets as they were given, (rows, [`TargetKind::columns`]): the class t of each sample, or its labels or values.
    pub fn targets(&self) -> &[f32] {
        &self.targets
    }

    /// What the output units are compared with in sample `row`, one number for each: the labels t_k; 1 for the sample's
    /// class and 0 for the others; or the values. Labels and classes are smoothed, if they are to be.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn target_vector(&self, row: usize) -> Vec<f32> {
        let columns = self.kind.columns();
        let targets = &self.targets[row * columns..][..columns];
        match self.kind {
            TargetKind::Labels(_) => targets.iter().map(|t| self.smoothing.target(*t != 0.0)).collect(),
            TargetKind::Classes(classes) => {
                (0..classes).map(|class| self.smoothing.target(class as f32 == targets[0])).collect()
            }
            TargetKind::Values(_) => targets.to_vec(),
        }
    }

    pub(crate) fn smoothing(&self) -> Smoothing {
        self.smoothing
    }

    /// Writes the numbers of some samples to `chosen`, in their order. `what` needs them, for the error.
    ///
    /// # Errors
    /// If there are none, or no such samples.
    pub(crate) fn choose(&self, what: &str, indices: &[usize], chosen: &mut Vec<u32>) -> Result<(), Error> {
        chosen.clear();
        chosen.extend(indices.iter().filter(|index| **index < self.rows).map(|index| *index as u32));
        if chosen.is_empty() || chosen.len() < indices.len() {
            return Err(Error::Data(format!("{what} needs at least one sample, and only samples of the data set")));
        }
        Ok(())
    }

    /// Writes the targets of the samples `indices` as columns, `rows` numbers apart: smoothed labels, classes or values.
    #[inline(always)]
    pub(crate) fn gather_targets(&self, indices: &[u32], rows: usize, t: &mut [f32]) {
        if self.kind.columns() > 1 || self.is_smoothed {
            return self.gather_columns(indices, rows, t);
        }
        let (targets, t) = (&self.targets[..], &mut t[..indices.len()]);
        for sample in 0..indices.len() {
            t[sample] = targets[indices[sample] as usize];
        }
    }

    /// Several columns, or smoothed ones. Not inlined, as the other output layers in `sample_sweep.rs`.
    #[inline(never)]
    fn gather_columns(&self, indices: &[u32], rows: usize, t: &mut [f32]) {
        let columns = self.kind.columns();
        for (column, t) in t.chunks_exact_mut(rows).enumerate() {
            for (t, index) in t.iter_mut().zip(indices) {
                let target = self.targets[*index as usize * columns + column];
                *t = if self.is_smoothed { self.smoothing.target(target != 0.0) } else { target };
            }
        }
    }

    /// Multiplies the deltas of the samples `indices`, columns of `rows` numbers for each output unit, by their weights.
    #[inline(always)]
    pub(crate) fn weigh(&self, indices: &[u32], rows: usize, deltas: &mut [f32]) {
        if !self.weights.is_empty() {
            self.weigh_columns(indices, rows, deltas);
        }
    }

    #[inline(never)]
    fn weigh_columns(&self, indices: &[u32], rows: usize, deltas: &mut [f32]) {
        for deltas in deltas.chunks_exact_mut(rows) {
            for (delta, index) in deltas.iter_mut().zip(indices) {
                *delta = weighted_delta(self.weights[*index as usize], *delta);
            }
        }
    }

    /// A digest of all that training sees of it: the bits of the features, targets and weights, what the targets are, and
    /// how labels are smoothed.
    pub fn fingerprint(&self) -> Digest {
        let mut digester = Digester::default();
        let Smoothing { on, off } = self.smoothing;
        digester.bytes(format!("{} rows of {}, {:?}\n", self.rows, self.inputs, self.kind).as_bytes());
        digester.numbers(&[on, off]);
        digester.numbers(&self.features);
        digester.numbers(&self.targets);
        digester.numbers(&self.weights);
        digester.digest()
    }

    /// Whether a network of this shape can be trained on it.
    pub(crate) fn check_fits(&self, shape: &Shape) -> Result<(), Error> {
        if self.inputs != shape.inputs() {
            return Err(Error::Length { what: "a row of the data", found: self.inputs, expected: shape.inputs() });
        }
        let expected = TargetKind::of(shape);
        match self.kind == expected {
            true => Ok(()),
            false => Err(Error::Targets { found: self.kind, expected }),
        }
    }
}
