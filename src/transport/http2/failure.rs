//! Errors of requests over HTTP/2, and whether they may be sent again.

use h2::Reason;

use crate::metrics::FailureKind;
use crate::transport::TransportError;
use crate::transport::error::broken;
use crate::transport::http::head_too_large;

/// How a server reports that it has not processed a request, which may then be sent again (RFC
/// 9113, section 8.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It accepts no more requests on this connection, and had not accepted this one: GOAWAY.
    Connection,
    /// It has not accepted this request, and may accept others: REFUSED_STREAM.
    Stream,
}

impl Refusal {
    /// Returns the refusal that an error of a stream means, if any.
    pub fn from_error(error: &h2::Error) -> Option<Self> {
        if !error.is_remote() {
            return None;
        }
        // The library reports this for streams after the last one that the server may have
        // processed, and for those that it no longer started; others fail like the connection.
        if error.is_go_away() {
            return Some(Self::Connection);
        }
        (error.is_reset() && error.reason() == Some(Reason::REFUSED_STREAM)).then_some(Self::Stream)
    }
}

/// Creates the error of a closed connection.
pub(super) fn closed() -> TransportError {
    TransportError {
        kind: FailureKind::Incomplete,
        message: "connection closed before the response".into(),
    }
}

/// Converts an error. `reused`: the connection had carried a request before.
pub(super) fn error(error: &h2::Error, reused: bool) -> TransportError {
    if let Some(io) = error.get_io() {
        return broken(io, reused);
    }
    let of = |kind, message: String| TransportError { kind, message };
    let name = error.reason().map_or_else(
        || error.to_string(),
        |reason| format!("{} ({reason})", name(reason)),
    );
    if is_head_too_large(error) {
        return head_too_large();
    }
    if !error.is_remote() {
        return of(
            FailureKind::Protocol,
            format!("the server does not send valid HTTP/2: {name}"),
        );
    }
    if error.is_go_away() {
        let kind = if reused && error.reason() == Some(Reason::NO_ERROR) {
            FailureKind::ReusedConnClosed
        } else {
            FailureKind::Reset
        };
        return of(
            kind,
            format!(
                "the server closed the connection before it accepted the request: GOAWAY {name}"
            ),
        );
    }
    let taken = if error.reason() == Some(Reason::REFUSED_STREAM) {
        ", and did not process the request"
    } else {
        ""
    };
    of(
        FailureKind::Reset,
        format!("the server reset the stream{taken}: RST_STREAM {name}"),
    )
}

/// Returns whether the library's decoder rejected a head for its size. Only its messages tell; one
/// of them covers an endless head.
fn is_head_too_large(error: &h2::Error) -> bool {
    const WORDS: [&str; 2] = ["header_list_way_too_large", "too_many_continuations"];
    !error.is_remote()
        && error.is_go_away()
        && WORDS.iter().any(|words| error.to_string().contains(words))
}

/// Returns the standard's name of a reason (RFC 9113, section 7).
const fn name(reason: Reason) -> &'static str {
    match reason {
        Reason::NO_ERROR => "NO_ERROR",
        Reason::PROTOCOL_ERROR => "PROTOCOL_ERROR",
        Reason::INTERNAL_ERROR => "INTERNAL_ERROR",
        Reason::FLOW_CONTROL_ERROR => "FLOW_CONTROL_ERROR",
        Reason::SETTINGS_TIMEOUT => "SETTINGS_TIMEOUT",
        Reason::STREAM_CLOSED => "STREAM_CLOSED",
        Reason::FRAME_SIZE_ERROR => "FRAME_SIZE_ERROR",
        Reason::REFUSED_STREAM => "REFUSED_STREAM",
        Reason::CANCEL => "CANCEL",
        Reason::COMPRESSION_ERROR => "COMPRESSION_ERROR",
        Reason::CONNECT_ERROR => "CONNECT_ERROR",
        Reason::ENHANCE_YOUR_CALM => "ENHANCE_YOUR_CALM",
        Reason::INADEQUATE_SECURITY => "INADEQUATE_SECURITY",
        Reason::HTTP_1_1_REQUIRED => "HTTP_1_1_REQUIRED",
        _ => "unknown",
    }
}
