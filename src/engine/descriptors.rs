//! Enough file descriptors for a plan's connections, or a clear word that there aren't.

use std::collections::BTreeSet;

use thiserror::Error;

use crate::plan::{Action, Mode, Plan};

/// Descriptors that a run needs beside its connections: the standard streams, and an event loop's and a
/// timer's for each worker.
const OVERHEAD: u64 = 32;

/// The system allows fewer descriptors than a plan needs.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "this plan needs {needed} file descriptors, and the system allows {allowed}; lower `vus` (or `max_in_flight`), cap the connections (`http: {{ max_connections: … }}`), or raise the limit (`ulimit -n {needed}`)"
)]
pub struct TooFew {
    /// How many it needs.
    pub needed: u64,
    /// How many it can have.
    pub allowed: u64,
}

/// How many descriptors a plan needs in its hungriest mode.
pub fn needed(plan: &Plan) -> u64 {
    let connections = connections(plan);
    let busiest = plan
        .modes
        .iter()
        .map(|mode| match mode {
            Mode::Simulated => 0,
            Mode::Sequential | Mode::Threaded | Mode::Async => connections,
        })
        .max()
        .unwrap_or(0);
    busiest + 4 * u64::from(plan.workers) + OVERHEAD
}

/// How many connections all virtual users may have: one each of each kind to each target, those of requests no more than
/// their cap.
fn connections(plan: &Plan) -> u64 {
    let slots = plan.load.model.slots();
    let capped = |target: usize| slots.min(plan.targets[target].http.max_connections.unwrap_or(u32::MAX));
    let kinds: BTreeSet<_> = plan
        .operations()
        .filter_map(|(_, _, operation)| match &operation.action {
            Action::Http(request) => Some((request.target, "http", capped(request.target))),
            Action::Handshake(request) => Some((request.target, "websocket", slots)),
            Action::Tcp(exchange) => Some((exchange.target, "tcp", slots)),
            Action::Message(_) | Action::Sleep(_) | Action::Cpu(_) | Action::Block { .. } => None,
        })
        .collect();
    kinds.into_iter().map(|(_, _, most)| u64::from(most)).sum()
}

/// Raises this process's limit to what the system allows, where the plan needs more than it has.
///
/// # Errors
/// When the system allows fewer than the plan needs.
#[cfg(unix)]
pub fn provide(plan: &Plan) -> Result<(), TooFew> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let needed = needed(plan);
    let limit = getrlimit(Resource::Nofile);
    let unlimited = |n: Option<u64>| n.unwrap_or(u64::MAX);
    if unlimited(limit.current) >= needed {
        return Ok(());
    }
    let allowed = unlimited(limit.maximum);
    if allowed < needed || setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).is_err() {
        return Err(TooFew { needed, allowed: allowed.max(unlimited(limit.current)) });
    }
    Ok(())
}

/// Nothing to raise here.
///
/// # Errors
/// Never.
#[cfg(not(unix))]
pub fn provide(_plan: &Plan) -> Result<(), TooFew> {
    Ok(())
}
