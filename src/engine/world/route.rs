//! [`Route`]: where an operation goes, and what happens to what comes back.

use crate::plan::Operation;

/// Where an operation goes, known before the run because every one asks for it.
#[derive(Clone, Copy)]
pub struct Route {
    /// Its target.
    pub target: Option<usize>,
    /// The target whose pool of connections it uses. Others have connections of their own.
    pub pool: Option<usize>,
    /// Whether the bodies of its responses are read, rather than only counted.
    pub reads_bodies: bool,
    /// Whether their headers are read, even if the bodies are not.
    pub reads_headers: bool,
}

impl Route {
    pub fn new(operation: &Operation) -> Self {
        let profile = operation.action.profile();
        let pooled = profile.connection.filter(|used| used.is_pooled);
        Self {
            target: profile.target,
            pool: pooled.map(|used| used.target),
            reads_bodies: operation.reads_bodies(),
            reads_headers: operation.reads_headers(),
        }
    }
}
