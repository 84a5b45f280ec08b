//! [`Event`]: what a run reports while it is in progress. The engine prints nothing itself.

use serde::{Deserialize, Serialize};

use crate::result::{Exchange, ModeRun};

/// The phase of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// The warm-up, which is not measured.
    Warmup,
    /// The measured part.
    Measured,
    /// The drain: no new work starts, and what is in flight ends.
    Drain,
}

/// The progress of a run, reported at most ten times a second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The phase.
    pub phase: Phase,
    /// Seconds since the start of this mode and round, including the warm-up.
    pub elapsed_s: f64,
    /// The fraction of the run that is done, if known.
    pub fraction: Option<f64>,
    /// Seconds until no new work is taken, if known.
    pub left_s: Option<f64>,
    /// The number of operations completed.
    pub completed: u64,
    /// The number of those that failed.
    pub failed: u64,
    /// The number of operations in flight.
    pub in_flight: u64,
    /// Completions per second since the last report.
    pub rate: f64,
    /// The median response time of the last windows.
    pub p50_ms: Option<f64>,
    /// The 99th percentile of the response time in the last windows.
    pub p99_ms: Option<f64>,
    /// The 99th percentile of the generator's own lateness in the last windows.
    pub lag_p99_ms: Option<f64>,
    /// The counts of the measured part so far, for each operation of the plan in order.
    pub steps: Vec<StepCounts>,
}

/// The counts of one operation of the plan so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepCounts {
    /// The number completed.
    pub completed: u64,
    /// The number of those that failed.
    pub failed: u64,
}

/// What a run reports while it is in progress.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// The progress.
    Progress(Progress),
    /// The figures so far, if the plan judges them during the run or somebody watches.
    SoFar(Box<ModeRun>),
    /// A problem that does not end the run.
    Warning(String),
    /// An exchange that was to be recorded, and has ended.
    Exchange(Box<Exchange>),
}
