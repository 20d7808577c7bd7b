//! Ctrl-C, and SIGTERM, by which systems end programs: they stop trainings but do not throw away what those have come to.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use anyhow::{Context, Result};

use crate::failure;

static HAPPENED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

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
    .context("Ctrl-C cannot be listened to")?;
    #[cfg(unix)]
    {
        use signal_hook::consts::SIGTERM;
        use signal_hook::flag::{register, register_conditional_shutdown};
        // In this order: the first signal finds the flag unset.
        register_conditional_shutdown(SIGTERM, 128 + SIGTERM, Arc::clone(&HAPPENED))
            .and_then(|_| register(SIGTERM, Arc::clone(&HAPPENED)))
            .context("SIGTERM cannot be listened to")?;
    }
    Ok(())
}

/// Ends the program after one that has left nothing to go on with.
pub fn end(why: &str) -> ! {
    failure::tell(why);
    process::exit(INTERRUPTED);
}

/// Whether there was one.
pub fn happened() -> bool {
    HAPPENED.load(Ordering::Relaxed)
}
