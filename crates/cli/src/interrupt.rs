//! Ctrl-C, and SIGTERM and SIGHUP, with which systems end programs: they stop a training but do not throw away what it has
//! come to.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};

static HAPPENED: AtomicBool = AtomicBool::new(false);

/// The exit code of a program that Ctrl-C has ended: 128 and the number of the signal.
const INTERRUPTED: i32 = 130;

/// From now on, the first of these only leaves word; the second one ends the program.
///
/// # Errors
/// If the system does not allow that.
pub fn listen() -> Result<()> {
    ctrlc::set_handler(|| {
        if HAPPENED.swap(true, Ordering::Relaxed) {
            process::exit(INTERRUPTED);
        }
    })
    .context("Ctrl-C cannot be listened to")
}

/// Whether there was one.
pub fn happened() -> bool {
    HAPPENED.load(Ordering::Relaxed)
}
