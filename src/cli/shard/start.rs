//! [`StartFlag`]: the instant at which all shards of a run begin to measure.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context as _, anyhow, bail};
use jiff::Timestamp;

use crate::base::clock::unix_ns;

/// How long to wait for a file with the start.
const PATIENCE: Duration = Duration::from_secs(600);
/// How often to look for it.
const PAUSE: Duration = Duration::from_millis(20);

/// The value of `--start-at`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StartFlag {
    /// This time of day, in nanoseconds since 1970.
    At(u64),
    /// The one in this file, once it is there.
    File(PathBuf),
}

/// The instant at which a run begins to measure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Start {
    /// In nanoseconds since 1970.
    pub at: u64,
    /// How far this machine's clock is ahead of that of the file's folder, in milliseconds.
    pub file_ms: Option<f64>,
}

impl StartFlag {
    /// Parses a time of day, or `@` and the path of a file.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text.strip_prefix('@') {
            Some("") => Err("give the path of a file after @".into()),
            Some(path) => Ok(Self::File(path.into())),
            None => time(text).map(Self::At).map_err(|e| e.to_string()),
        }
    }

    /// Returns the start; waits for its file if it is in one.
    pub(super) fn resolve(&self) -> anyhow::Result<Start> {
        match self {
            Self::At(at) => Ok(Start {
                at: *at,
                file_ms: None,
            }),
            Self::File(path) => wait_for(path, PATIENCE),
        }
    }
}

fn time(text: &str) -> anyhow::Result<u64> {
    let at: Timestamp = text
        .trim()
        .parse()
        .map_err(|_| anyhow!("give a time such as 2026-11-26T15:00:00Z, or @FILE"))?;
    u64::try_from(at.as_nanosecond()).map_err(|_| anyhow!("the time is before 1970"))
}

/// Waits until a file is there and has a time in it.
fn wait_for(path: &Path, patience: Duration) -> anyhow::Result<Start> {
    let began = unix_ns();
    loop {
        let read = fs::read_to_string(path);
        let now = unix_ns();
        let waited = Duration::from_nanos(now.saturating_sub(began));
        match read.as_deref().map(time) {
            Ok(Ok(at)) => {
                // A file that was there before says nothing about the clocks.
                let is_new = waited >= PAUSE;
                let file_ms = is_new.then(|| modified_ns(path)).flatten();
                return Ok(Start {
                    at,
                    file_ms: file_ms.map(|then| (now as f64 - then as f64) / 1e6),
                });
            }
            // It may be half written.
            Ok(Err(wrong)) if waited >= patience => {
                return Err(wrong).with_context(|| format!("--start-at @{}", path.display()));
            }
            Err(error) if waited >= patience => {
                bail!(
                    "--start-at @{}: {error}, after {PATIENCE:?}",
                    path.display()
                )
            }
            Ok(Err(_)) | Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

/// Returns when a file was written, by the clock of the machine that it is on.
fn modified_ns(path: &Path) -> Option<u64> {
    let modified = fs::metadata(path).ok()?.modified().ok()?;
    let since = modified.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_nanos()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_is_given_or_in_a_file() {
        let at = 1_795_705_200_000_000_000;
        assert_eq!(
            StartFlag::parse("2026-11-26T15:00:00Z"),
            Ok(StartFlag::At(at))
        );
        assert_eq!(
            StartFlag::parse("2026-11-26T15:00:00.5+00:00"),
            Ok(StartFlag::At(at + 500_000_000))
        );
        for text in ["", "@", "noon", "2026-11-26", "1969-01-01T00:00:00Z"] {
            assert!(StartFlag::parse(text).is_err(), "{text}");
        }
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("start");
        fs::write(&path, "2026-11-26T15:00:00Z\n").expect("a file");
        let flag = StartFlag::parse(&format!("@{}", path.display())).expect("a file");
        assert_eq!(flag.resolve().expect("it is there").at, at);
        let missing = wait_for(&folder.path().join("none"), Duration::ZERO);
        assert!(missing.is_err());
        fs::write(&path, "soon").expect("a file");
        assert!(wait_for(&path, Duration::ZERO).is_err());
    }
}
