//! [`Ended`]: how an iteration ended.

use crate::value::Scope;

/// How an iteration ended.
#[derive(Debug)]
pub struct Ended {
    /// Whether it ran all of its steps.
    pub through: bool,
    /// The values it ended with.
    pub scope: Scope,
}
