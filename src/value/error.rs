//! [`ValueError`]: why a value is not available.

use thiserror::Error;

/// Why a value is not available, in words for the author of the scenario.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct ValueError(pub String);
