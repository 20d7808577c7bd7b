//! The crate in `tests/foreign`: it knows `net` by its path alone and is built with the release profile that Cargo gives
//! to any new crate, since the profile of this workspace does not reach it.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Builds the foreign crate in the folder `target`, and returns its program.
///
/// # Errors
/// If it does not build; the message is Cargo's.
pub fn build(target: &Path) -> io::Result<PathBuf> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/foreign/Cargo.toml");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.args(["build", "--release", "--locked", "--manifest-path"]).arg(manifest).arg("--target-dir").arg(target);
    // Compiler flags of this build are not those of another crate.
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    output(&mut cargo)?;
    Ok(target.join("release").join(format!("foreign{}", std::env::consts::EXE_SUFFIX)))
}

/// What `command` prints.
///
/// # Errors
/// If it cannot be run or fails; the message is what it printed as its errors.
pub fn output(command: &mut Command) -> io::Result<String> {
    let Output { status, stdout, stderr } = command.output()?;
    match status.success() {
        true => Ok(String::from_utf8_lossy(&stdout).into_owned()),
        false => Err(io::Error::other(format!("{command:?}: {status}\n{}", String::from_utf8_lossy(&stderr)))),
    }
}
