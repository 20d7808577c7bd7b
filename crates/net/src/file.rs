//! Writing files so that nothing is ever half written.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::Error;

/// Replaces the file at `path` by one with these bytes, or leaves it as it was: writes a temporary file in the same folder,
/// syncs it, renames it, and syncs the folder. The file keeps its permissions; where `path` is a symbolic link, the file behind
/// it is replaced.
///
/// At any moment, also after a kill or a power failure, the file is the old one or the new one. What a kill can leave behind
/// is a temporary file, `.backprop-*.tmp`, which nothing reads.
///
/// # Errors
/// If any of that fails; the temporary file is removed then. Only if it is the sync of the folder that fails, the new file has
/// taken its place already, and the error says so.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    Place::find(path).and_then(|place| place.replace(bytes)).map_err(|source| error("write", path, source))
}

/// Finds out what would stop [`write_atomically`] from writing to `path`, for those who want to know before long work.
///
/// # Errors
/// If `path` is a directory, a device or a read-only file, lies in no folder or in one that takes no files.
pub fn check_writable(path: &Path) -> Result<(), Error> {
    let check = |place: Place| {
        let cannot = |error| refuse(format!("no file can be made in the folder `{}`: {error}", place.folder.display()));
        tempfile::tempfile_in(&place.folder).map(|_| ()).map_err(cannot)
    };
    Place::find(path).and_then(check).map_err(|source| error("write", path, source))
}

/// The bytes of the file at `path`.
///
/// # Errors
/// If it cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| error("read", path, source))
}

fn error(action: &'static str, path: &Path, source: io::Error) -> Error {
    Error::File { action, path: path.to_owned(), source }
}

fn refuse(reason: String) -> io::Error {
    io::Error::other(reason)
}

/// Where a file goes.
struct Place {
    /// Its path, behind symbolic links: a rename would put it in the place of the link itself.
    path: PathBuf,
    folder: PathBuf,
    /// Those of the old file.
    permissions: Option<Permissions>,
}

impl Place {
    fn find(path: &Path) -> io::Result<Place> {
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let permissions = match fs::metadata(&path) {
            Ok(old) if old.is_dir() => return Err(refuse("a folder is in the way, give a file".to_owned())),
            // A rename would put a file in the place of a device or a pipe.
            Ok(old) if !old.is_file() => return Err(refuse("it is a device, give a file".to_owned())),
            Ok(old) if old.permissions().readonly() => {
                return Err(refuse("it is a read-only file, give another one or make it writable".to_owned()));
            }
            Ok(old) => Some(old.permissions()),
            Err(_) => None,
        };
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        match folder.is_dir() {
            true => Ok(Place { path, folder, permissions }),
            false => Err(refuse(format!("there is no folder `{}`, create it first", folder.display()))),
        }
    }

    fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".backprop-").suffix(".tmp");
        #[cfg(unix)]
        {
            // As for any new file: the user's umask takes away what it should.
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(Permissions::from_mode(0o666));
        }
        let mut temporary = builder.tempfile_in(&self.folder)?;
        temporary.write_all(bytes)?;
        if let Some(permissions) = &self.permissions
            && *permissions != temporary.as_file().metadata()?.permissions()
        {
            temporary.as_file().set_permissions(permissions.clone())?;
        }
        temporary.as_file().sync_all()?;
        temporary.persist(&self.path).map_err(|error| error.error)?;
        // The new name itself is safe only once the folder is. (Windows cannot open folders; renaming is durable there.)
        if cfg!(unix) {
            match File::open(&self.folder).and_then(|folder| folder.sync_all()) {
                // Some network file systems know no sync of folders.
                Err(error) if !matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
                    return Err(refuse(format!(
                        "the new file is in place, but its folder cannot be synced, so that a power failure may bring back \
                         the old one: {error}"
                    )));
                }
                _ => {}
            }
        }
        Ok(())
    }
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
        assert!(error.to_string().contains("folder"), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn permissions_and_links_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().expect("a temporary folder");
        let [path, link] = ["model", "link"].map(|name| folder.path().join(name));
        write_atomically(&path, b"old").expect("written");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("set");
        symlink("model", &link).expect("linked");
        write_atomically(&link, b"new").expect("written");
        assert_eq!(fs::read(&path).expect("readable"), b"new");
        assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
        assert!(link.symlink_metadata().expect("a link").is_symlink());

        fs::set_permissions(&path, Permissions::from_mode(0o400)).expect("set");
        for error in [write_atomically(&path, b"newer").unwrap_err(), check_writable(&link).unwrap_err()] {
            assert!(error.to_string().contains("read-only"), "{error}");
        }
        assert_eq!(fs::read(&path).expect("readable"), b"new");
    }
}
