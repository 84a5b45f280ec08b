//! [`TransportError`]: a network error, with its failure kind.

use std::io;

use thiserror::Error;

use super::tls::failure::reason;
use crate::metrics::FailureKind;

/// A network error.
#[derive(Clone, Debug, Error)]
#[error("{message}")]
pub struct TransportError {
    /// Its failure kind.
    pub kind: FailureKind,
    /// The message of the system or the library, without addresses that change between tries.
    pub message: String,
}

impl TransportError {
    /// Creates the error of a failed connect.
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
                "; no local port is left: keep connections (`http: { keep_alive: … }`), or give the target more addresses (`resolve`), or this machine (`source`)"
            }
            _ => "",
        };
        Self {
            kind,
            message: format!("connecting: {error}{remedy}"),
        }
    }

    /// Creates the error of a failed byte stream. `reused`: the connection had carried something
    /// before; `answered`: a part of the answer had arrived.
    pub fn stream(error: &io::Error, reused: bool, answered: bool) -> Self {
        broken(error, reused && !answered)
    }
}

/// Creates the error of a connection that failed below its application protocol. `unanswered`: it
/// had carried a request before, and no answer to this one arrived.
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

/// Returns whether this process (EMFILE) or the whole system (ENFILE) has run out of file
/// descriptors.
#[cfg(unix)]
pub(super) fn is_fd_limit(error: &io::Error) -> bool {
    use rustix::io::Errno;
    error.raw_os_error().is_some_and(|code| {
        code == Errno::MFILE.raw_os_error() || code == Errno::NFILE.raw_os_error()
    })
}

#[cfg(not(unix))]
pub(super) fn is_fd_limit(_: &io::Error) -> bool {
    false
}
