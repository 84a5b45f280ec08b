//! [`CapacityResult`]: what a search for the highest rate found.

use serde::{Deserialize, Serialize};

use super::{Build, Host, ScenarioEcho, ThresholdResult, Verdict};
use crate::plan::Mode;

/// The version of this file's form; readers ignore keys they don't know within it.
pub const CAPACITY_SCHEMA: &str = "loadgen.capacity/1";

/// What came of a rate that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProbeOutcome {
    /// It met all checks, and the target kept up with it.
    Met,
    /// It did not.
    Missed,
    /// The generator set the figures, so that they say nothing of the target.
    Invalid,
}

/// Why a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LimitedBy {
    /// A rate a little higher misses the check.
    Check,
    /// A higher rate is more than the generator can be believed at.
    Generator,
    /// The machine was too busy with other things for anything more to be believed; what was found
    /// so far stands.
    Machine,
    /// The highest rate that was allowed still meets the check.
    Maximum,
    /// No rate meets the check.
    Nothing,
    /// A signal; what was found so far stands.
    Interrupt,
    /// Something broke; what was found so far stands.
    Failure,
}

/// One rate that was tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateProbe {
    /// Planned iteration starts a second.
    pub rate: f64,
    /// What came of it.
    pub outcome: ProbeOutcome,
    /// What had to be met, each with its figure.
    pub thresholds: Vec<ThresholdResult>,
    /// Why it was missed, in words, where that is not in the thresholds.
    pub reasons: Vec<String>,
    /// Operations that completed well, a second.
    pub throughput_rps: f64,
    /// Iterations that were planned.
    pub planned: u64,
    /// Of these, dropped, never begun or not ended.
    pub lost: u64,
    /// Operations that completed.
    pub completed: u64,
    /// Failed operations.
    pub failed: u64,
    /// Dropped operations and iterations.
    pub dropped: u64,
    /// Mean time of an iteration.
    pub iteration_ms: Option<f64>,
    /// Median response time.
    pub p50_ms: Option<f64>,
    /// 90th percentile.
    pub p90_ms: Option<f64>,
    /// 99th percentile.
    pub p99_ms: Option<f64>,
    /// The longest.
    pub max_ms: Option<f64>,
    /// How many iterations could be in flight at once.
    pub max_in_flight: u32,
    /// Whether the figures can be believed.
    pub verdict: Verdict,
    /// Why not, in words.
    pub doubts: Vec<String>,
}

/// What a search for the highest rate found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CapacityResult {
    /// [`CAPACITY_SCHEMA`].
    pub schema: String,
    /// The program that searched.
    pub loadgen: Build,
    /// What was run.
    pub scenario: ScenarioEcho,
    /// On what machine.
    pub host: Host,
    /// When it began, RFC 3339.
    pub started_at: String,
    /// The mode that was driven.
    pub mode: Mode,
    /// How long each rate was tried, in seconds, warm-up apart.
    pub probe_s: f64,
    /// What had to be met: each `METRIC OP VALUE`.
    pub slo: Vec<String>,
    /// What had to be met beside, because none of these limits failures.
    pub implied: Option<String>,
    /// The highest rate, in iterations a second, that met it.
    pub capacity: Option<f64>,
    /// The lowest rate that did not.
    pub missed: Option<f64>,
    /// Why it ended there.
    pub limited_by: LimitedBy,
    /// Every rate tried, in the order of trying.
    pub probes: Vec<RateProbe>,
    /// What a reader should know before believing a figure, in words.
    pub warnings: Vec<String>,
}

impl CapacityResult {
    /// The text of `capacity.json`.
    ///
    /// # Errors
    /// Never in practice: every field is plain data.
    pub fn to_json(&self) -> serde_json::Result<String> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(text)
    }
}
