//! [`StepWindow`]: a step in one interval of the time line.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The operations of a step that were intended in one interval of the time line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepWindow {
    /// Its name.
    pub name: String,
    /// Its mix entry.
    pub mix: String,
    /// Operations planned in it.
    pub planned: u64,
    /// Of these, succeeded.
    pub ok: u64,
    /// Of these, failed.
    pub failed: u64,
    /// Successful completions per second in this window.
    pub throughput_rps: f64,
    /// Failed operations by kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failures: BTreeMap<String, u64>,
    /// Mean response time; this and the following are absent if no operation has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_ms: Option<f64>,
    /// Median response time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<f64>,
    /// 90th percentile of response time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p90_ms: Option<f64>,
    /// 99th percentile of response time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<f64>,
    /// Maximum response time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_ms: Option<f64>,
}

/// The response times of a step in a part of its time line: several windows, if there are many.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeatInterval {
    /// Start, in seconds from the run's epoch; negative in the warm-up.
    pub t_s: f64,
    /// Width in seconds.
    pub window_s: f64,
    /// A histogram of one significant digit, in the form of [`Histograms`](super::Histograms).
    pub response: String,
}
