//! The socket that samples go over: one of Unix, in a folder that only this user can enter.

use std::io;
use std::path::Path;

#[cfg(not(unix))]
pub(crate) use std::net::{TcpListener as Listener, TcpStream as Stream};
#[cfg(unix)]
pub(crate) use std::os::unix::net::{UnixListener as Listener, UnixStream as Stream};

/// Listens at a path.
///
/// # Errors
/// If the system does not allow it.
pub(super) fn listen(path: &Path) -> io::Result<Listener> {
    #[cfg(unix)]
    return Listener::bind(path);
    #[cfg(not(unix))]
    return Err(unsupported(path));
}

/// Connects to the one who listens at a path.
///
/// # Errors
/// If nobody does.
pub(crate) fn connect(path: &Path) -> io::Result<Stream> {
    #[cfg(unix)]
    return Stream::connect(path);
    #[cfg(not(unix))]
    return Err(unsupported(path));
}

#[cfg(not(unix))]
fn unsupported(_path: &Path) -> io::Error {
    io::ErrorKind::Unsupported.into()
}

/// Returns whether there is a named pipe at a path.
#[cfg(unix)]
pub(super) fn is_pipe(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|known| std::os::unix::fs::FileTypeExt::is_fifo(&known.file_type()))
}

/// Returns whether there is a named pipe at a path.
#[cfg(not(unix))]
pub(super) const fn is_pipe(_path: &Path) -> bool {
    false
}
