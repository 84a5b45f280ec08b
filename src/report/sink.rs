//! Files, whole or not at all: written to a temporary name in the same folder, synced, then
//! renamed. Knows nothing of what is in them.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};
use thiserror::Error;

/// Why a file could not be written.
#[derive(Debug, Error)]
pub enum SinkError {
    /// The folder can't be made.
    #[error("can't create the output folder {}; choose another with --output", path.display())]
    Create {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Nothing can be written to the folder.
    #[error("can't write to the output folder {}; choose another with --output", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// This file can't be written.
    #[error("can't write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file of an earlier run can't be removed.
    #[error("can't remove {}, which an earlier run left", path.display())]
    Remove {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Creates the folder and makes sure that files can be written to it: to be called before a load
/// starts, so that no run is in vain.
///
/// # Errors
/// When the folder can't be made or written to.
pub(crate) fn prepare(dir: &Path) -> Result<(), SinkError> {
    fs::create_dir_all(dir).map_err(|source| SinkError::Create {
        path: dir.into(),
        source,
    })?;
    let probe = || -> io::Result<()> {
        let mut file = temporary(dir)?;
        file.write_all(b"x")?;
        file.close()
    };
    probe().map_err(|source| SinkError::Folder {
        path: dir.into(),
        source,
    })
}

/// Writes a file into a folder that exists, in place of one of the same name.
///
/// # Errors
/// When the file can't be written; then the one that was there before still is.
pub(crate) fn write(dir: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf, SinkError> {
    let path = dir.join(name);
    let whole = || -> io::Result<()> {
        let mut file = temporary(dir)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(&path)?;
        Ok(())
    };
    match whole() {
        Ok(()) => Ok(path),
        Err(source) => Err(SinkError::Write { path, source }),
    }
}

/// Removes a file, if there is one.
///
/// # Errors
/// When it is there and can't be removed.
pub(crate) fn remove(dir: &Path, name: &str) -> Result<(), SinkError> {
    let path = dir.join(name);
    match fs::remove_file(&path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(SinkError::Remove { path, source })
        }
        _ => Ok(()),
    }
}

/// A temporary file with the permissions of any other file, where the system has such.
fn temporary(dir: &Path) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(".loadgen-");
    #[cfg(unix)]
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    #[cfg(unix)]
    builder.permissions(permissions);
    builder.tempfile_in(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_whole_files_and_leaves_no_others() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("a/b");
        prepare(&inner).unwrap();
        assert_eq!(fs::read_dir(&inner).unwrap().count(), 0);
        let path = write(&inner, "x.txt", b"one").unwrap();
        write(&inner, "x.txt", b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(&inner).unwrap().count(), 1);
        remove(&inner, "x.txt").unwrap();
        remove(&inner, "x.txt").unwrap();
        assert!(!path.exists());
    }

    #[cfg(unix)]
    #[test]
    fn others_may_read_what_the_umask_lets_them() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = write(dir.path(), "x", b"").unwrap();
        let plain = dir.path().join("plain");
        fs::write(&plain, b"").unwrap();
        let mode = |p: &Path| fs::metadata(p).unwrap().permissions().mode();
        assert_eq!(mode(&path), mode(&plain));
    }

    #[test]
    fn says_what_is_in_the_way() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, b"").unwrap();
        let error = prepare(&file.join("sub")).unwrap_err();
        assert!(error.to_string().contains("--output"), "{error}");
        assert!(matches!(prepare(&file), Err(SinkError::Create { .. })));
        fs::create_dir(dir.path().join("index.html")).unwrap();
        assert!(matches!(
            write(dir.path(), "index.html", b""),
            Err(SinkError::Write { .. })
        ));
    }
}
