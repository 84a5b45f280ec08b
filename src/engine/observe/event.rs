//! [`Event`]: what a run says while it goes on. The engine prints nothing itself.

use serde::{Deserialize, Serialize};

use crate::result::ModeRun;

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Not measured yet.
    Warmup,
    /// Measured.
    Measured,
    /// No new work; what is in flight ends.
    Drain,
}

/// A look at a run, at most ten a second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Where it is.
    pub phase: Phase,
    /// Seconds since the start of this mode and round, warm-up included.
    pub elapsed_s: f64,
    /// How much of it is done, where that is known.
    pub fraction: Option<f64>,
    /// Seconds until no new work is taken, where that can be told.
    pub left_s: Option<f64>,
    /// Operations completed.
    pub completed: u64,
    /// Of these, failed.
    pub failed: u64,
    /// Operations in flight.
    pub in_flight: u64,
    /// Completions a second since the last look.
    pub rate: f64,
    /// Median response time of the last windows.
    pub p50_ms: Option<f64>,
    /// 99th percentile of the last windows.
    pub p99_ms: Option<f64>,
    /// 99th percentile of the generator's own lateness in the last windows.
    pub lag_p99_ms: Option<f64>,
    /// What the measured part has brought so far, of each operation of the plan in its order.
    pub steps: Vec<StepCounts>,
}

/// What an operation of the plan has brought so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepCounts {
    /// Completed.
    pub completed: u64,
    /// Of these, failed.
    pub failed: u64,
}

/// What a run says while it goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// How it goes.
    Progress(Progress),
    /// The figures so far, where the plan has somebody judge them while the run goes on, or
    /// somebody watches.
    SoFar(Box<ModeRun>),
    /// What went wrong and does not end it.
    Warning(String),
}
