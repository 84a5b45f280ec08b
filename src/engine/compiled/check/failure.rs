//! [`failed`]: the result of an expectation that does not hold.

use crate::metrics::FailureKind;
use crate::transport::TransportError;

/// Fails a check with this message.
pub(super) fn failed(message: String) -> Result<(), TransportError> {
    Err(TransportError {
        kind: FailureKind::Check,
        message,
    })
}
