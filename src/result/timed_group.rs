//! [`TimedGroup`]: the figures of a group of steps that is measured as a whole.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::counts::Counts;
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
}
