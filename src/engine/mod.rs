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
pub mod error;
pub mod flow;
pub mod job;
pub mod observe;
pub mod operation;
pub mod preflight;
pub mod run;
pub mod schedule;
pub mod world;

pub use error::RunError;
pub use job::{Ground, Job, Reach};
pub use observe::event::{Event, Phase, Progress, StepCounts};
pub use run::{ideal, run_mode};

pub use schedule::stop::Signal;
