//! What goes wrong with a request over HTTP/2, and whether it may be sent again.

use h2::Reason;

use crate::metrics::FailureKind;
use crate::transport::TransportError;
use crate::transport::error::broken;
use crate::transport::http::head_too_large;

/// How a server says that it has not processed a request, which may be sent again then (RFC 9113,
/// section 8.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It takes no more requests on this connection, and had not taken this one: GOAWAY.
    Connection,
    /// It has not taken this request, and may take others: REFUSED_STREAM.
    Stream,
}

impl Refusal {
    /// The refusal that an error of a stream is.
    pub fn from_error(error: &h2::Error) -> Option<Self> {
        if !error.is_remote() {
            return None;
        }
        // The library says so of streams behind the last one that the server may have processed,
        // and of those that it did not begin any more; others end as the connection does.
        if error.is_go_away() {
            return Some(Self::Connection);
        }
        (error.is_reset() && error.reason() == Some(Reason::REFUSED_STREAM)).then_some(Self::Stream)
    }
}

/// The connection has come to its end.
pub(super) fn closed() -> TransportError {
    TransportError {
        kind: FailureKind::Incomplete,
        message: "connection closed before the response".into(),
    }
}

/// What went wrong. `reused`: the connection had carried a request before.
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
            format!("what the server says is not valid HTTP/2: {name}"),
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
            format!("the server closed the connection before it took the request: GOAWAY {name}"),
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

/// Whether the library's decoder gave up on a head for its size. It has no other way to tell but
/// these words; one of them is a head without an end.
fn is_head_too_large(error: &h2::Error) -> bool {
    const WORDS: [&str; 2] = ["header_list_way_too_large", "too_many_continuations"];
    !error.is_remote()
        && error.is_go_away()
        && WORDS.iter().any(|words| error.to_string().contains(words))
}

/// A reason by the name that the standard gives it (RFC 9113, section 7).
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
