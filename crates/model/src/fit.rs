//! Fitting: the members of an ensemble, each trained, and stopped early if there are rows to judge it by.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use data::{Pipeline, Split, Target};
use net::random::Random;
use net::{Dataset, History, Network, Run, Shape, Trainer, TrainingOptions};
use serde::{Deserialize, Serialize};

use crate::error::setting;
use crate::examples::{classes, subset};
use crate::model::{Training, output_layer};
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
    /// The epoch after which the weights were kept, counted from 1.
    pub best_epoch: usize,
}

/// What the callback of [`fit()`] learns after an epoch of a member.
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
    /// Rows seen in this epoch.
    pub rows: usize,
    /// How long it took.
    pub seconds: f64,
}

/// Trains all members of an ensemble on the same rows. With several threads, several members are trained at a time.
///
/// Where `validation` rows are given, all members are judged by them after each epoch; else, by the settings, each by a part
/// of the rows to train on that is its own. The weights after the best epoch are kept.
///
/// `progress` is called from several threads. When it returns false, the training of all members ends, and what has been
/// reached is the model.
///
/// # Errors
/// If a setting is out of its range, there are no rows to judge by although the settings want some, or a training diverges.
pub fn fit(
    pipeline: Pipeline,
    training: Dataset,
    validation: Option<Dataset>,
    settings: &Settings,
    compute: Compute,
    progress: &(dyn Fn(&Progress) -> bool + Sync),
) -> Result<Model> {
    let has_validation = validation.is_some() || settings.validation_fraction > 0.0;
    if settings.patience > 0 && !has_validation {
        return Err(setting("patience", settings.patience, "0 where there are no validation rows: hold some out"));
    }
    let target = pipeline.target();
    let shape = Shape::new(pipeline.inputs(), &settings.hidden, settings.activation)?
        .with_output_layer(output_layer(target), target.outputs())?;
    let parameters = shape.parameter_count().saturating_mul(settings.ensemble);
    if parameters > MAX_PARAMETERS {
        return Err(Error::TooLarge { parameters, most: MAX_PARAMETERS });
    }

    // Splits are drawn before the rows are smoothed, which is a change of what is trained towards and not of what is true.
    let is_own = validation.is_none() && settings.validation_fraction > 0.0;
    let shared = if is_own { training } else { smoothed(training, target, settings)? };
    let go_on = AtomicBool::new(true);
    let members = jobs::run(settings.ensemble, compute, |member, compute| {
        let seed = member_seed(settings.seed, member);
        let network = untrained(target, pipeline.inputs(), settings, seed)?;
        let report = |progress_of_epoch: Progress| {
            if !progress(&Progress { member: member + 1, ..progress_of_epoch }) {
                go_on.store(false, Ordering::Relaxed);
            }
            go_on.load(Ordering::Relaxed)
        };
        if !is_own {
            let member = Member { settings, training: &shared, validation: validation.as_ref() };
            return member.train(network, seed, compute, &report);
        }
        let split = Split::validation(&classes(target, shared.targets()), settings.validation_fraction, seed)?;
        let own = smoothed(subset(&shared, target, &split.training)?, target, settings)?;
        let judged = subset(&shared, target, &split.held_out)?;
        Member { settings, training: &own, validation: Some(&judged) }.train(network, seed, compute, &report)
    })?;

    let (members, curves) = members.into_iter().unzip();
    let training = Training { settings: settings.clone(), curves, provenance: None };
    Ok(Model { pipeline, members, training })
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

fn smoothed(data: Dataset, target: &Target, settings: &Settings) -> Result<Dataset> {
    match (target, settings.label_smoothing) {
        (Target::Number { .. }, _) | (_, 0.0) => Ok(data),
        (_, smoothing) => Ok(data.with_label_smoothing(smoothing)?),
    }
}

/// The training of one member.
struct Member<'a> {
    settings: &'a Settings,
    training: &'a Dataset,
    validation: Option<&'a Dataset>,
}

impl Member<'_> {
    fn train(
        &self,
        network: Network,
        seed: u64,
        compute: Compute,
        report: &(dyn Fn(Progress) -> bool + Sync),
    ) -> Result<(Network, Curve)> {
        let Member { settings, training, validation } = *self;
        let mut run = Run::new(training).on_epoch(|epoch| {
            let go_on = report(Progress {
                member: 0,
                epoch: epoch.number,
                training_loss: epoch.mean_loss,
                validation_loss: epoch.validation_loss,
                rows: epoch.samples,
                seconds: epoch.seconds,
            });
            if go_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        if let Some(validation) = validation {
            run = run.validation(validation);
        }
        let early_stopping = validation.map(|_| settings.early_stopping());
        let options = TrainingOptions { early_stopping, ..settings.options(training.rows(), seed, compute) };
        let mut trainer = Trainer::new(network, options)?;
        trainer.run(&mut run)?;
        let curve = Curve::of(trainer.history());
        Ok((trainer.into_network(), curve))
    }
}

impl Curve {
    fn of(history: &History) -> Curve {
        Curve {
            training: history.training_losses(),
            validation: history.epochs.iter().filter_map(|epoch| epoch.validation_loss).collect(),
            best_epoch: history.best_epoch.unwrap_or(history.epochs.len()),
        }
    }
}
