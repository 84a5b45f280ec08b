//! How large the head of an answer may be, whichever HTTP is spoken.

use http::HeaderMap;

use crate::metrics::FailureKind;
use crate::transport::TransportError;

/// The largest head of an answer, in bytes, whichever HTTP is spoken. It is what hyper sets aside
/// for one anyway.
pub(super) const MAX_HEAD: usize = 408 << 10;

/// The most lines of a head.
pub(super) const MAX_HEADER_LINES: usize = 1000;

/// An answer whose head is larger than what is read of one.
pub(crate) fn head_too_large() -> TransportError {
    let message = format!(
        "the head of the answer is larger than loadgen reads: it has more than {MAX_HEADER_LINES} lines, or more than {} KiB",
        MAX_HEAD >> 10
    );
    TransportError {
        kind: FailureKind::Protocol,
        message,
    }
}

/// Fails where a head is larger than what is read of one, in bytes as HTTP/1.1 writes it.
pub(crate) fn within_limits(headers: &HeaderMap) -> Result<(), TransportError> {
    let size: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len())
        .sum();
    if size > MAX_HEAD || headers.len() > MAX_HEADER_LINES {
        Err(head_too_large())
    } else {
        Ok(())
    }
}
