//! Files of a scenario: relative to its folder, and inside it.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use thiserror::Error;

/// The maximum size of a file that is read into memory, in bytes.
pub(crate) const LARGEST: u64 = 256 << 20;

/// Why a file cannot be used.
#[derive(Debug, Error)]
pub enum FileError {
    /// Its path leads out of the scenario's folder.
    #[error(
        "the path `{0}` leads out of the scenario's folder; put the file beside the scenario, or below it"
    )]
    Outside(String),
    /// There is no such file.
    #[error("there is no file `{0}` in the scenario's folder; paths are relative to the scenario")]
    Missing(String),
    /// It is a folder.
    #[error("`{0}` is a folder; name a file in it")]
    Folder(String),
    /// It is too large to be read into memory.
    #[error("`{0}` is larger than {size} MiB, and files are read into memory; use a smaller one", size = LARGEST >> 20)]
    TooLarge(String),
    /// The system cannot read it.
    #[error("can't read `{path}`: {source}; check its permissions")]
    Io {
        /// The path as written in the scenario.
        path: String,
        /// The system's error.
        source: io::Error,
    },
}

/// Reads a file, by its path relative to `folder`.
///
/// # Errors
/// If the path leads out of the folder (also through a symbolic link), or the file cannot be read.
pub(crate) fn read(folder: &Path, typed: &str) -> Result<Vec<u8>, FileError> {
    let failed = |source| FileError::Io {
        path: typed.into(),
        source,
    };
    let mut content = Vec::new();
    open(folder, typed)?
        .take(LARGEST + 1)
        .read_to_end(&mut content)
        .map_err(failed)?;
    if content.len() as u64 > LARGEST {
        return Err(FileError::TooLarge(typed.into()));
    }
    Ok(content)
}

/// Opens a file for reading, by its path relative to `folder`.
///
/// # Errors
/// As for [`read`], except that any size is allowed.
pub(crate) fn open(folder: &Path, typed: &str) -> Result<File, FileError> {
    File::open(find(folder, typed)?).map_err(|source| FileError::Io {
        path: typed.into(),
        source,
    })
}

/// Checks whether [`read`] would succeed, without reading the file.
///
/// # Errors
/// As for [`read`].
pub(crate) fn check(folder: &Path, typed: &str) -> Result<(), FileError> {
    let size = open(folder, typed)?
        .metadata()
        .map_err(|source| FileError::Io {
            path: typed.into(),
            source,
        })?
        .len();
    if size > LARGEST {
        Err(FileError::TooLarge(typed.into()))
    } else {
        Ok(())
    }
}

/// Returns the real path of a file, by its path relative to `folder`.
///
/// # Errors
/// If it leads out of the folder, also through a symbolic link, or is not a regular file.
pub(crate) fn find(folder: &Path, typed: &str) -> Result<PathBuf, FileError> {
    let path = real_path(folder, typed)?;
    if path.is_dir() {
        return Err(FileError::Folder(typed.into()));
    }
    // A pipe might never end, and a device is not a file of a scenario.
    if !path.is_file() {
        return Err(FileError::Io {
            path: typed.into(),
            source: io::Error::other("it is not a regular file"),
        });
    }
    Ok(path)
}

/// Checks that a path, as it is written, does not lead out of the folder that it is relative to.
///
/// # Errors
/// If it does.
pub(crate) fn stays_inside(typed: &str) -> Result<(), FileError> {
    let mut depth = 0i32;
    for part in Path::new(typed).components() {
        depth += match part {
            Component::Normal(_) => 1,
            Component::CurDir => 0,
            Component::ParentDir => -1,
            Component::RootDir | Component::Prefix(_) => {
                return Err(FileError::Outside(typed.into()));
            }
        };
        if depth < 0 {
            return Err(FileError::Outside(typed.into()));
        }
    }
    Ok(())
}

/// Returns the path of whatever there is at a path relative to `folder`, without symbolic links.
///
/// # Errors
/// If it leads out of the folder, or nothing is there.
pub(crate) fn real_path(folder: &Path, typed: &str) -> Result<PathBuf, FileError> {
    stays_inside(typed)?;
    let real = |path: &Path| {
        path.canonicalize().map_err(|source| match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                FileError::Missing(typed.into())
            }
            _ => FileError::Io {
                path: typed.into(),
                source,
            },
        })
    };
    // `Path::new("")` denotes the current folder, but not to the system.
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let (top, path) = (real(folder)?, real(&folder.join(typed))?);
    if !path.starts_with(top) {
        return Err(FileError::Outside(typed.into()));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn files_stay_inside_the_folder() {
        let top = tempfile::tempdir().expect("a folder");
        let inside = top.path().join("inside");
        fs::create_dir(&inside).expect("made");
        fs::write(inside.join("a.txt"), [0xff, 0]).expect("written");
        fs::write(top.path().join("secret.txt"), "x").expect("written");
        assert_eq!(read(&inside, "a.txt").expect("inside"), [0xff, 0]);
        assert!(
            check(&inside, "a.txt").is_ok()
                && check(&inside, "../secret.txt").is_err()
                && check(&inside, "b.txt").is_err()
        );
        assert_eq!(
            read(&inside, "./x/../a.txt").is_ok(),
            inside.join("x").exists(),
            "every part must be there"
        );
        for outside in ["../secret.txt", "/etc/hostname", "x/../../secret.txt"] {
            assert!(
                matches!(read(&inside, outside), Err(FileError::Outside(_))),
                "{outside}"
            );
        }
        assert!(matches!(read(&inside, "b.txt"), Err(FileError::Missing(_))));
        assert!(matches!(
            read(top.path(), "inside"),
            Err(FileError::Folder(_))
        ));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(top.path().join("secret.txt"), inside.join("link"))
                .expect("linked");
            assert!(matches!(read(&inside, "link"), Err(FileError::Outside(_))));
        }
    }
}
