//! Where files may be written.

use std::path::Path;

use anyhow::{Result, bail};

/// Finds out before the work what would stop the result from being written after it, and keeps the files that the work
/// reads from being overwritten.
///
/// # Errors
/// If `path` is a folder, lies in no folder or in one that takes no files, or is one of `sources`.
pub fn check(path: &Path, sources: &[&Path]) -> Result<()> {
    let shown = path.display();
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // A device such as /dev/null would be replaced, too.
    if path.exists() && !path.is_file() {
        bail!("cannot write `{shown}`: it is a folder or a device, give a file");
    }
    if !folder.is_dir() {
        bail!("cannot write `{shown}`: there is no folder `{}`, create it first", folder.display());
    }
    // The result will be written beside its place, and then take it.
    if let Err(error) = tempfile::tempfile_in(folder) {
        bail!("cannot write `{shown}`: no file can be made in the folder `{}`: {error}", folder.display());
    }
    let place = path.canonicalize();
    for source in sources {
        if place.as_ref().is_ok_and(|place| source.canonicalize().is_ok_and(|source| source == *place)) {
            bail!("cannot write `{shown}`: it is read in the same run, give another file");
        }
    }
    Ok(())
}
