//! Starts the server of a version.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};

use super::version::Version;
use crate::base::Clock;
use crate::cli::args::AbArgs;
use crate::cli::exit::{Exit, Failure};
use crate::cli::session::Session;
use crate::engine::preflight;
use crate::plan::Secrets;
use crate::server::Started;

/// The interval at which a starting server is polled.
const STEP: Duration = Duration::from_millis(20);

/// Starts a version's server and waits until it answers. Returns `None` if the user stopped the
/// wait.
pub(super) fn start(
    line: &str,
    log: &File,
    version: &Version<'_>,
    secrets: &Secrets,
    folder: &Path,
    args: &AbArgs,
    session: &Session<'_>,
) -> Result<Option<Started>, Failure> {
    let could_not = |error: anyhow::Error| Failure {
        exit: Exit::CouldNotRun,
        error,
    };
    let (name, flag) = (
        version.letter.to_uppercase(),
        format!("--{}-start", version.letter),
    );
    let reachable = || preflight::preflight(&version.plan, folder, None);
    if reachable().is_ok() {
        return Err(could_not(anyhow!(
            "something already listens where {name} is to listen, before {flag} has started anything; stop it, or omit {flag}"
        )));
    }
    let groups: &Arc<_> = session.groups();
    let mut started = Started::start(line, log, secrets, groups)
        .with_context(|| format!("can't run {flag}"))
        .map_err(could_not)?;
    let clock = Clock::new();
    loop {
        match reachable() {
            Ok(_) => return Ok(Some(started)),
            // Waiting would not change this.
            Err(error @ preflight::PreflightError::NotAllowed(_)) => {
                return Err(could_not(error.into()));
            }
            Err(error) if clock.now() > args.start_timeout => {
                let waited = format!(
                    "{name} does not answer {} after {flag}; see {}.log",
                    args.start_timeout, version.letter
                );
                return Err(could_not(anyhow::Error::from(error).context(waited)));
            }
            Err(_) => {}
        }
        if let Some(status) = started.ended() {
            return Err(could_not(anyhow!(
                "{flag} ended ({status}) before it answered; see {}.log",
                version.letter
            )));
        }
        if session.is_interrupted() {
            return Ok(None);
        }
        std::thread::sleep(STEP);
    }
}
