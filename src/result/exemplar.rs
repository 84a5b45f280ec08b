//! [`Exemplar`]: an operation that stands for a part of a run.

use serde::{Deserialize, Serialize};

use crate::plan::Mode;

/// The slowest operation of a window of the time series or of a step; also the slowest one that
/// failed, and the slowest one whose trace is recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exemplar {
    /// The mode of the run.
    pub mode: Mode,
    /// The round of the run, counted from 1.
    pub round: u32,
    /// The mix entry of the step.
    pub mix: String,
    /// The step.
    pub step: String,
    /// When the operation was intended, in seconds from the run's epoch.
    pub t_s: f64,
    /// Its response time in milliseconds.
    pub response_ms: f64,
    /// The status of its last response; null if there was none.
    pub status: Option<u16>,
    /// The failure kind; null if it succeeded.
    #[serde(default)]
    pub kind: Option<String>,
    /// The message of the system or the peer; null if it succeeded.
    pub error: Option<String>,
    /// The trace id that its requests had, as 32 hexadecimal digits; null without tracing.
    pub trace_id: Option<String>,
    /// Whether its trace is recorded; null without tracing.
    #[serde(default)]
    pub sampled: Option<bool>,
    /// The URL or the address of its first request; null if there is none.
    pub url: Option<String>,
}

impl Exemplar {
    /// Returns the id of its trace, if that is recorded: one that is not leads nowhere.
    pub fn recorded_trace(&self) -> Option<&str> {
        self.trace_id
            .as_deref()
            .filter(|_| self.sampled == Some(true))
    }

    /// Returns when it ended, in seconds from the run's epoch.
    pub fn ended_s(&self) -> f64 {
        self.t_s + self.response_ms / 1e3
    }
}
