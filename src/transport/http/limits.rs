//! The limits on the head of a response, for all versions of HTTP.

use http::HeaderMap;

use crate::metrics::FailureKind;
use crate::transport::TransportError;

/// The maximum size of a response's head, in bytes, for all versions of HTTP. hyper reserves this
/// much anyway.
pub(super) const MAX_HEAD: usize = 408 << 10;

/// The maximum number of lines of a head.
pub(super) const MAX_HEADER_LINES: usize = 1000;

/// Creates the error of a head that exceeds the limits.
pub(crate) fn head_too_large() -> TransportError {
    let message = format!(
        "the head of the response is larger than loadgen reads: it has more than {MAX_HEADER_LINES} lines, or more than {} KiB",
        MAX_HEAD >> 10
    );
    TransportError {
        kind: FailureKind::Protocol,
        message,
    }
}

/// Fails if a head exceeds the limits, in bytes as HTTP/1.1 writes it.
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
