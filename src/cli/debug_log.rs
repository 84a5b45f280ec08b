//! [`DebugLog`]: the file of `run --debug-log`, with the first exchanges that failed.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::anyhow;

use super::exit::{Exit, Failure, or_exit};
use crate::engine::Recorded;
use crate::plan::{Plan, Secrets};
use crate::report::{exchanges, sink, view};
use crate::result::Exchange;

/// The number of exchanges that are kept in a run.
const MAX_EXCHANGES: u32 = 100;

/// The file with the first exchanges that failed, without secrets.
pub(super) struct DebugLog<'a> {
    /// Its folder and its name, if it is wanted.
    file: Option<(PathBuf, String)>,
    secrets: &'a Secrets,
    /// The number that each mode and round may add.
    share: u32,
    /// Where the last exchange was.
    place: String,
    text: String,
    count: u64,
}

impl<'a> DebugLog<'a> {
    /// Creates the file, if it is wanted, so that no run is in vain.
    pub(super) fn open(
        path: Option<&Path>,
        plan: &Plan,
        secrets: &'a Secrets,
    ) -> Result<Self, Failure> {
        let runs = (plan.modes.len() as u32).saturating_mul(plan.rounds).max(1);
        let file = path.map(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            let name = name.ok_or_else(|| anyhow!("--debug-log {}: not a file", path.display()))?;
            let folder = path.parent().filter(|folder| *folder != Path::new(""));
            Ok((folder.unwrap_or(Path::new(".")).to_owned(), name.to_owned()))
        });
        let file: anyhow::Result<_> = file.transpose();
        let log = Self {
            file: or_exit(file, Exit::Usage)?,
            secrets,
            share: (MAX_EXCHANGES / runs).max(1),
            place: String::new(),
            text: String::new(),
            count: 0,
        };
        log.write()?;
        Ok(log)
    }

    /// Returns what each mode and round is to record.
    pub(super) const fn recorded(&self) -> Recorded {
        match self.file {
            Some(_) => Recorded::Failures(self.share),
            None => Recorded::Nothing,
        }
    }

    /// Adds an exchange of the mode and round called `place`.
    pub(super) fn add(&mut self, exchange: Exchange, place: &str) {
        if self.count >= u64::from(MAX_EXCHANGES) {
            return;
        }
        let exchange = exchange.redacted(self.secrets);
        self.count += 1;
        let place = format!(
            "{place}, {}",
            exchanges::place(exchange.section, &exchange.mix)
        );
        if self.place != place {
            let _ = writeln!(self.text, "== {place} ==\n");
            self.place = place;
        }
        let at = view::duration_ms(exchange.started_ms);
        let _ = writeln!(self.text, "at {at}, iteration {}:", exchange.iteration);
        self.text.push_str(&exchanges::render(&exchange, false));
    }

    /// Writes the file, if it is wanted.
    pub(super) fn write(&self) -> Result<(), Failure> {
        let Some((folder, name)) = &self.file else {
            return Ok(());
        };
        let failed = view::things(self.count, "failed exchange");
        let most = if self.share < MAX_EXCHANGES {
            format!("at most {} of each mode and round", self.share)
        } else {
            format!("at most {MAX_EXCHANGES}")
        };
        let text = format!("# {failed}, the first of the run ({most})\n\n{}", self.text);
        let written = sink::write(folder, name, text.as_bytes());
        or_exit(written.map(|_| ()), Exit::Internal)
    }
}
