//! [`Folder`]: the output folder of a command. Only one command at a time writes to it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use jiff::Timestamp;
use serde_json::Value;

use super::exit::{Exit, Failure, or_exit};
use crate::report::sink;

/// How often, and after which pauses, a lock is tried again that another command holds.
const LOCK_RETRIES: u32 = 3;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// A folder that files can be written to.
pub(super) struct Folder {
    path: PathBuf,
    /// The folders that were created for it, innermost first.
    made: Vec<PathBuf>,
    /// A description of the earlier output in it, if any.
    earlier: Option<String>,
    /// The lock, held as long as the file is open; it leaves no file behind.
    _lock: Option<File>,
}

impl Folder {
    /// Creates and locks the folder given by the user, or `reports/<name>-<UTC time>`, so that
    /// errors occur before the load starts. `file` is the name under which an earlier command of
    /// this kind left its output.
    pub(super) fn prepare(
        given: Option<&Path>,
        name: &str,
        at: Timestamp,
        file: &str,
    ) -> Result<Self, Failure> {
        let reports = Path::new("reports");
        let wanted = given.unwrap_or(reports);
        let mut made: Vec<_> = wanted
            .ancestors()
            .take_while(|path| !path.as_os_str().is_empty() && !path.exists())
            .map(Path::to_owned)
            .collect();
        or_exit(sink::prepare(wanted), Exit::Internal)?;
        let path = match given {
            Some(given) => given.to_owned(),
            None => {
                let path = or_exit(
                    create(reports, name, at).context("can't create a folder in `reports`"),
                    Exit::Internal,
                )?;
                made.insert(0, path.clone());
                path
            }
        };
        let lock = lock(&path)?;
        Ok(Self {
            earlier: earlier(&path.join(file)),
            path,
            made,
            _lock: lock,
        })
    }

    /// Returns its path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the text shown after the path if files of an earlier command were in it.
    pub(super) fn replaced(&self) -> String {
        self.earlier
            .as_ref()
            .map_or_else(String::new, |earlier| format!(" (replaced {earlier})"))
    }

    /// Removes the created folders if nothing was written.
    pub(super) fn remove_if_empty(self) {
        let _ = self.made.into_iter().try_for_each(fs::remove_dir);
    }
}

/// Locks a folder for as long as the returned file is open, if the folder exists and its file
/// system supports locks.
///
/// # Errors
/// If another process holds the lock.
pub(super) fn lock(path: &Path) -> Result<Option<File>, Failure> {
    let Ok(folder) = File::open(path) else {
        return Ok(None);
    };
    let mut locked = folder.try_lock();
    for _ in 0..LOCK_RETRIES {
        // `is_locked` of another command holds it for a moment.
        if matches!(locked, Err(TryLockError::WouldBlock)) {
            thread::sleep(LOCK_PAUSE);
            locked = folder.try_lock();
        }
    }
    match locked {
        Ok(()) => Ok(Some(folder)),
        Err(TryLockError::WouldBlock) => {
            let taken = format!("another loadgen is writing to {}", path.display());
            Err(Failure {
                exit: Exit::Internal,
                error: anyhow!(
                    "{taken}; choose another folder with --output, or wait until it ends"
                ),
            })
        }
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

/// Returns whether a command is writing to a folder.
pub(super) fn is_locked(path: &Path) -> bool {
    // For a moment, this takes the lock, which a command that begins then waits for.
    let locked = File::open(path).map(|folder| folder.try_lock_shared());
    matches!(locked, Ok(Err(TryLockError::WouldBlock)))
}

/// Describes the run that a result file belongs to.
fn earlier(file: &Path) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let began = serde_json::from_str::<Value>(&text)
        .ok()
        .and_then(|result| Some(result.get("started_at")?.as_str()?.to_owned()));
    Some(began.map_or_else(
        || "an earlier run".into(),
        |began| format!("the run of {began}"),
    ))
}

/// Creates `reports/<name>-<UTC time>`, with a number appended if that exists already.
fn create(reports: &Path, name: &str, at: Timestamp) -> io::Result<PathBuf> {
    let stem = format!("{name}-{}", at.strftime("%Y%m%dT%H%M%SZ"));
    let numbered = (2..).map(|n| reports.join(format!("{stem}-{n}")));
    for path in std::iter::once(reports.join(&stem)).chain(numbered) {
        match fs::create_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made.map(|()| path),
        }
    }
    unreachable!("there is always a number more")
}
