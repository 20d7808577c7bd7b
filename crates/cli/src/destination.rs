//! Where files may be written.

use std::path::Path;

use anyhow::{Result, bail};

/// Finds out before the work what would stop the result from being written after it, and keeps the files that the work
/// reads from being overwritten.
///
/// # Errors
/// If no file can be written there, or it is one of `sources`.
pub fn check(path: &Path, sources: &[&Path]) -> Result<()> {
    net::file::check_writable(path)?;
    let place = path.canonicalize();
    for source in sources {
        if place.as_ref().is_ok_and(|place| source.canonicalize().is_ok_and(|source| source == *place)) {
            bail!("cannot write `{}`: it is read in the same run, give another file", path.display());
        }
    }
    Ok(())
}
