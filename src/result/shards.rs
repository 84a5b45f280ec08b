//! [`Shards`]: the shards of a run that several processes shared.

use serde::{Deserialize, Serialize};

use super::{End, Host, Verdict};

/// The shards of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shards {
    /// The number of shards.
    pub expected: u32,
    /// The number of those whose parts are in the result.
    pub present: u32,
    /// When the measured part was to begin, RFC 3339, UTC; null if each shard began when it was
    /// ready.
    pub start_at: Option<String>,
    /// How far apart the shards began, in milliseconds, by the clocks of their hosts; null if that
    /// is not known.
    pub skew_ms: Option<f64>,
    /// The limits of which a shard reached its share: one process would have used the shares of
    /// others, too.
    pub limits_reached: Vec<String>,
    /// The shards whose parts are in the result, by their numbers.
    pub parts: Vec<ShardPart>,
}

/// One shard of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShardPart {
    /// Its number, counted from 0.
    pub shard: u32,
    /// The name of its host.
    pub host: String,
    /// How it ended.
    pub end: End,
    /// Its iterations that were planned.
    pub planned: u64,
    /// Its share of all iterations that were planned.
    pub share: f64,
    /// How much later than the first shard it began, in milliseconds, by the clock of its host.
    pub late_ms: Option<f64>,
    /// The 99th percentile of its own delay.
    pub lag_p99_ms: Option<f64>,
    /// Whether its own figures are credible.
    pub verdict: Verdict,
}

/// The machine of a shard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShardHost {
    /// Its name.
    pub name: String,
    /// The shards that ran on it.
    pub shards: Vec<u32>,
    /// The machine.
    #[serde(flatten)]
    pub host: Host,
}
