//! [`TransportError`]: what went wrong on the wire, with the failure kind that it counts as.

use std::io;

use thiserror::Error;

use super::tls::failure::reason;
use crate::metrics::FailureKind;

/// What went wrong on the wire.
#[derive(Clone, Debug, Error)]
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

    /// An error of the byte stream itself. `reused`: the connection had carried something before;
    /// `answered`: something of the answer had come.
    pub fn stream(error: &io::Error, reused: bool, answered: bool) -> Self {
        broken(error, reused && !answered)
    }
}

/// A connection that failed below what is spoken on it. `unanswered`: it had carried a request
/// before, and nothing came of this one.
pub(super) fn broken(error: &io::Error, unanswered: bool) -> TransportError {
    if let Some(message) = reason(error) {
        return TransportError {
            kind: FailureKind::Tls,
            message,
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
