//! [`Route`]: where an operation goes, and what happens to what comes back.

use crate::engine::schedule::limit::Limit;
use crate::plan::{Operation, Plan};

/// Where an operation goes, known before the run because every one asks for it.
#[derive(Clone, Copy)]
pub struct Route {
    /// Its target.
    pub target: Option<usize>,
    /// The target whose pool of connections it uses. Others have connections of their own.
    pub pool: Option<usize>,
    /// Whether it has a limit, of its step, its target or the run.
    pub is_limited: bool,
    /// Whether the bodies of its responses are read, rather than only counted.
    pub reads_bodies: bool,
    /// Whether their headers are read, even if the bodies are not.
    pub reads_headers: bool,
}

impl Route {
    pub fn new(operation: &Operation, is_limited: impl FnOnce(Option<usize>) -> bool) -> Self {
        let profile = operation.action.profile();
        let pooled = profile.connection.filter(|used| used.is_pooled);
        Self {
            target: profile.target,
            pool: pooled.map(|used| used.target),
            is_limited: is_limited(profile.target),
            reads_bodies: operation.reads_bodies(),
            reads_headers: operation.reads_headers(),
        }
    }
}

/// Returns the route of each operation.
pub(super) fn routes(
    plan: &Plan,
    run: Option<&Limit>,
    targets: &[Option<Limit>],
    steps: &[Option<Limit>],
) -> Vec<Route> {
    let route = |own: &Operation| {
        Route::new(own, |target| {
            run.is_some()
                || steps[own.id as usize].is_some()
                || target.is_some_and(|target| targets[target].is_some())
        })
    };
    plan.operations().map(|(.., own)| route(own)).collect()
}
