//! [`Window`]: one interval of a time line.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::measure::{MeasureWindow, WindowValues};
use super::step_window::StepWindow;
use super::timed_group::GroupWindow;
use crate::metrics::FailureKind;

/// One interval of the time line. Operations belong to the window in which their `intended` falls;
/// only `throughput_rps` counts by completion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// Start, in seconds from the run's epoch; negative in the warm-up.
    pub t_s: f64,
    /// Width in seconds.
    pub window_s: f64,
    /// Operations planned in it.
    pub planned: u64,
    /// Of these, started.
    pub started: u64,
    /// Of these, succeeded.
    pub ok: u64,
    /// Of these, failed.
    pub failed: u64,
    /// Operations and iterations dropped.
    pub dropped: u64,
    /// Successful completions per second in this window.
    pub throughput_rps: f64,
    /// Mean response time.
    pub mean_ms: Option<f64>,
    /// Median response time.
    pub p50_ms: Option<f64>,
    /// 90th percentile of response time.
    pub p90_ms: Option<f64>,
    /// 99th percentile of response time.
    pub p99_ms: Option<f64>,
    /// Maximum response time.
    pub max_ms: Option<f64>,
    /// 99th percentile of lag.
    pub lag_p99_ms: Option<f64>,
    /// Operations in flight, mean of the samples in this window.
    pub in_flight: Option<f64>,
    /// Virtual users with a running iteration, mean of the samples.
    pub vus: Option<f64>,
    /// Operations waiting for a limit, mean of the samples.
    pub queue: Option<f64>,
    /// Processors that loadgen's own process kept busy, mean of the window; null without samples.
    #[serde(default)]
    pub cpu_cores: Option<f64>,
    /// Peak resident memory of loadgen's own process among the samples in this window.
    #[serde(default)]
    pub rss_bytes: Option<u64>,
    /// Failed operations by kind.
    pub failures: BTreeMap<String, u64>,
    /// Responses by status.
    #[serde(default)]
    pub status_codes: BTreeMap<String, u64>,
    /// Response times as a histogram of two significant digits, in the form of
    /// [`Histograms`](super::Histograms); null if there are none.
    pub response: Option<String>,
    /// Its steps that have operations in it. Empty if the scenario has more than 64 operations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepWindow>,
    /// Its streams, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub streams: Option<StreamWindow>,
    /// Its measures that have values, or responses without one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measures: Vec<MeasureWindow>,
    /// Its timed groups that have a pass in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupWindow>,
}

/// The streams of one interval of the time line, by their `intended`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StreamWindow {
    /// Streams that completed, successful or not.
    pub completed: u64,
    /// Of these, the successful ones.
    pub ok: u64,
    /// Units of the successful streams that completed in this window, per second.
    pub units_per_s: f64,
    /// From intended to the first counted event, in milliseconds; absent without counted events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_ms: Option<WindowValues>,
    /// Between counted events, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap_ms: Option<WindowValues>,
    /// Time per unit of each successful stream, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_ms: Option<WindowValues>,
}

impl Window {
    /// Returns the number of completed operations that have times: those that could not be made
    /// have none.
    pub fn timed(&self) -> u64 {
        let unmade = self
            .failures
            .get(FailureKind::Data.name())
            .copied()
            .unwrap_or(0);
        (self.ok + self.failed).saturating_sub(unmade)
    }
}
