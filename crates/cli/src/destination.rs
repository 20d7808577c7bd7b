//! Where files may be written.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// Finds out before the work what would stop its results from being written after it, and keeps the files that it reads, and
/// its results, from being overwritten. `outputs` are the files to be written, each with what it is; `sources` are those that
/// are read.
///
/// # Errors
/// If one of the outputs cannot be written, is one of the sources, or is another output.
pub fn check<S: AsRef<Path>>(outputs: &[(&str, &Path)], sources: &[S]) -> Result<()> {
    let sources: Vec<PathBuf> = sources.iter().map(|source| place(source.as_ref())).collect();
    let places: Vec<PathBuf> = outputs.iter().map(|(_, path)| place(path)).collect();
    for (number, ((what, path), here)) in outputs.iter().zip(&places).enumerate() {
        if let Some(other) = places[..number].iter().position(|place| place == here) {
            let (other, path) = outputs[other];
            bail!("{other} and {what} are both `{}`: give two files", path.display());
        }
        if sources.contains(here) {
            bail!("cannot write `{}`: it is read in the same run, give another file", path.display());
        }
        net::file::check_writable(path)?;
    }
    Ok(())
}

/// What tells whether two paths mean the same file, which need not be there yet.
fn place(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let in_folder = || Some(folder.canonicalize().ok()?.join(path.file_name()?));
    path.canonicalize().ok().or_else(in_folder).unwrap_or_else(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_has_many_names() {
        let folder = tempfile::tempdir().unwrap();
        let [old, new] = ["old", "new"].map(|name| folder.path().join(name));
        std::fs::write(&old, "x").unwrap();
        let beside = |name: &str| folder.path().join(".").join(name);
        let refused = |outputs: &[(&str, &Path)]| check(outputs, &[&old]).unwrap_err().to_string();
        assert!(refused(&[("a", &beside("old"))]).contains("it is read in the same run"));
        assert!(refused(&[("a", &new), ("b", &beside("new"))]).starts_with("a and b are both"));
        assert!(check(&[("a", &new), ("b", &beside("newer"))], &[&old]).is_ok());
    }
}
