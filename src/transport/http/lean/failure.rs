//! The failures of the lean client, in the words of hyper's wherever both can fail.

use std::io;

use super::super::failure::TRAILERS_TOO_LARGE;
use crate::metrics::FailureKind;
use crate::transport::TransportError;
use crate::transport::error::broken;

fn protocol(message: String) -> TransportError {
    TransportError {
        kind: FailureKind::Protocol,
        message,
    }
}

/// Creates the error of a connection that failed while a response was waited for. `unanswered`: it
/// had carried a request before, and no answer to this one arrived.
pub(super) fn failed(error: &io::Error, unanswered: bool) -> TransportError {
    with_prefix("connection error", broken(error, unanswered))
}

/// Creates the error of a connection that failed in a body.
pub(super) fn body_failed(error: &io::Error) -> TransportError {
    with_prefix(IN_BODY, broken(error, false))
}

const IN_BODY: &str = "error reading a body from connection";

fn with_prefix(prefix: &str, error: TransportError) -> TransportError {
    if error.kind == FailureKind::Tls {
        return error;
    }
    TransportError {
        message: format!("{prefix}: {}", error.message),
        ..error
    }
}

/// Creates the error of a connection that was closed before the head of the response was complete.
pub(super) fn closed(unanswered: bool) -> TransportError {
    TransportError {
        kind: if unanswered {
            FailureKind::ReusedConnClosed
        } else {
            FailureKind::Incomplete
        },
        message: "connection closed before message completed".into(),
    }
}

/// Creates the error of a connection that was closed before the end of a body.
pub(super) fn truncated(what: &str) -> TransportError {
    TransportError {
        kind: FailureKind::Incomplete,
        message: format!("{IN_BODY}: {what}"),
    }
}

/// Creates the error of a head that is not HTTP.
pub(super) fn invalid(what: &str) -> TransportError {
    protocol(format!("invalid {what} parsed"))
}

/// Creates the error of a malformed body.
pub(super) fn malformed(what: &str) -> TransportError {
    protocol(format!("{IN_BODY}: {what}"))
}

/// Creates the error of trailers that exceed the limits.
pub(super) fn trailers_too_large() -> TransportError {
    protocol(TRAILERS_TOO_LARGE.into())
}
