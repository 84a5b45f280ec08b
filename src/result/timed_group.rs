//! [`TimedGroup`]: the figures of a group of steps that is measured as a whole.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::counts::Counts;
use super::measure::WindowValues;
use crate::metrics::Summary;

/// The figures of a `flow` with `timed`, or of a `transaction`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimedGroup {
    /// Its name.
    pub name: String,
    /// Its mix entry.
    pub mix: String,
    /// Counts of passes through it. One that has begun is planned and started.
    #[serde(flatten)]
    pub counts: Counts,
    /// Failed passes by the kind of their first failure.
    pub failures: BTreeMap<String, u64>,
    /// Successful completions per second.
    pub throughput_rps: f64,
    /// From the intended start of the first operation to the end of the last, without the pauses
    /// between.
    pub response_ms: Option<Summary>,
    /// The same, of successful passes only.
    pub response_ok_ms: Option<Summary>,
    /// The pauses of each pass.
    pub think_ms: Option<Summary>,
    /// The histograms behind these times. Of a stage they are left out.
    #[serde(default, skip_serializing_if = "GroupHistograms::is_empty")]
    pub histograms: GroupHistograms,
}

/// The histograms of a timed group, in the form of [`Histograms`](super::Histograms).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupHistograms {
    /// The response times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<String>,
    /// The response times of successful passes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_ok: Option<String>,
    /// The pauses of each pass, if any pass had some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub think: Option<String>,
}

impl GroupHistograms {
    /// Returns whether it is empty.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The passes through a timed group that were intended in one interval of the time line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupWindow {
    /// Its name.
    pub name: String,
    /// Its mix entry.
    pub mix: String,
    /// Passes that began in it.
    pub planned: u64,
    /// Of these, succeeded.
    pub ok: u64,
    /// Of these, failed.
    pub failed: u64,
    /// Successful passes that ended in this window, per second.
    pub throughput_rps: f64,
    /// The response times; absent if no pass has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_ms: Option<WindowValues>,
    /// The mean of the pauses of each pass; absent if no pass has a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub think_mean_ms: Option<f64>,
}
