//! [`Window`]: one stretch of a time line.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::metrics::FailureKind;

/// One stretch of the time line. Operations belong to the window that their `intended` falls in;
/// `throughput_rps` alone counts by completion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// Start, in seconds from the run's epoch; below zero in the warm-up.
    pub t_s: f64,
    /// Width in seconds.
    pub window_s: f64,
    /// Operations planned in it.
    pub planned: u64,
    /// Of these, started.
    pub started: u64,
    /// Of these, completed well.
    pub ok: u64,
    /// Of these, completed badly.
    pub failed: u64,
    /// Operations and iterations dropped.
    pub dropped: u64,
    /// Good completions a second that fall into this window.
    pub throughput_rps: f64,
    /// Mean response time.
    pub mean_ms: Option<f64>,
    /// Median response time.
    pub p50_ms: Option<f64>,
    /// 90th percentile of response time.
    pub p90_ms: Option<f64>,
    /// 99th percentile of response time.
    pub p99_ms: Option<f64>,
    /// Longest response time.
    pub max_ms: Option<f64>,
    /// 99th percentile of lag.
    pub lag_p99_ms: Option<f64>,
    /// Operations in flight, mean of the looks taken in this window.
    pub in_flight: Option<f64>,
    /// Virtual users with an iteration under way, mean of the looks taken.
    pub vus: Option<f64>,
    /// Operations waiting for a limit, mean of the looks taken.
    pub queue: Option<f64>,
    /// Processors that loadgen's own process kept busy, mean of the window; null where nobody
    /// looked in it.
    #[serde(default)]
    pub cpu_cores: Option<f64>,
    /// Resident memory of loadgen's own process, the most that was seen in the window.
    #[serde(default)]
    pub rss_bytes: Option<u64>,
    /// Failed operations by kind.
    pub failures: BTreeMap<String, u64>,
    /// Responses by status.
    #[serde(default)]
    pub status_codes: BTreeMap<String, u64>,
    /// Response times as a histogram of two significant digits, in the form of
    /// [`Histograms`](super::Histograms); null where there are none.
    pub response: Option<String>,
}

impl Window {
    /// Completed operations that have times: those apart that could not be made.
    pub fn timed(&self) -> u64 {
        let unmade = self
            .failures
            .get(FailureKind::Data.name())
            .copied()
            .unwrap_or(0);
        (self.ok + self.failed).saturating_sub(unmade)
    }
}
