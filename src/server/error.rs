//! [`ServeError`]: why a server did not start.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitStatus;

use thiserror::Error;

/// Why the server, or its process, did not start.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The address cannot be bound.
    #[error(
        "can't listen on {address}: {source}; choose another address, or port 0 for any free port"
    )]
    Listen {
        /// The requested address.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// A capacity of zero.
    #[error("a capacity of zero serves nothing; write a rate such as `100/s`")]
    NoCapacity,
    /// The event loop, a signal handler or a thread could not be created.
    #[error("can't set up the server: {0}")]
    Setup(io::Error),
    /// The program of the child process cannot be run.
    #[error("can't start the built-in target `{}`: {source}", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The child process ended without announcing its address.
    #[error(
        "the built-in target ended before it listened ({status}); its messages are on standard error"
    )]
    Ended {
        /// How it ended.
        status: ExitStatus,
    },
    /// The first line of the child process is not the expected one.
    #[error(
        "the built-in target said {line:?} and not where it listens; is the program a loadgen?"
    )]
    Garbled {
        /// What it printed, truncated.
        line: String,
    },
    /// The child process is running and prints nothing.
    #[error(
        "the built-in target has not said where it listens within {seconds} s; is the machine overloaded?"
    )]
    Silent {
        /// How long loadgen waited.
        seconds: u64,
    },
}
