//! Floor 5: runs a plan. Knows nothing of YAML, terminals, thresholds or report formats.
//!
//! A run of one mode is a [`world`] that its threads share. [`run`] launches workers on threads
//! over a [`driver`]; each takes iterations from the [`schedule`], runs their [`flow`], and records
//! every [`operation`] on its tape. The requests and responses of the plan have been [`compiled`]
//! before; a [`connection`] is made, kept and shared by virtual users. Beside the workers the
//! observer keeps the time, and [`observe`] gathers what was recorded and seen, of which
//! [`crate::assembly`] makes figures. [`preflight`] checks everything that can be known before a run.
//!
//! The rooms have floors of their own, which a test of the project (`tests/architecture/structure.rs`) enforces:
//!
//! | floor | rooms |
//! |---|---|
//! | 6 | [`run`]: one mode from its setup to its figures, in this process or one of its own |
//! | 5 | [`flow`]: iterations, their steps and branches · [`preflight`]: ports, descriptors, safety, the first request |
//! | 4 | [`operation`]: limits, tries, and one file for each kind · [`observe`]: the observer, and what it gathers |
//! | 3 | [`world`]: what all threads share, workers, recorders, tapes |
//! | 2 | [`connection`]: dials, pools, streams, users, cookies · [`error`] |
//! | 1 | [`schedule`]: when iterations begin, limits, the stop · [`compiled`]: requests, checks, extractions, feeds · [`tracer`]: which trace a request belongs to |
//! | 0 | [`driver`]: I/O and time of a mode · [`draw`]: random draws by seed and place · [`job`]: what is to be run |

pub(crate) mod compiled;
pub(crate) mod connection;
pub(crate) mod draw;
pub(crate) mod driver;
pub(crate) mod error;
pub(crate) mod flow;
pub(crate) mod job;
pub mod observe;
pub mod operation;
pub mod preflight;
pub mod run;
pub(crate) mod schedule;
pub(crate) mod tracer;
pub(crate) mod world;

#[cfg(test)]
mod tests;

pub use error::RunError;
pub use job::{Environment, Job, Recorded, ResolvedTarget, SetupValues};
pub use observe::event::{Event, Phase, Progress, StepCounts};
pub use run::{ideal, measure_mode, run_mode, run_passes, run_setup, run_teardown};

pub use schedule::stop::Signal;
