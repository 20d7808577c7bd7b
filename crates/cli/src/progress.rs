//! The progress of long work, on the standard error.

use std::io::{self, IsTerminal, Write};

use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use net::Epoch;

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

    /// Shows an epoch of training that has just ended.
    pub fn show_epoch(&self, epoch: &Epoch) {
        let rate = HumanCount((epoch.samples as f64 / epoch.seconds) as u64);
        self.show(epoch.number, &format!("loss {:.4}, {rate} samples/s", epoch.mean_loss));
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
