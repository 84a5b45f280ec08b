//! [`RunError`]: why a plan could not be run.

use std::io;

use thiserror::Error;

use super::compiled::feed::RowsError;
use super::compiled::invalid::InvalidRequest;
use super::schedule::start::MissedStart;
use crate::transport::tls::TlsError;
use crate::value::ValueError;
use crate::value::protobuf::SchemaError;

/// Why a plan could not be run.
#[derive(Debug, Error)]
pub enum RunError {
    /// A target in use has no address.
    #[error("target {0} has no address")]
    NoTarget(usize),
    /// A request is not valid HTTP.
    #[error(transparent)]
    Request(#[from] InvalidRequest),
    /// An expression, a pattern or a query is invalid.
    #[error("the plan can't be compiled: {0}")]
    Value(#[from] ValueError),
    /// The TLS settings of a target cannot be loaded.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The services of a target are not known.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The rows of a feed are not available.
    #[error(transparent)]
    Rows(#[from] RowsError),
    /// The system cannot start enough threads.
    #[error(
        "the system refused to create a thread, after {started} of {wanted}: {source}; lower `vus` (or `max_in_flight`), or raise the limit (`ulimit -u`)"
    )]
    Threads {
        /// The number of threads that were started.
        started: usize,
        /// The number of threads needed.
        wanted: usize,
        /// The error of the system.
        source: io::Error,
    },
    /// The system cannot start the thread that looks a name up.
    #[error(
        "the system refused a thread to look up the name of the target `{target}`: {source}; raise the limit (`ulimit -u`)"
    )]
    LookupThread {
        /// The name of the target.
        target: String,
        /// The error of the system.
        source: io::Error,
    },
    /// The system cannot provide an event loop.
    #[error("could not start an event loop: {0}")]
    Runtime(io::Error),
    /// Samples can't be sent to the process that writes them.
    #[error("can't send samples: {0}")]
    Samples(io::Error),
    /// A folder whose files the run uses is not available.
    #[error("can't use the {what}: {source}")]
    Folder {
        /// The folder.
        what: String,
        /// The error of the system.
        source: io::Error,
    },
    /// A target has no token for its requests.
    #[error("target `{target}`: no token from {url}: {reason}")]
    Token {
        /// The name of the target.
        target: String,
        /// What should issue it.
        url: String,
        /// Why the token is missing.
        reason: String,
    },
    /// The setup failed: the failure, and its step.
    #[error("the setup failed {0}; the run needs it, so nothing was measured")]
    Setup(String),
    /// A value of a setup in another process cannot be read.
    #[error("the values of the setup can't be read: {0}")]
    SetupValue(serde_json::Error),
    /// A teardown that was asked for on its own failed.
    #[error("{0}")]
    Teardown(String),
    /// A signal arrived before there was anything to measure.
    #[error("interrupted before anything was measured")]
    Interrupted,
    /// One of the processes of the mode could not run its share.
    #[error("{0}")]
    Process(String),
    /// One of the processes of the mode ended by a defect of loadgen, or without its figures.
    #[error("{0}")]
    ProcessDefect(String),
    /// Not everything was ready when the run was to start.
    #[error(
        "the run was to start at an instant that is over: it was not ready in time; nothing was sent; give a later --start-at"
    )]
    Late,
    /// A worker or the observer panicked.
    #[error(
        "loadgen panicked during the run; this is a bug in loadgen; please report it with the scenario"
    )]
    Panicked,
    /// In virtual time: there were too many iterations.
    #[error(
        "more than {0} iterations in virtual time; bound the run by `iterations`, or give its steps some time"
    )]
    Budget(u64),
    /// In virtual time: the iterations take no time.
    #[error(
        "in virtual time {0} iterations started at the same moment: they take no time, so that moment never ends; bound the run by `iterations`, or give their steps some time"
    )]
    Standstill(u64),
    /// In virtual time: no further event can happen.
    #[error(
        "the simulation is stuck: no event is left in virtual time; this is a bug in loadgen; please report it with the scenario"
    )]
    Deadlock,
}

impl From<MissedStart> for RunError {
    fn from(missed: MissedStart) -> Self {
        match missed {
            MissedStart::Late => Self::Late,
            MissedStart::Interrupted => Self::Interrupted,
        }
    }
}
