//! Converts hyper's errors to transport errors.

use std::error::Error;
use std::io;

use super::limits::head_too_large;
use crate::metrics::FailureKind;
use crate::transport::TransportError;
use crate::transport::body::BodyError;
use crate::transport::tls::failure::reason;

/// The start of hyper's message for trailers that exceed its limits. It has no other way to tell,
/// and its limits cannot be set.
const TRAILERS: &str = "chunk trailers";

/// The message for them.
pub(super) const TRAILERS_TOO_LARGE: &str = "the trailers of the response are larger than loadgen reads: more than 100 lines, or more than 16 KiB";

/// Converts an error during a request. `reused`: the connection had carried a request before;
/// `answered`: a part of the response had arrived.
pub(crate) fn error(error: &hyper::Error, reused: bool, answered: bool) -> TransportError {
    if let Some(body) = BodyError::behind(error) {
        return TransportError {
            kind: FailureKind::Data,
            message: body.to_string(),
        };
    }
    if error.is_parse_too_large() {
        return head_too_large();
    }
    let io = source_io(error);
    if let Some(message) = io.and_then(reason) {
        return TransportError {
            kind: FailureKind::Tls,
            message,
        };
    }
    if io.is_some_and(|e| e.to_string().starts_with(TRAILERS)) {
        return TransportError {
            kind: FailureKind::Protocol,
            message: TRAILERS_TOO_LARGE.into(),
        };
    }
    let ended = error.is_incomplete_message()
        || error.is_closed()
        || error.is_canceled()
        || io.is_some_and(|e| {
            matches!(
                e.kind(),
                io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe
            )
        });
    let reset = io.is_some_and(|e| {
        matches!(
            e.kind(),
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted
        )
    });
    let kind = if reused && !answered && (ended || reset) {
        FailureKind::ReusedConnClosed
    } else if reset {
        FailureKind::Reset
    } else if ended {
        FailureKind::Incomplete
    } else if error.is_parse() || error.is_parse_status() {
        FailureKind::Protocol
    } else if io.is_some_and(|e| {
        matches!(
            e.kind(),
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput
        )
    }) {
        // Malformed chunks.
        FailureKind::Protocol
    } else if io.is_some() {
        FailureKind::Other
    } else {
        FailureKind::Protocol
    };
    let mut message = error.to_string();
    if let Some(io) = io {
        let detail = io.to_string();
        if !message.contains(&detail) {
            message = format!("{message}: {detail}");
        }
    }
    TransportError { kind, message }
}

fn source_io(error: &hyper::Error) -> Option<&io::Error> {
    let mut source = error.source();
    while let Some(e) = source {
        if let Some(io) = e.downcast_ref::<io::Error>() {
            return Some(io);
        }
        source = e.source();
    }
    None
}
