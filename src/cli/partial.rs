//! [`Partial`]: what a run has measured so far, in a file, in case that this process does not live to
//! write its result.

use std::path::{Path, PathBuf};

use super::exit::{Exit, Failure, or_exit};
use super::output::Console;
use crate::base::{Clock, Nanos};
use crate::plan::Secrets;
use crate::report::{PARTIAL_FILE, sink};
use crate::result::{ModeRun, RunResult};

/// How old the file is when it is replaced: a little less than the interval at which the figures
/// arrive, of which some come early.
const DUE: Nanos = Nanos::from_secs(9);

/// The file of a run in progress.
pub(super) struct Partial<'a, D> {
    folder: PathBuf,
    secrets: &'a Secrets,
    console: &'a Console,
    /// Creates a result from the runs so far.
    draft: D,
    clock: Clock,
    /// When it was last written, or the start.
    written: Nanos,
    /// Whether it could not be written, which is said once.
    has_failed: bool,
}

impl Partial<'_, ()> {
    /// The interval between two versions of the file.
    pub(super) const INTERVAL: Nanos = Nanos::from_secs(10);
}

impl<'a, D: Fn(Vec<ModeRun>) -> RunResult> Partial<'a, D> {
    /// Removes what an earlier run has left in this folder. `draft` creates a result from the runs
    /// so far.
    pub(super) fn open(
        folder: &Path,
        secrets: &'a Secrets,
        console: &'a Console,
        draft: D,
    ) -> Result<Self, Failure> {
        or_exit(sink::remove(folder, PARTIAL_FILE), Exit::Internal)?;
        let clock = Clock::new();
        Ok(Self {
            folder: folder.to_owned(),
            secrets,
            console,
            draft,
            clock,
            written: clock.now(),
            has_failed: false,
        })
    }

    /// Writes the completed runs and the one in progress, if it is time. If that fails, the run
    /// continues.
    pub(super) fn keep(&mut self, done: &[ModeRun], under_way: Option<&ModeRun>) {
        let now = self.clock.now();
        if now - self.written < DUE {
            return;
        }
        self.written = now;
        let runs = done.iter().chain(under_way).cloned().collect();
        let written = (self.draft)(runs)
            .redacted(self.secrets)
            .and_then(|result| result.to_json())
            .map_err(anyhow::Error::from)
            .and_then(|text| Ok(sink::write(&self.folder, PARTIAL_FILE, text.as_bytes())?));
        if let Err(error) = written
            && !std::mem::replace(&mut self.has_failed, true)
        {
            let error = error.context("the figures so far are not kept");
            self.console.warning(&format!("{error:#}"));
        }
    }
}
