//! Checkpoints of fits: what all members of an ensemble have come to, in one file.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use data::Pipeline;
use net::Dataset;
use net::checkpoint::{Every, load_all, same, save_all};
use net::container::Unreadable;
use net::digest::Digest;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Error, Examples, Result, Settings};

/// What a fit has come to, from its file. [`Fit::resume`](crate::Fit::resume) goes on from it.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    identity: Identity,
    note: String,
    members: Vec<Option<net::checkpoint::Checkpoint>>,
}

/// What the result of a fit depends on.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Identity {
    settings: Settings,
    /// Digests.
    pipeline: String,
    training: String,
    validation: Option<String>,
    /// The rows by which the model will be judged.
    held_out: Option<String>,
}

/// What the file has besides the trainings of the members.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    fit: Identity,
    note: String,
}

impl Checkpoint {
    /// Reads the checkpoint in the file at `path`.
    ///
    /// # Errors
    /// If the file cannot be read, is no checkpoint of a fit of this version, or was changed since it was written.
    pub fn load(path: &Path) -> Result<Self> {
        let (members, metadata) = load_all(path)?;
        let unreadable =
            |reason: String| net::Error::Checkpoint { path: path.to_owned(), reason: Unreadable::Metadata(reason) };
        let Metadata { fit: identity, note } =
            serde_json::from_str(&metadata).map_err(|error| unreadable(error.to_string()))?;
        match members.len() == identity.settings.ensemble {
            true => Ok(Self { identity, note, members }),
            false => Err(unreadable("it has more or fewer networks than its settings say".to_owned()).into()),
        }
    }

    /// The text that [`Fit::checkpoints`](crate::Fit::checkpoints) gave it.
    pub fn note(&self) -> &str {
        &self.note
    }

    /// The epochs that are done, of all members together.
    pub fn epochs_done(&self) -> usize {
        self.members.iter().flatten().map(|member| member.history().epochs.len()).sum()
    }

    /// Whether the training of every member has ended.
    pub fn is_finished(&self) -> bool {
        self.members.iter().all(|member| member.as_ref().is_some_and(|member| member.ending().is_some()))
    }

    /// The members, if it is a checkpoint of this fit.
    pub(crate) fn members_of(self, given: &Identity) -> Result<Vec<Option<net::checkpoint::Checkpoint>>> {
        self.identity.check(given)?;
        Ok(self.members)
    }
}

impl Identity {
    pub(crate) fn of(
        pipeline: &Pipeline,
        training: &Dataset,
        validation: Option<&Dataset>,
        held_out: Option<&Examples>,
        settings: &Settings,
    ) -> Self {
        Self {
            settings: settings.clone(),
            pipeline: Digest::of([pipeline.to_json().as_bytes()]).to_string(),
            training: training.fingerprint().to_string(),
            validation: validation.map(|rows| rows.fingerprint().to_string()),
            held_out: held_out.map(|rows| rows.fingerprint().to_string()),
        }
    }

    /// Makes sure that another fit is the same. Settings that change the data are compared before them, and those that
    /// follow from the number of rows after them, so that the error names the cause.
    fn check(&self, given: &Self) -> Result<()> {
        let of_data = |settings: &Settings| {
            let Settings { class_weights, pieces, scaling, seed, .. } = settings;
            let [class_weights, pieces, scaling] = [class_weights.to_string(), pieces.to_string(), scaling.to_string()];
            json!({"class weights": class_weights, "pieces": pieces, "scaling": scaling, "seed": seed})
        };
        same(&of_data(&self.settings), &of_data(&given.settings))?;
        for (what, of_checkpoint, given) in [
            ("rows to train on", Some(&self.training), Some(&given.training)),
            ("validation rows", self.validation.as_ref(), given.validation.as_ref()),
            ("held-out rows", self.held_out.as_ref(), given.held_out.as_ref()),
            ("columns", Some(&self.pipeline), Some(&given.pipeline)),
        ] {
            if of_checkpoint != given {
                return Err(Error::OtherData { what });
            }
        }
        Ok(same(&self.settings, &given.settings)?)
    }
}

/// Keeps the latest checkpoint of each member, and a file with all of them.
pub(crate) struct Keeper {
    path: PathBuf,
    pub every: Every,
    metadata: String,
    members: Mutex<Vec<Option<net::checkpoint::Checkpoint>>>,
}

impl Keeper {
    /// Writes the file for the first time.
    pub(crate) fn new(
        (path, every, note): (PathBuf, Every, String),
        fit: Identity,
        members: Vec<Option<net::checkpoint::Checkpoint>>,
    ) -> Result<Self> {
        let metadata = serde_json::to_string(&Metadata { fit, note }).expect("settings become JSON");
        save_all(&path, &members, &metadata)?;
        Ok(Self { path, every, metadata, members: Mutex::new(members) })
    }

    /// Takes the next checkpoint of a member. Members are independent of each other, so that a file may have them at
    /// different times.
    pub(crate) fn keep(
        &self,
        member: usize,
        checkpoint: net::checkpoint::Checkpoint,
    ) -> std::result::Result<(), net::Error> {
        let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        members[member] = Some(checkpoint);
        save_all(&self.path, &members, &self.metadata)
    }
}
