//! [`Watched`]: a figure of what went on beside a run.

use serde::{Deserialize, Serialize};

use crate::plan::{Mode, Unit};

/// A figure of what went on beside a run, such as the processor time of the target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Watched {
    /// The name of its source and its own: `app.cpu`.
    pub name: String,
    /// The mode of the run.
    #[serde(default)]
    pub mode: Option<Mode>,
    /// The round of the run, counted from 1.
    #[serde(default)]
    pub round: u32,
    /// The number of its shard, counted from 0, if several shared the run: each has a machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<u32>,
    /// What was sampled, in words.
    pub source: String,
    /// The unit; a share of processor time is one of one processor, of a machine one of all.
    pub unit: Unit,
    /// The lowest sample; null without samples.
    pub min: Option<f64>,
    /// The mean of all samples.
    pub mean: Option<f64>,
    /// The highest sample.
    pub max: Option<f64>,
    /// How much it was in the whole run, if it is an increase per second: seconds of processor time,
    /// bytes or a count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<f64>,
    /// The samples, from the epoch of the run on; of many, neighbours are one.
    pub series: Vec<WatchedPoint>,
    /// How often the source did not have it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub missing: u64,
    /// How often a counter had become smaller, so that an increase is missing.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub resets: u64,
    /// How many turns were left out because a sample took longer than its turn.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub late: u64,
    /// The last reason for which there was nothing to sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// A sample.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WatchedPoint {
    /// The time from the epoch of the run, in seconds.
    pub t_s: f64,
    /// The value, in the unit of the figure.
    pub value: f64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}
