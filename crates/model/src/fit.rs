//! Fitting: the members of an ensemble, each trained, and stopped early if there are rows to judge it by.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use data::{Pipeline, Split, Target};
use net::checkpoint::Every;
use net::random::Random;
use net::temperature::Temperature;
use net::{Dataset, History, Lbfgs, Network, Predictor, Run, Scorer, Shape, Trainer, TrainingOptions};
use serde::{Deserialize, Serialize};

use crate::checkpoint::{Checkpoint, Identity, Keeper};
use crate::examples::{Examples, classes, subset};
use crate::model::{Training, output_layer};
use crate::recipe::{Optimizer, StoppingMetric};
use crate::{Compute, Error, Model, Result, Settings, jobs};

/// The largest ensemble, in weights and biases: 4 GiB of them.
const MAX_PARAMETERS: usize = 1 << 30;

/// The stream of random numbers that the seeds of the members come from.
const MEMBER_STREAM: u64 = u64::from_be_bytes(*b"members\0");

/// How the training of one member went.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Curve {
    /// The mean loss of each epoch over the rows trained on, in nats (of numbers: half the squared standardised error).
    pub training: Vec<f64>,
    /// The mean loss over the validation rows after each epoch; empty if there are none.
    pub validation: Vec<f64>,
    /// The metric that early stopping goes by, of the validation rows after each epoch, in the unit of the table; empty if it
    /// goes by the loss.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub validation_score: Vec<f64>,
    /// The epoch after which the weights were kept, counted from 1; 0 if the training was stopped in the first one.
    pub best_epoch: usize,
    /// The temperature by which the preactivations of the output were divided after that, if one was fitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
}

/// What the hook of a [`Fit`] learns after an epoch of a member.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// The member, counted from 1.
    pub member: usize,
    /// The epoch of this member, counted from 1.
    pub epoch: usize,
    /// The mean loss over the rows trained on.
    pub training_loss: f64,
    /// The mean loss over the validation rows.
    pub validation_loss: Option<f64>,
    /// The metric of the validation rows, if early stopping goes by one.
    pub validation_score: Option<f64>,
    /// Rows seen in this epoch.
    pub rows: usize,
    /// How long it took.
    pub seconds: f64,
}

/// A fit: how the members of an ensemble are trained on the same rows, and who looks on. With several threads, several
/// members are trained at a time.
///
/// Where validation rows are given, all members are judged by them after each epoch; else, by the settings, each by a part
/// of the rows to train on that is its own. The weights after the best epoch are kept.
#[must_use = "nothing is trained until `Fit::run`"]
pub struct Fit<'a> {
    settings: &'a Settings,
    compute: Compute,
    on_epoch: &'a (dyn Fn(&Progress) -> bool + Sync),
    is_stopped: &'a (dyn Fn() -> bool + Sync),
    checkpoints: Option<(PathBuf, Every, String)>,
    resumed: Option<Checkpoint>,
    held_out: Option<&'a Examples>,
}

impl<'a> Fit<'a> {
    /// Trains with these settings, and does nothing besides.
    pub fn new(settings: &'a Settings, compute: Compute) -> Self {
        Self {
            settings,
            compute,
            on_epoch: &|_| true,
            is_stopped: &|| false,
            checkpoints: None,
            resumed: None,
            held_out: None,
        }
    }

    /// Calls `hook` after each epoch of a member, from several threads. When it returns false, the training of all members
    /// ends, and what has been reached is the model.
    pub fn on_epoch(mut self, hook: &'a (dyn Fn(&Progress) -> bool + Sync)) -> Self {
        self.on_epoch = hook;
        self
    }

    /// Asks after each minibatch whether to end, as if a hook had said so.
    pub fn stop_when(mut self, is_stopped: &'a (dyn Fn() -> bool + Sync)) -> Self {
        self.is_stopped = is_stopped;
        self
    }

    /// Writes what the fit has come to to the file at `path`: before it begins, each time that it is due for a member, and when
    /// the training of a member ends or is stopped. The `note` is the caller's own: [`Checkpoint::note`].
    pub fn checkpoints(mut self, path: impl Into<PathBuf>, every: Every, note: impl Into<String>) -> Self {
        self.checkpoints = Some((path.into(), every, note.into()));
        self
    }

    /// The rows by which the model will be judged. They have no part in the fit, but a checkpoint of a fit with other ones is
    /// refused.
    pub fn held_out(mut self, examples: Option<&'a Examples>) -> Self {
        self.held_out = examples;
        self
    }

    /// Goes on from a checkpoint of the same fit, and comes to the same bits as if there had been no interruption; also with
    /// other threads, or at another level among those that fuse.
    pub fn resume(mut self, checkpoint: Checkpoint) -> Self {
        self.resumed = Some(checkpoint);
        self
    }

    /// Trains all members. Of those that were stopped before the end of their first epoch none is kept, unless there are no
    /// others.
    ///
    /// # Errors
    /// If a setting is out of its range, or there are no rows to judge by although the settings want some; if a training
    /// diverges; if a checkpoint is of another fit, or cannot be written.
    pub fn run(self, pipeline: Pipeline, training: Dataset, validation: Option<Dataset>) -> Result<Model> {
        let Fit { settings, compute, on_epoch, is_stopped, checkpoints, resumed, held_out } = self;
        settings.validate()?;
        let target = pipeline.target();
        let has_validation = validation.is_some() || settings.validation_fraction > 0.0;
        settings.check_target(target, has_validation)?;
        let shape = Shape::new(pipeline.inputs(), &settings.hidden, settings.activation)?
            .with_output_layer(output_layer(target), target.outputs())?;
        let parameters = shape.parameter_count().saturating_mul(settings.ensemble);
        if parameters > MAX_PARAMETERS {
            return Err(Error::TooLarge { parameters, most: MAX_PARAMETERS });
        }

        if settings.optimizer == Optimizer::Lbfgs && checkpoints.is_some() {
            return Err(Error::FullBatch { what: "a checkpoint" });
        }
        let (begun, keeper) = if checkpoints.is_none() && resumed.is_none() {
            (vec![None; settings.ensemble], None)
        } else {
            let identity = Identity::of(&pipeline, &training, validation.as_ref(), held_out, settings);
            let begun = match resumed {
                Some(checkpoint) => checkpoint.members_of(&identity)?,
                None => vec![None; settings.ensemble],
            };
            let keeper = checkpoints.map(|checkpoints| Keeper::new(checkpoints, identity, begun.clone()));
            (begun, keeper.transpose()?)
        };

        // Splits are drawn before the rows are smoothed, which is a change of what is trained towards and not of what is true.
        let is_own = validation.is_none() && settings.validation_fraction > 0.0;
        let shared = if is_own { training } else { smoothed(training, target, settings)? };
        let go_on = AtomicBool::new(true);
        let is_stopped = || !go_on.load(Ordering::Relaxed) || is_stopped();
        let report = |progress: &Progress| {
            if !on_epoch(progress) {
                go_on.store(false, Ordering::Relaxed);
            }
        };
        let members = jobs::run(settings.ensemble, compute, |number, compute| {
            let seed = member_seed(settings.seed, number);
            let member = |training, validation| Member {
                number,
                target,
                settings,
                seed,
                training,
                validation,
                report: &report,
                is_stopped: &is_stopped,
                begun: begun[number].as_ref(),
                keeper: keeper.as_ref(),
            };
            let network = untrained(target, pipeline.inputs(), settings, seed)?;
            if !is_own {
                return member(&shared, validation.as_ref()).train(network, compute);
            }
            let split = Split::validation(&classes(target, shared.targets()), settings.validation_fraction, seed);
            let split = split.map_err(|error| match error {
                data::Error::FewRows { rows } => Error::NoValidation { rows },
                error => error.into(),
            })?;
            for (part, rows) in [("for a network", &split.training), ("to judge a network by", &split.held_out)] {
                if !rows.iter().any(|row| shared.weight(*row) > 0.0) {
                    return Err(Error::NoOwnWeight { part, rows: shared.rows() });
                }
            }
            let own = smoothed(subset(&shared, target, &split.training)?, target, settings)?;
            let judged = subset(&shared, target, &split.held_out)?;
            member(&own, Some(&judged)).train(network, compute)
        })?;

        let is_trained = |curve: &Curve| !curve.training.is_empty();
        let most = if members.iter().any(|(_, curve)| is_trained(curve)) { members.len() } else { 1 };
        let kept = members.into_iter().filter(|(_, curve)| most == 1 || is_trained(curve)).take(most);
        let (members, curves) = kept.unzip();
        let training = Training { settings: settings.clone(), curves, provenance: None };
        Ok(Model { pipeline, members, training })
    }
}

/// A [`Fit`] of which nothing else is wanted than `progress`, its hook after each epoch.
///
/// # Errors
/// As [`Fit::run`].
pub fn fit(
    pipeline: Pipeline,
    training: Dataset,
    validation: Option<Dataset>,
    settings: &Settings,
    compute: Compute,
    progress: &(dyn Fn(&Progress) -> bool + Sync),
) -> Result<Model> {
    Fit::new(settings, compute).on_epoch(progress).run(pipeline, training, validation)
}

/// The seed of a member: of the first one, that of the settings.
fn member_seed(seed: u64, member: usize) -> u64 {
    if member == 0 {
        return seed;
    }
    let mut random = Random::new(seed, MEMBER_STREAM.wrapping_add(member as u64));
    let mut half = || u64::from(random.below(u32::MAX));
    half() << 32 | half()
}

/// A new network for this target.
fn untrained(target: &Target, inputs: usize, settings: &Settings, seed: u64) -> Result<Network> {
    let builder = Network::builder(inputs).hidden(&settings.hidden).activation(settings.activation);
    Ok(builder.output_layer(output_layer(target), target.outputs()).seed(seed).build()?)
}

/// The same rows with labels smoothed as the settings say.
pub(crate) fn smoothed(data: Dataset, target: &Target, settings: &Settings) -> Result<Dataset> {
    match (target, settings.label_smoothing) {
        (Target::Number { .. }, _) | (_, 0.0) => Ok(data),
        (_, smoothing) => Ok(data.with_label_smoothing(smoothing)?),
    }
}

/// The training of one member.
struct Member<'a> {
    number: usize,
    target: &'a Target,
    settings: &'a Settings,
    seed: u64,
    training: &'a Dataset,
    validation: Option<&'a Dataset>,
    report: &'a (dyn Fn(&Progress) + Sync),
    is_stopped: &'a (dyn Fn() -> bool + Sync),
    begun: Option<&'a net::checkpoint::Checkpoint>,
    keeper: Option<&'a Keeper>,
}

impl Member<'_> {
    fn train(&self, network: Network, compute: Compute) -> Result<(Network, Curve)> {
        match self.settings.optimizer {
            Optimizer::Lbfgs => self.train_at_once(network, compute),
            _ => self.train_by_minibatches(network, compute),
        }
    }

    /// On all rows at once: an iteration is an epoch, and the last one is the best.
    fn train_at_once(&self, network: Network, compute: Compute) -> Result<(Network, Curve)> {
        let mut trainer = Lbfgs::new(network, self.settings.full_batch_options(compute))?;
        let mut curve = Curve::default();
        let mut evaluations = 0;
        if !(self.is_stopped)() {
            trainer.train(self.training, |iteration| {
                curve.training.push(iteration.mean_loss);
                let passes = iteration.evaluations - evaluations;
                evaluations = iteration.evaluations;
                (self.report)(&Progress {
                    member: self.number + 1,
                    epoch: iteration.number,
                    training_loss: iteration.mean_loss,
                    validation_loss: None,
                    validation_score: None,
                    rows: passes * self.training.rows(),
                    seconds: iteration.seconds,
                });
                self.flow()
            })?;
        }
        curve.best_epoch = curve.training.len();
        Ok((trainer.into_network(), curve))
    }

    fn flow(&self) -> ControlFlow<()> {
        if (self.is_stopped)() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn train_by_minibatches(&self, network: Network, compute: Compute) -> Result<(Network, Curve)> {
        let Member { target, settings, training, validation, .. } = *self;
        let mut run = self.run();
        let early_stopping = validation.map(|_| settings.early_stopping());
        let options = TrainingOptions { early_stopping, ..settings.options(training.rows(), self.seed, compute) };
        let mut trainer = match self.begun {
            Some(checkpoint) => Trainer::resume(checkpoint.clone(), options, &run)?,
            None => Trainer::new(network, options)?,
        };
        let is_finished = self.begun.is_some_and(|checkpoint| checkpoint.ending().is_some());
        if !is_finished && !(self.is_stopped)() {
            trainer.run(&mut run)?;
        }
        let mut curve = Curve::of(trainer.history(), target, settings);
        let mut network = trainer.into_network();
        if let (true, Some(rows)) = (settings.temperature, validation) {
            let temperature = temperature(&network, rows, compute)?;
            network.scale_output(temperature.inverse())?;
            curve.temperature = Some(temperature.value());
        }
        Ok((network, curve))
    }

    fn run(&self) -> Run<'_> {
        let Member { number, target, settings, training, validation, keeper, .. } = *self;
        let mut run = Run::new(training).on_batch(|_| self.flow()).on_epoch(move |epoch| {
            (self.report)(&Progress {
                member: number + 1,
                epoch: epoch.number,
                training_loss: epoch.mean_loss,
                validation_loss: epoch.validation_loss,
                validation_score: epoch.validation_score.map(|score| settings.metric.in_unit(target, score)),
                rows: epoch.samples,
                seconds: epoch.seconds,
            });
            self.flow()
        });
        if let Some(validation) = validation {
            run = run.validation(validation);
            if let StoppingMetric::Metric(metric) = settings.metric {
                run = run.scorer(Scorer::of(metric));
            }
        }
        match keeper {
            Some(keeper) => run.on_checkpoint(keeper.every, move |checkpoint| keeper.keep(number, checkpoint)),
            None => run,
        }
    }
}

/// The temperature that suits these rows best.
fn temperature(network: &Network, rows: &Dataset, compute: Compute) -> Result<Temperature> {
    let mut preactivations = vec![0.0; rows.rows() * network.shape().outputs()];
    Predictor::new(network).with_level(compute.level).preactivations(rows.features(), &mut preactivations)?;
    Ok(Temperature::fit(&preactivations, rows)?)
}

impl Curve {
    fn of(history: &History, target: &Target, settings: &Settings) -> Curve {
        let scores = history.epochs.iter().filter_map(|epoch| epoch.validation_score);
        Curve {
            training: history.training_losses(),
            validation: history.epochs.iter().filter_map(|epoch| epoch.validation_loss).collect(),
            validation_score: scores.map(|score| settings.metric.in_unit(target, score)).collect(),
            best_epoch: history.best_epoch.unwrap_or(history.epochs.len()),
            temperature: None,
        }
    }
}
