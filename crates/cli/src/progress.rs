//! The progress of long work, on the standard error.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressStyle};
use model::Settings;
use model::recipe::StoppingMetric;

/// A bar on a terminal; elsewhere, such as in a log file, some lines.
pub struct Progress {
    bar: Option<ProgressBar>,
    unit: &'static str,
    count: usize,
}

/// About how many lines there are in all.
const LINES: usize = 10;

impl Progress {
    /// Starts work of `count` units, with `title` before the bar.
    pub fn new(title: String, unit: &'static str, count: usize) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let template = format!("{{prefix}} {{bar:30}} {unit} {{human_pos}}/{{human_len}}, {{msg}}, {{eta}} left");
            let style = ProgressStyle::with_template(&template).expect("the template is well-formed");
            ProgressBar::new(count as u64).with_style(style).with_prefix(title)
        });
        Self { bar, unit, count }
    }

    /// Shows that so many units are done, and how things are.
    pub fn show(&self, done: usize, state: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(state.to_owned());
            bar.set_position(done as u64);
        } else if done <= 1 || done == self.count || done.is_multiple_of(self.count.div_ceil(LINES)) {
            // The work goes on even if nobody can be told about it.
            let _ = writeln!(io::stderr(), "{} {done}/{}, {state}", self.unit, self.count);
        }
    }
}

/// Takes the bar away, also when the work has failed, so that the error gets a line of its own.
impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// The progress of trainings: of the members of an ensemble, or of the fits of a cross-validation.
pub struct TrainingProgress {
    progress: Progress,
    start: Instant,
    epochs: usize,
    /// Those that had been done before the start.
    before: usize,
    /// Which numbers tell one training from another.
    has_fits: bool,
    has_members: bool,
    metric: StoppingMetric,
    done: Mutex<Done>,
}

/// What is done so far.
#[derive(Default)]
struct Done {
    epochs: usize,
    rows: usize,
}

impl TrainingProgress {
    /// Starts so many fits with the same settings.
    pub fn new(title: &str, fits: usize, settings: &Settings) -> Self {
        let count = fits * settings.ensemble * settings.epochs;
        Self {
            progress: Progress::new(title.to_owned(), "epoch", count),
            start: Instant::now(),
            epochs: count,
            before: 0,
            has_fits: fits > 1,
            has_members: settings.ensemble > 1,
            metric: settings.metric,
            done: Mutex::default(),
        }
    }

    /// So many epochs had been done before.
    pub fn after(self, epochs: usize) -> Self {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).epochs = epochs;
        Self { before: epochs, ..self }
    }

    /// Shows an epoch that has just ended, of the fit with this number, counted from 1.
    pub fn show(&self, fit: usize, epoch: &model::Progress) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.epochs += 1;
        done.rows += epoch.rows;
        let seconds = self.start.elapsed().as_secs_f64();
        let mut state = String::new();
        if self.has_fits {
            state += &format!("fold {fit}, ");
        }
        if self.has_members {
            state += &format!("network {}, ", epoch.member);
        }
        state += &format!("loss {:.4}", epoch.training_loss);
        if let Some(loss) = epoch.validation_loss {
            state += &format!(", validation loss {loss:.4}");
        }
        if let Some(score) = epoch.validation_score {
            state += &format!(", {} {score:.4}", self.metric);
        }
        state += &format!(", {} rows/s", HumanCount((done.rows as f64 / seconds) as u64));
        if self.progress.bar.is_none() {
            // With early stopping, that is the most.
            let left = seconds * self.epochs.saturating_sub(done.epochs) as f64 / (done.epochs - self.before) as f64;
            state += &format!(", {} left", HumanDuration(Duration::from_secs_f64(left.ceil())));
        }
        self.progress.show(done.epochs, &state);
    }
}
