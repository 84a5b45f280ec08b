//! [`RecordError`]: why nothing could be recorded.

use std::io;
use std::net::SocketAddr;

use thiserror::Error;

/// Why nothing could be recorded.
#[derive(Debug, Error)]
pub(crate) enum RecordError {
    /// The address can't be listened on.
    #[error(
        "can't listen on {address}: {source}; choose another address with --listen, or port 0 for any free port"
    )]
    Listen {
        /// The requested address.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// The event loop or a signal handler could not be created.
    #[error("can't set up the recorder: {0}")]
    Setup(io::Error),
}
