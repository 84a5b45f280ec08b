//! [`Route`]: where an operation goes.

use crate::plan::Operation;

/// Where an operation goes, known before the run because every one asks for it.
#[derive(Clone, Copy)]
pub(super) struct Route {
    /// Its target.
    pub target: Option<usize>,
    /// The target whose pool of connections it uses.
    pub pool: Option<usize>,
}

impl Route {
    pub(super) fn new(operation: &Operation) -> Self {
        let profile = operation.action.profile();
        let pooled = profile.connection.filter(|used| used.is_pooled);
        Self {
            target: profile.target,
            pool: pooled.map(|used| used.target),
        }
    }
}
