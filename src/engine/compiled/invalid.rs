//! Why a request can't be sent: whatever the values filled in, or because of them.

use thiserror::Error;

use crate::metrics::FailureKind;
use crate::transport::TransportError;
use crate::value::ValueError;

/// A request that cannot be sent, regardless of the values filled in.
#[derive(Debug, Error)]
#[error("{method} {path}: {reason}")]
pub struct InvalidRequest {
    /// The method, or what stands for it.
    pub method: String,
    /// The path, or what stands for it.
    pub path: String,
    /// Why it can't be sent.
    pub reason: String,
}

/// Creates a failure of kind `data`.
pub(crate) fn data(message: String) -> TransportError {
    TransportError {
        kind: FailureKind::Data,
        message,
    }
}

impl From<ValueError> for TransportError {
    fn from(error: ValueError) -> Self {
        data(error.0)
    }
}
