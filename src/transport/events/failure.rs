//! [`failed`]: the failure of a stream.

use crate::metrics::FailureKind;
use crate::transport::TransportError;

/// Creates the failure of a stream.
pub(crate) const fn failed(message: String) -> TransportError {
    TransportError {
        kind: FailureKind::Stream,
        message,
    }
}
