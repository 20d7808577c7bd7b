//! Writing files so that nothing is ever half written.

use std::io::{self, Write};
use std::path::Path;

use crate::Error;

/// Replaces the file at `path` by one with these bytes, or leaves it as it was: writes a temporary file in the same folder,
/// syncs it, renames it, and syncs the folder.
///
/// # Errors
/// If any of that fails; the temporary file is removed then.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    replace(path, bytes).map_err(|source| Error::File { action: "write", path: path.to_owned(), source })
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if path.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "a directory of that name is in the way"));
    }
    if path.exists() && !path.is_file() {
        // A rename would put a file in the place of a device or a pipe.
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "something that is not a file is in the way"));
    }
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".backprop-").suffix(".tmp");
    #[cfg(unix)]
    {
        // As for any new file: the user's umask takes away what it should.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut temporary = builder.tempfile_in(folder)?;
    temporary.write_all(bytes)?;
    temporary.as_file().sync_all()?;
    temporary.persist(path).map_err(|error| error.error)?;
    // The new name itself is safe only once the folder is. (Windows cannot open folders; renaming is durable there.)
    #[cfg(unix)]
    std::fs::File::open(folder)?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_a_file_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("model");
        write_atomically(&path, b"old").expect("written");
        write_atomically(&path, b"new").expect("written");
        assert_eq!(std::fs::read(&path).expect("readable"), b"new");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }

    #[test]
    fn a_directory_in_the_way_stays() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let error = write_atomically(folder.path(), b"new").expect_err("a directory is no file");
        assert!(error.to_string().contains("directory"), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
    }
}
