//! Floor 4: runs a plan. Knows nothing of YAML, terminals, thresholds or report formats.
//!
//! A run of one mode is a [`world`] that its threads share; [`launch`] puts [`worker`]s on threads
//! over a [`driver`]; each takes [`iteration`]s from the [`source`], goes through their [`flow`]
//! and writes every [`operation`] to its [`tape`]. What an iteration carries begins with its rows
//! of each [`feed`]; a [`request`] is made with it, a response is held against its [`check`], and
//! what is taken of it by a [`taking`] goes back. An [`observer`] beside them keeps the time.
//! [`assemble`] makes figures of what a [`collector`] has added up ([`dependence`] says how wide
//! their intervals are, and [`selected`] takes the parts that thresholds name), and [`validity`]
//! says whether to believe them. A [`setup`] goes before, and a teardown after it. [`process`] puts
//! each mode into a process of its own, so that its memory and processor time are its own. A
//! [`preview`] makes the first request and sends nothing.

pub mod compiled;
pub mod connection;
pub mod draw;
pub mod driver;
pub mod flow;
pub mod job;
pub mod observe;
pub mod operation;
pub mod preflight;
pub mod run;
pub mod schedule;
pub mod world;

use std::io;

use thiserror::Error;

pub use job::{Ground, Job, Reach};
pub use observe::event::{Event, Phase, Progress, StepCounts};
pub use run::{ideal, run_mode};

use self::compiled::feed::RowsError;
use self::compiled::request::InvalidRequest;
use crate::result::StoppedBy;
use crate::transport::tls::TlsError;
use crate::value::ValueError;

/// What a user can tell a run from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Take no new work, for this reason, and let what is in flight end.
    Finish(StoppedBy),
    /// Stop now, and keep what was measured.
    GiveUp,
}

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
