//! [`TransportError`]: what went wrong on the wire, with the failure kind that it counts as.

use std::error::Error;
use std::io;

use thiserror::Error as ThisError;

use super::body::BodyError;
use super::http::head_too_large;
use super::tls;
use crate::metrics::FailureKind;

/// How hyper begins to say that trailers are larger than it reads. It has no other way to tell, and
/// its limits can't be set.
const TRAILERS: &str = "chunk trailers";

/// What went wrong on the wire.
#[derive(Clone, Debug, ThisError)]
#[error("{message}")]
pub struct TransportError {
    /// What it counts as.
    pub kind: FailureKind,
    /// What the system or the library said, without addresses that change from try to try.
    pub message: String,
}

impl TransportError {
    /// An error while connecting.
    pub fn connect(error: &io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::ConnectionRefused => FailureKind::Refused,
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                FailureKind::Unreachable
            }
            io::ErrorKind::ConnectionReset => FailureKind::Reset,
            io::ErrorKind::AddrNotAvailable => FailureKind::PortExhausted,
            _ if is_fd_limit(error) => FailureKind::FdLimit,
            _ => FailureKind::Connect,
        };
        let remedy = match kind {
            FailureKind::FdLimit => {
                "; no file descriptor is left: raise the limit (`ulimit -n`), or keep fewer connections"
            }
            FailureKind::PortExhausted => {
                "; no local port is left: keep connections (`http: { keep_alive: … }`), or give the target more addresses (`resolve`)"
            }
            _ => "",
        };
        Self {
            kind,
            message: format!("connecting: {error}{remedy}"),
        }
    }

    /// An error while a request was under way. `reused`: the connection had carried a request
    /// before; `answered`: something of the response had come.
    pub fn exchange(error: &hyper::Error, reused: bool, answered: bool) -> Self {
        if let Some(body) = BodyError::behind(error) {
            return Self {
                kind: FailureKind::Data,
                message: body.to_string(),
            };
        }
        if error.is_parse_too_large() {
            return head_too_large();
        }
        let io = source_io(error);
        if let Some(reason) = io.and_then(tls::reason) {
            return Self {
                kind: FailureKind::Tls,
                message: reason,
            };
        }
        if io.is_some_and(|e| e.to_string().starts_with(TRAILERS)) {
            let message = "the trailers of the answer are larger than loadgen reads: more than 100 lines, or more than 16 KiB".into();
            return Self {
                kind: FailureKind::Protocol,
                message,
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
            // Chunks that are none.
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
        Self { kind, message }
    }

    /// An error of the byte stream itself. `reused`: the connection had carried something before;
    /// `answered`: something of the answer had come.
    pub fn stream(error: &io::Error, reused: bool, answered: bool) -> Self {
        broken(error, reused && !answered)
    }
}

/// A connection that failed below what is spoken on it. `unanswered`: it had carried a request
/// before, and nothing came of this one.
pub(super) fn broken(error: &io::Error, unanswered: bool) -> TransportError {
    if let Some(reason) = tls::reason(error) {
        return TransportError {
            kind: FailureKind::Tls,
            message: reason,
        };
    }
    let kind = match error.kind() {
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof
            if unanswered =>
        {
            FailureKind::ReusedConnClosed
        }
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => FailureKind::Reset,
        io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => FailureKind::Incomplete,
        _ => FailureKind::Other,
    };
    TransportError {
        kind,
        message: error.to_string(),
    }
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

/// Whether this process (EMFILE) or the whole system (ENFILE) has no file descriptor left.
#[cfg(unix)]
fn is_fd_limit(error: &io::Error) -> bool {
    use rustix::io::Errno;
    error.raw_os_error().is_some_and(|code| {
        code == Errno::MFILE.raw_os_error() || code == Errno::NFILE.raw_os_error()
    })
}

#[cfg(not(unix))]
fn is_fd_limit(_: &io::Error) -> bool {
    false
}
