//! The progress of training, on the standard error.

use std::io::{self, IsTerminal, Write};

use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use net::Epoch;

/// A bar on a terminal; elsewhere, such as in a log file, some lines.
pub enum Progress {
    Bar(ProgressBar),
    Lines,
}

/// About how many lines there are in all.
const LINES: usize = 10;

impl Progress {
    /// Starts, with `title` before the bar.
    pub fn new(title: String, epochs: usize) -> Self {
        if !io::stderr().is_terminal() {
            return Self::Lines;
        }
        let style = ProgressStyle::with_template("{prefix} {bar:30} epoch {human_pos}/{human_len}, {msg}, {eta} left")
            .expect("the template is well-formed");
        Self::Bar(ProgressBar::new(epochs as u64).with_style(style).with_prefix(title))
    }

    /// Shows an epoch that has just ended.
    pub fn show(&self, epoch: &Epoch) {
        let rate = HumanCount((epoch.samples as f64 / epoch.seconds) as u64);
        let state = format!("loss {:.4}, {rate} samples/s", epoch.mean_loss);
        match self {
            Self::Bar(bar) => {
                bar.set_message(state);
                bar.set_position(epoch.number as u64);
            }
            Self::Lines => {
                let due = epoch.number.is_multiple_of(epoch.of.div_ceil(LINES));
                if due || epoch.number == 1 || epoch.number == epoch.of {
                    // Training goes on even if nobody can be told about it.
                    let _ = writeln!(io::stderr(), "epoch {}/{}, {state}", epoch.number, epoch.of);
                }
            }
        }
    }
}

/// Takes the bar away, also when training has failed, so that the error gets a line of its own.
impl Drop for Progress {
    fn drop(&mut self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
