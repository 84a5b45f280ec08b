//! Writes files atomically: to a temporary name in the same folder, synced, then renamed. Knows
//! nothing of their content.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};
use thiserror::Error;

/// Why a file could not be written.
#[derive(Debug, Error)]
pub enum SinkError {
    /// The folder cannot be created.
    #[error("can't create the output folder {}; choose another with --output", path.display())]
    Create {
        /// The folder.
        path: PathBuf,
        /// The system error.
        source: io::Error,
    },
    /// The folder is not writable.
    #[error("can't write to the output folder {}; choose another with --output", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system error.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("can't write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system error.
        source: io::Error,
    },
    /// A file of an earlier run cannot be removed.
    #[error("can't remove {}, left by an earlier run", path.display())]
    Remove {
        /// The file.
        path: PathBuf,
        /// The system error.
        source: io::Error,
    },
}

/// Creates the folder and checks that files can be written to it. Called before a load starts, so
/// that no run is in vain.
///
/// # Errors
/// If the folder cannot be created or written to.
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

/// Writes a file into an existing folder, replacing one of the same name.
///
/// # Errors
/// If the file cannot be written; the previous one then remains.
pub(crate) fn write(dir: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf, SinkError> {
    write_into(temporary, dir, name, bytes)
}

/// Writes a file that only its owner can read; see [`write()`].
///
/// # Errors
/// If the file cannot be written; the previous one then remains.
pub(crate) fn write_private(dir: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf, SinkError> {
    // Temporary files are private by default.
    let private = |dir: &Path| Builder::new().prefix(".loadgen-").tempfile_in(dir);
    write_into(private, dir, name, bytes)
}

/// Writes a file into a new temporary one that then takes its name.
fn write_into(
    create: impl FnOnce(&Path) -> io::Result<NamedTempFile>,
    dir: &Path,
    name: &str,
    bytes: &[u8],
) -> Result<PathBuf, SinkError> {
    let path = dir.join(name);
    let whole = || -> io::Result<()> {
        let mut file = create(dir)?;
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
/// If it exists and cannot be removed.
pub(crate) fn remove(dir: &Path, name: &str) -> Result<(), SinkError> {
    let path = dir.join(name);
    match fs::remove_file(&path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(SinkError::Remove { path, source })
        }
        _ => Ok(()),
    }
}

/// Creates a temporary file with the usual permissions of a file, if the system has permissions.
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
