//! [`RunError`]: why a plan could not be run.

use std::io;

use thiserror::Error;

use super::compiled::feed::RowsError;
use super::compiled::request::InvalidRequest;
use crate::transport::tls::TlsError;
use crate::value::ValueError;

/// Why a plan could not be run.
#[derive(Debug, Error)]
pub enum RunError {
    /// A target in use has no address.
    #[error("target {0} has no address")]
    NoTarget(usize),
    /// A request that is not HTTP.
    #[error(transparent)]
    Request(#[from] InvalidRequest),
    /// An expression, a pattern or a query that is none.
    #[error("the plan can't be compiled: {0}")]
    Value(#[from] ValueError),
    /// A target's TLS can't be had.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The rows of a feed can't be had.
    #[error(transparent)]
    Rows(#[from] RowsError),
    /// The system refuses threads.
    #[error(
        "the system refused a thread after {started} of {wanted}: {source}; lower `vus` (or `max_in_flight`), or raise the limit (`ulimit -u`)"
    )]
    Threads {
        /// Threads that run.
        started: usize,
        /// Threads wanted.
        wanted: usize,
        /// What the system said.
        source: io::Error,
    },
    /// The system refuses an event loop.
    #[error("could not start an event loop: {0}")]
    Runtime(io::Error),
    /// The setup failed; what failed in it, and where.
    #[error("the setup failed {0}; the run needs it, so nothing was measured")]
    Setup(String),
    /// A signal came before there was anything to measure.
    #[error("interrupted before anything was measured")]
    Interrupted,
    /// A worker or the observer panicked.
    #[error(
        "loadgen panicked in the middle of the run; this is a defect of its own, please report it with the scenario"
    )]
    Panicked,
    /// In virtual time: too many iterations.
    #[error(
        "more than {0} iterations in virtual time; bound the run by `iterations`, or give its steps some time"
    )]
    Budget(u64),
    /// In virtual time: iterations that take no time.
    #[error(
        "in virtual time {0} iterations began at one moment: they take no time, so that moment never ends; bound the run by `iterations`, or give their steps some time"
    )]
    Standstill(u64),
    /// In virtual time: nothing can happen any more.
    #[error(
        "in virtual time nothing could happen any more; this is a defect of loadgen, please report it with the scenario"
    )]
    Deadlock,
}
