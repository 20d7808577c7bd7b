//! How to train: every hyperparameter, and what it is where nobody says.

use std::str::FromStr;
use std::{fmt, iter};

use data::{ClassWeights, NumberEncoding, PieceCount, Scaling, Target};
use net::metrics::Metric;
use net::{Activation, EarlyStopping, LbfgsOptions, Monitor, TrainingOptions};
use serde::{Deserialize, Serialize};

use crate::error::setting;
use crate::scores::target_kind;
use crate::{Compute, Error, Result, text};

/// Makes a [`Recipe`], in which everything may be left open, and [`Settings`], in which nothing is, of one list.
macro_rules! hyperparameters {
    ($($(#[doc = $text:literal])* $name:ident: $kind:ty $([$with:literal, $with_option:literal])?,)*) => {
        /// The hyperparameters that somebody has chosen. [`Recipe::resolve`] chooses the other ones. As a file:
        ///
        /// ```
        /// let recipe: model::Recipe = serde_json::from_str(r#"{"hidden": [64, 32], "optimizer": "adam"}"#)?;
        /// assert_eq!(recipe.resolve(1000)?.hidden, [64, 32]);
        /// # Ok::<(), Box<dyn std::error::Error>>(())
        /// ```
        #[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Recipe {
            $(
                $(#[doc = $text])*
                #[serde(skip_serializing_if = "Option::is_none")]
                $(#[serde(with = $with_option)])?
                pub $name: Option<$kind>,
            )*
        }

        /// All hyperparameters of a fit.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(default = "Settings::of_earlier_files", deny_unknown_fields)]
        pub struct Settings {
            $(
                $(#[doc = $text])*
                $(#[serde(with = $with)])?
                pub $name: $kind,
            )*
        }

        impl Recipe {
            /// These choices and, where there are none, those of `other`.
            #[must_use]
            pub fn or(self, other: Recipe) -> Recipe {
                Recipe { $($name: self.$name.or(other.$name),)* }
            }

            /// These choices and, where there are none, the settings of `defaults`.
            fn over(&self, defaults: Settings) -> Settings {
                Settings { $($name: self.$name.clone().unwrap_or(defaults.$name),)* }
            }
        }
    };
}

hyperparameters! {
    /// Units of each hidden layer, from the inputs on.
    hidden: Vec<usize>,
    /// The activation of the hidden layers.
    activation: Activation ["text", "text::option"],
    /// The optimiser.
    optimizer: Optimizer ["text", "text::option"],
    /// The step length; positive.
    learning_rate: f32,
    /// How much of the velocity stays, in 0..1; of gradient descent and Nesterov's method.
    momentum: f32,
    /// How the learning rate changes.
    schedule: Schedule ["text", "text::option"],
    /// Passes over the rows, at most; of L-BFGS iterations. At least 1.
    epochs: usize,
    /// Rows in a minibatch; at least 1.
    batch_size: usize,
    /// How much weights decay in each step, decoupled from the gradient; of L-BFGS the factor of |w|^2 / 2 in what it
    /// minimises. At least 0.
    weight_decay: f32,
    /// How much of a label is shared out among all classes, in 0..1. Numbers have none.
    label_smoothing: f32,
    /// The largest length of the mean gradient; 0 for any.
    clip_norm: f32,
    /// The probability with which each hidden unit is dropped in training, in 0..1.
    dropout: f32,
    /// How columns of numbers are scaled.
    scaling: Scaling ["text", "text::option"],
    /// Into how many pieces the range of a column of numbers is cut, with an input for each.
    pieces: PieceCount ["text", "text::option"],
    /// How much the rows of each class count. Numbers have none.
    class_weights: ClassWeighting ["text", "text::option"],
    /// Networks whose predictions are averaged; at least 1.
    ensemble: usize,
    /// The part of the rows to train on that each network is not trained on but judged by after each epoch, in 0..1; 0 for
    /// none. Where validation rows are given, it does not count.
    validation_fraction: f64,
    /// What is to improve on the validation rows: the loss, or a metric. With validation rows, the weights after the best epoch
    /// are kept.
    metric: StoppingMetric ["text", "text::option"],
    /// Epochs without a loss or metric on the validation rows that is better by more than 0.0003 (of numbers: when they are
    /// standardised), after which training stops; 0 for all epochs.
    patience: usize,
    /// Whether the probabilities of each network are made as sure as they should be, by a temperature fitted to its
    /// validation rows. Numbers have none.
    temperature: bool,
    /// The seed of all that is random.
    seed: u64,
}

impl Settings {
    /// What is chosen where a recipe chooses nothing, for so many rows to train on. Found by experiment: `docs/accuracy.md`.
    fn default_for(rows: usize) -> Settings {
        // Each member is trained on 7/8 of the rows and judged by the rest. The rules go by the square root of the rows, so
        // that a hundred times the rows take ten times the steps. Few rows are seen more often than many; of more than 100,000,
        // fewer epochs make as many steps as 24 of 100,000, until there are 4.
        let root = (rows as f64 * 7.0 / 8.0).sqrt().max(1.0);
        let fewest = (2_400_000.0 / (root * root)).clamp(4.0, 24.0);
        let epochs = (2000.0 / root).clamp(fewest, 100.0) as usize;
        Settings {
            hidden: vec![128, 64],
            activation: Activation::Relu,
            optimizer: Optimizer::Adam,
            learning_rate: 0.003,
            momentum: 0.9,
            schedule: Schedule::Cosine { warm_up: 0.1 },
            epochs,
            batch_size: ((1.5 * root) as usize).clamp(16, 256) / 8 * 8,
            weight_decay: 0.3,
            label_smoothing: 0.0,
            clip_norm: 0.0,
            dropout: 0.0,
            scaling: Scaling::Standard,
            pieces: PieceCount::ByRows,
            class_weights: ClassWeighting::NONE,
            ensemble: 6,
            validation_fraction: 0.125,
            metric: StoppingMetric::Loss,
            patience: epochs / 4,
            temperature: false,
            seed: 0,
        }
    }

    /// The same for L-BFGS, which takes all rows at once, to a minimum: weights are held small instead of stopping early.
    fn default_for_full_batch(rows: usize) -> Settings {
        let by_minibatches = Settings::default_for(rows);
        Settings {
            epochs: 200,
            batch_size: rows.max(1),
            weight_decay: 1e-3,
            validation_fraction: 0.0,
            ..by_minibatches
        }
    }

    /// What model files mean that do not name a setting, since they were written before it existed. If the default of such a
    /// setting becomes another one, what was done before it existed has to be named here.
    fn of_earlier_files() -> Settings {
        Settings::default_for(1)
    }

    /// How numbers become inputs.
    pub(crate) fn number_encoding(&self) -> NumberEncoding {
        NumberEncoding { scaling: self.scaling, pieces: self.pieces }
    }

    /// Whether all of them are in their ranges, which are those of model files, too.
    pub(crate) fn validate(&self) -> Result<()> {
        let share = |name, value: f64| match (0.0..1.0).contains(&value) {
            true => Ok(()),
            false => Err(setting(name, value, "at least 0 and less than 1")),
        };
        share("momentum", self.momentum.into())?;
        share("label smoothing", self.label_smoothing.into())?;
        share("validation fraction", self.validation_fraction)?;
        if self.ensemble == 0 || self.ensemble > MOST_MEMBERS {
            return Err(setting("ensemble size", self.ensemble, "from 1 to 1000"));
        }
        if !(self.clip_norm >= 0.0 && self.clip_norm.is_finite()) {
            return Err(setting("largest norm of the gradient", self.clip_norm, "at least 0 and finite"));
        }
        if let Schedule::Step { epochs: 0, .. } = self.schedule {
            return Err(setting("epochs with the same learning rate", 0, "at least 1"));
        }
        if !text::is_readable(&self.schedule) {
            return Err(setting("schedule", self.schedule, "one with numbers in their ranges"));
        }
        if !text::is_readable(&self.pieces) {
            return Err(setting("number of pieces", self.pieces, "none, by-rows, or from 1 to 1000"));
        }
        if !text::is_readable(&self.class_weights) {
            let given = format!("`{}`", self.class_weights.to_string().escape_debug());
            let range =
                "labels with weights from 0 on, at least one label, and none with a comma or with blanks around it";
            return Err(setting("weighting of classes", given, range));
        }
        Ok(())
    }

    /// Whether they suit a target, and the rows to judge by that there are or are not.
    pub(crate) fn check_target(&self, target: &Target, has_validation: bool) -> Result<()> {
        let (column, kind) = (target.column(), target_kind(target));
        if let StoppingMetric::Metric(metric) = self.metric
            && !metric.suits(kind)
        {
            let suited = Metric::ALL.into_iter().filter(|metric| metric.suits(kind)).map(|metric| metric.to_string());
            let suited = iter::once("loss".to_owned()).chain(suited).collect::<Vec<_>>().join(", ");
            return Err(Error::UnsuitedMetric { metric, column: column.to_owned(), suited });
        }
        if self.temperature && matches!(target, Target::Number { .. }) {
            return Err(Error::NoProbabilities { column: column.to_owned() });
        }
        if has_validation {
            return match self.optimizer {
                Optimizer::Lbfgs => Err(Error::FullBatch { what: "a validation of each epoch" }),
                _ => Ok(()),
            };
        }
        let needs_none = |name, value: &dyn fmt::Display, range| Err(setting(name, value, range));
        if self.patience > 0 {
            return needs_none("patience", &self.patience, "0 where there are no validation rows: hold some out");
        }
        if self.metric != StoppingMetric::Loss {
            return needs_none("metric", &self.metric, "loss where there are no validation rows: hold some out");
        }
        match self.temperature {
            true => needs_none("temperature", &true, "false where there are no validation rows: hold some out"),
            false => Ok(()),
        }
    }

    /// When a training that has validation rows ends, and which weights it keeps.
    pub(crate) fn early_stopping(&self) -> EarlyStopping {
        let patience = if self.patience > 0 { self.patience as u64 } else { u64::MAX };
        let monitor = if self.metric == StoppingMetric::Loss { Monitor::Loss } else { Monitor::Score };
        EarlyStopping { monitor, patience, min_improvement: LEAST_PROGRESS }
    }

    /// The options of a training by L-BFGS.
    pub(crate) fn full_batch_options(&self, compute: Compute) -> LbfgsOptions {
        LbfgsOptions {
            iterations: self.epochs,
            weight_decay: self.weight_decay,
            threads: net::Threads::Own(compute.threads),
            level: compute.level,
            ..Default::default()
        }
    }

    /// The options of a training by minibatches on `rows` rows, with a `seed` of its own.
    ///
    /// # Panics
    /// If the optimiser is L-BFGS.
    pub(crate) fn options(&self, rows: usize, seed: u64, compute: Compute) -> TrainingOptions {
        let steps_per_epoch = rows.div_ceil(self.batch_size.max(1)) as u64;
        TrainingOptions {
            epochs: self.epochs,
            batch_size: self.batch_size,
            optimizer: self.optimizer.with(self.learning_rate, self.momentum),
            schedule: self.schedule.in_steps(self.epochs as u64, steps_per_epoch),
            weight_decay: self.weight_decay,
            clip_norm: (self.clip_norm > 0.0).then_some(self.clip_norm),
            dropout: self.dropout,
            seed,
            threads: net::Threads::Own(compute.threads),
            level: compute.level,
            ..Default::default()
        }
    }
}

/// A loss that is lower by less is no progress: what is learnt perfectly would go on getting better for ever.
const LEAST_PROGRESS: f64 = 3e-4;

/// More networks than these are a slip.
const MOST_MEMBERS: usize = 1000;

impl Recipe {
    /// All hyperparameters for so many rows to train on.
    ///
    /// # Errors
    /// If one is out of its range, or is one of minibatches and the optimiser L-BFGS.
    pub fn resolve(&self, rows: usize) -> Result<Settings> {
        let mut settings = match self.optimizer {
            Some(Optimizer::Lbfgs) => {
                self.check_full_batch()?;
                self.over(Settings::default_for_full_batch(rows))
            }
            _ => self.over(Settings::default_for(rows)),
        };
        // Another number of epochs changes what is patient; without rows to judge by there is nothing to wait for.
        if self.patience.is_none() {
            settings.patience = if settings.validation_fraction > 0.0 { settings.epochs.div_ceil(4) } else { 0 };
        }
        settings.validate()?;
        Ok(settings)
    }

    /// What L-BFGS has no use for must not be chosen.
    fn check_full_batch(&self) -> Result<()> {
        let of_minibatches = [
            ("a learning rate", self.learning_rate.is_some()),
            ("momentum", self.momentum.is_some()),
            ("a schedule", self.schedule.is_some()),
            ("a batch size", self.batch_size.is_some()),
            ("a largest norm of the gradient", self.clip_norm.is_some_and(|norm| norm != 0.0)),
            ("dropout", self.dropout.is_some_and(|rate| rate != 0.0)),
            ("a validation of each epoch", self.validation_fraction.is_some_and(|fraction| fraction != 0.0)),
        ];
        match of_minibatches.into_iter().find(|(_, is_chosen)| *is_chosen) {
            Some((what, _)) => Err(Error::FullBatch { what }),
            None => Ok(()),
        }
    }
}

/// How much the rows of each class count: `none` (all the same), `balanced`, or labels with their weights.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassWeighting(pub Option<ClassWeights>);

impl ClassWeighting {
    /// All rows count the same.
    pub const NONE: ClassWeighting = ClassWeighting(None);
}

impl fmt::Display for ClassWeighting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => formatter.write_str("none"),
            Some(weights) => weights.fmt(formatter),
        }
    }
}

impl FromStr for ClassWeighting {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "none" => Ok(Self::NONE),
            _ => text.parse().map(|weights| Self(Some(weights))),
        }
    }
}

/// What early stopping goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoppingMetric {
    /// `loss`: that of training, with the weights of rows.
    Loss,
    /// A metric, by its name.
    Metric(Metric),
}

impl StoppingMetric {
    /// A score of standardised numbers in the unit of the table; other scores as they are.
    pub(crate) fn in_unit(self, target: &Target, score: f64) -> f64 {
        let Target::Number { scale, .. } = target else { return score };
        match self {
            StoppingMetric::Metric(Metric::MeanSquaredError) => score * scale.spread() * scale.spread(),
            StoppingMetric::Metric(Metric::RSquared) | StoppingMetric::Loss => score,
            StoppingMetric::Metric(_) => score * scale.spread(),
        }
    }
}

impl fmt::Display for StoppingMetric {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoppingMetric::Loss => formatter.write_str("loss"),
            StoppingMetric::Metric(metric) => metric.fmt(formatter),
        }
    }
}

impl FromStr for StoppingMetric {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "loss" => Ok(StoppingMetric::Loss),
            _ => text.parse().map(StoppingMetric::Metric).map_err(|_| {
                let names = Metric::ALL.map(|metric| metric.to_string()).join(", ");
                format!("give loss or one of {names}")
            }),
        }
    }
}

/// The optimiser, by its name; [`net::Optimizer`] has the formulas. What the recipe does not name is as in their papers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Optimizer {
    /// `sgd`: stochastic gradient descent with momentum.
    Sgd,
    /// `nesterov`: Nesterov's accelerated gradient.
    Nesterov,
    /// `rmsprop`.
    RmsProp,
    /// `adam`; with weight decay it is AdamW.
    Adam,
    /// `lbfgs`: L-BFGS on all rows at once, [`net::Lbfgs`].
    Lbfgs,
}

impl Optimizer {
    const NAMES: [(Optimizer, &str); 5] = [
        (Optimizer::Sgd, "sgd"),
        (Optimizer::Nesterov, "nesterov"),
        (Optimizer::RmsProp, "rmsprop"),
        (Optimizer::Adam, "adam"),
        (Optimizer::Lbfgs, "lbfgs"),
    ];

    fn with(self, learning_rate: f32, momentum: f32) -> net::Optimizer {
        match self {
            Optimizer::Sgd => net::Optimizer::Sgd { learning_rate, momentum },
            Optimizer::Nesterov => net::Optimizer::Nesterov { learning_rate, momentum },
            Optimizer::RmsProp => net::Optimizer::rms_prop(learning_rate),
            Optimizer::Adam => net::Optimizer::adam(learning_rate),
            Optimizer::Lbfgs => unreachable!("L-BFGS has a trainer of its own"),
        }
    }
}

impl fmt::Display for Optimizer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Optimizer::NAMES.iter().find(|(optimizer, _)| optimizer == self);
        formatter.write_str(name.map_or("", |(_, name)| name))
    }
}

impl FromStr for Optimizer {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let named = Optimizer::NAMES.iter().find(|(_, name)| *name == text);
        named.map(|(optimizer, _)| *optimizer).ok_or_else(|| {
            let names = Optimizer::NAMES.map(|(_, name)| name).join(", ");
            format!("give one of {names}")
        })
    }
}

/// How the learning rate changes; in epochs, where [`net::Schedule`] counts steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Schedule {
    /// `constant`: not at all.
    Constant,
    /// `cosine` or `cosine:0.05`: up over this share of all steps, and then down to 0 along a cosine.
    Cosine {
        /// In 0..1.
        warm_up: f64,
    },
    /// `step:10:0.5`: times this factor after every so many epochs.
    Step {
        /// Epochs with the same learning rate; at least 1.
        epochs: u64,
        /// In 0..=1, but not 0.
        factor: f32,
    },
    /// `inverse:0.5`: divided by this power of the number of the step.
    InverseScaling {
        /// At least 0.
        power: f32,
    },
    /// `plateau:5:0.5`: times this factor whenever so many epochs in a row have not made the loss better, that of the
    /// validation rows or, without any, of training.
    Plateau {
        /// At least 1.
        epochs: u64,
        /// In 0..1, but not 0.
        factor: f32,
    },
}

impl Schedule {
    fn in_steps(self, epochs: u64, steps_per_epoch: u64) -> net::Schedule {
        let steps = epochs * steps_per_epoch;
        match self {
            Schedule::Constant => net::Schedule::Constant,
            Schedule::Cosine { warm_up } => {
                let warm_up = (warm_up * steps as f64).round() as u64;
                net::Schedule::Cosine { warm_up: warm_up.min(steps.saturating_sub(1)), steps }
            }
            Schedule::Step { epochs, factor } => net::Schedule::Step { every: epochs * steps_per_epoch, factor },
            Schedule::InverseScaling { power } => net::Schedule::InverseScaling { power },
            Schedule::Plateau { epochs: patience, factor } => {
                let min_improvement = LEAST_PROGRESS as f32;
                net::Schedule::ReduceOnPlateau { patience, factor, min_improvement, smallest: 0.0 }
            }
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Schedule::Constant => formatter.write_str("constant"),
            Schedule::Cosine { warm_up: 0.0 } => formatter.write_str("cosine"),
            Schedule::Cosine { warm_up } => write!(formatter, "cosine:{warm_up}"),
            Schedule::Step { epochs, factor } => write!(formatter, "step:{epochs}:{factor}"),
            Schedule::InverseScaling { power } => write!(formatter, "inverse:{power}"),
            Schedule::Plateau { epochs, factor } => write!(formatter, "plateau:{epochs}:{factor}"),
        }
    }
}

impl FromStr for Schedule {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let parts: Vec<&str> = text.split(':').collect();
        let schedule = match parts[..] {
            ["constant"] => Some(Schedule::Constant),
            ["cosine"] => Some(Schedule::Cosine { warm_up: 0.0 }),
            ["cosine", warm_up] => {
                let share = warm_up.parse().ok().filter(|share| (0.0..1.0).contains(share));
                share.map(|warm_up| Schedule::Cosine { warm_up })
            }
            ["step", epochs, factor] => {
                let epochs = epochs.parse().ok().filter(|epochs| *epochs >= 1);
                let factor = factor.parse().ok().filter(|factor: &f32| *factor > 0.0 && *factor <= 1.0);
                epochs.zip(factor).map(|(epochs, factor)| Schedule::Step { epochs, factor })
            }
            ["inverse", power] => {
                let power = power.parse().ok().filter(|power: &f32| *power >= 0.0 && power.is_finite());
                power.map(|power| Schedule::InverseScaling { power })
            }
            ["plateau", epochs, factor] => {
                let epochs = epochs.parse().ok().filter(|epochs| *epochs >= 1);
                let factor = factor.parse().ok().filter(|factor: &f32| *factor > 0.0 && *factor < 1.0);
                epochs.zip(factor).map(|(epochs, factor)| Schedule::Plateau { epochs, factor })
            }
            _ => None,
        };
        schedule.ok_or_else(|| {
            "give constant, cosine, cosine:WARM_UP (a share of all steps, such as 0.05), step:EPOCHS:FACTOR, \
             inverse:POWER or plateau:EPOCHS:FACTOR"
                .to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_chosen_counts_and_the_rest_is_as_by_default() {
        let chosen = Recipe { epochs: Some(7), optimizer: Some(Optimizer::Adam), ..Recipe::default() };
        let file = Recipe { epochs: Some(9), seed: Some(4), ..Recipe::default() };
        let settings = chosen.or(file).resolve(100).unwrap();
        assert_eq!((settings.epochs, settings.optimizer, settings.seed), (7, Optimizer::Adam, 4));
        let rest = Recipe { epochs: Some(7), optimizer: Some(Optimizer::Adam), seed: Some(4), ..Recipe::default() };
        assert_eq!(settings, rest.resolve(100).unwrap());
    }

    #[test]
    fn settings_and_recipes_are_read_as_they_are_written() {
        let text = r#"{"activation":"tanh","optimizer":"adam","schedule":"cosine:0.05","scaling":"robust","pieces":"16","class_weights":"a=2,b=1"}"#;
        let recipe: Recipe = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&recipe).unwrap(), text);
        let settings = recipe.resolve(10).unwrap();
        let json = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&json).unwrap(), settings);
        for wrong in [r#"{"epoch":1}"#, r#"{"optimizer":"x"}"#, r#"{"schedule":"step:0:0.5"}"#, r#"{"epochs":-1}"#] {
            assert!(serde_json::from_str::<Recipe>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn schedules_are_read_as_they_are_written() {
        for text in ["constant", "cosine", "cosine:0.05", "step:10:0.5", "inverse:0.5", "plateau:5:0.25"] {
            assert_eq!(text.parse::<Schedule>().unwrap().to_string(), text);
        }
        for wrong in
            ["", "cosine:1", "step:0:0.5", "step:1:2", "inverse:-1", "plateau:0:0.5", "plateau:5:1", "plateau:5"]
        {
            assert!(wrong.parse::<Schedule>().is_err(), "{wrong}");
        }
        let schedule: Schedule = "plateau:5:0.25".parse().unwrap();
        let in_steps = schedule.in_steps(20, 7);
        assert!(matches!(in_steps, net::Schedule::ReduceOnPlateau { patience: 5, factor: 0.25, .. }), "{in_steps:?}");
    }

    #[test]
    fn lbfgs_takes_all_rows_and_nothing_that_belongs_to_minibatches() {
        let recipe = Recipe { optimizer: Some(Optimizer::Lbfgs), ..Recipe::default() };
        let settings = recipe.resolve(300).unwrap();
        assert_eq!((settings.batch_size, settings.validation_fraction, settings.patience), (300, 0.0, 0));
        let error = Recipe { dropout: Some(0.5), ..recipe.clone() }.resolve(300).unwrap_err().to_string();
        assert!(error.starts_with("dropout is not for the optimiser lbfgs"), "{error}");
        assert!(Recipe { dropout: Some(0.0), ..recipe }.resolve(300).is_ok());
    }

    #[test]
    fn defaults_follow_the_rows_and_what_is_chosen() {
        let sizes = |recipe: &Recipe, rows| {
            let Settings { batch_size, epochs, patience, .. } = recipe.resolve(rows).unwrap();
            (batch_size, epochs, patience)
        };
        let all = Recipe::default();
        let expected = [(1, (16, 100, 25)), (1000, (40, 67, 17)), (60_000, (256, 24, 6)), (10_000_000, (256, 4, 1))];
        for (rows, expected) in expected {
            assert_eq!(sizes(&all, rows), expected, "{rows} rows");
        }
        assert_eq!(sizes(&Recipe { epochs: Some(10), ..all.clone() }, 1000), (40, 10, 3));
        assert_eq!(sizes(&Recipe { validation_fraction: Some(0.0), ..all }, 1000).2, 0);
    }

    #[test]
    fn impossible_settings_are_refused() {
        let none = Recipe::default;
        let weighting = |given: &[(&str, f64)]| {
            let given = given.iter().map(|(label, weight)| ((*label).to_owned(), *weight)).collect();
            Recipe { class_weights: Some(ClassWeighting(Some(ClassWeights::Given(given)))), ..Recipe::default() }
        };
        assert!(weighting(&[("a=b c", 2.0), ("", 0.0)]).resolve(10).is_ok());
        for (recipe, words) in [
            (Recipe { ensemble: Some(0), ..none() }, "ensemble size is 0"),
            (Recipe { validation_fraction: Some(1.0), ..none() }, "validation fraction is 1"),
            (Recipe { label_smoothing: Some(f32::NAN), ..none() }, "label smoothing is NaN"),
            (Recipe { clip_norm: Some(-1.0), ..none() }, "norm of the gradient is -1"),
            (Recipe { momentum: Some(f32::NAN), ..none() }, "momentum is NaN"),
            (Recipe { pieces: Some(PieceCount::UpTo(0)), ..none() }, "number of pieces is 0"),
            (Recipe { pieces: Some(PieceCount::UpTo(1001)), ..none() }, "number of pieces is 1001"),
            (Recipe { schedule: Some(Schedule::Cosine { warm_up: 1.0 }), ..none() }, "schedule is cosine:1"),
            (Recipe { schedule: Some(Schedule::InverseScaling { power: -1.0 }), ..none() }, "schedule is inverse:-1"),
            (weighting(&[]), "weighting of classes is ``"),
            (weighting(&[("a,b", 1.0)]), "weighting of classes is `a,b=1`"),
            (weighting(&[("a ", 1.0)]), "weighting of classes is `a =1`"),
            (weighting(&[("a", -1.0)]), "weighting of classes is `a=-1`"),
            (weighting(&[("a", f64::NAN)]), "weighting of classes is `a=NaN`"),
        ] {
            let error = recipe.resolve(10).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn schedules_in_steps() {
        let steps = |text: &str| text.parse::<Schedule>().unwrap().in_steps(10, 3);
        assert_eq!(steps("cosine:0.1"), net::Schedule::Cosine { warm_up: 3, steps: 30 });
        assert_eq!(steps("step:2:0.5"), net::Schedule::Step { every: 6, factor: 0.5 });
        for text in ["constant", "cosine", "cosine:0.25", "step:3:0.5", "inverse:0.5"] {
            assert_eq!(text.parse::<Schedule>().unwrap().to_string(), text);
        }
        for text in ["", "cosine:1", "cosine:x", "step", "step:0:1", "step:1:0", "inverse:-1", "linear"] {
            assert!(text.parse::<Schedule>().is_err(), "{text}");
        }
    }
}
