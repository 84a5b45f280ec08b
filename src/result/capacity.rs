//! [`CapacityResult`]: the result of a search for the highest rate.

use serde::{Deserialize, Serialize};

use super::{Build, Host, ScenarioEcho, ThresholdResult, Verdict, Watched};
use crate::plan::Mode;

/// The version of this file's format; readers ignore unknown keys within it.
pub const CAPACITY_SCHEMA: &str = "loadgen.capacity/1";

/// The outcome of one rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProbeOutcome {
    /// It met all checks, and the target kept up with it.
    Met,
    /// It missed a check, or the target did not keep up.
    Missed,
    /// The load generator determined the figures, so that they say nothing about the target.
    Invalid,
}

/// Why a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LimitedBy {
    /// A slightly higher rate misses the check.
    Check,
    /// At a higher rate the load generator is not credible.
    Generator,
    /// The machine was too busy with other work for credible figures; what was found before is
    /// valid.
    Machine,
    /// The highest rate allowed still meets the check.
    Maximum,
    /// No rate meets the check.
    Nothing,
    /// A signal; what was found before is valid.
    Interrupt,
    /// An error; what was found before is valid.
    Failure,
}

/// One rate that was tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateProbe {
    /// Planned iteration starts per second.
    pub rate: f64,
    /// Its outcome.
    pub outcome: ProbeOutcome,
    /// The thresholds, each with its figure.
    pub thresholds: Vec<ThresholdResult>,
    /// Why it was missed, in words, if the thresholds do not say so.
    pub reasons: Vec<String>,
    /// Successful operations per second.
    pub throughput_rps: f64,
    /// Planned iterations.
    pub planned: u64,
    /// Of these, dropped, never started or not completed.
    pub lost: u64,
    /// Completed operations.
    pub completed: u64,
    /// Failed operations.
    pub failed: u64,
    /// Dropped operations and iterations.
    pub dropped: u64,
    /// Mean duration of an iteration.
    pub iteration_ms: Option<f64>,
    /// Median response time.
    pub p50_ms: Option<f64>,
    /// 90th percentile.
    pub p90_ms: Option<f64>,
    /// 99th percentile.
    pub p99_ms: Option<f64>,
    /// Maximum response time.
    pub max_ms: Option<f64>,
    /// The maximum number of iterations in flight.
    pub max_in_flight: u32,
    /// Whether the figures are credible.
    pub verdict: Verdict,
    /// Why not, in words.
    pub doubts: Vec<String>,
    /// What went on beside it, if the scenario watches something; its round is the number of the try.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub watched: Vec<Watched>,
}

/// The result of a search for the highest rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CapacityResult {
    /// [`CAPACITY_SCHEMA`].
    pub schema: String,
    /// The program that searched.
    pub loadgen: Build,
    /// The scenario.
    pub scenario: ScenarioEcho,
    /// The machine.
    pub host: Host,
    /// The start time, RFC 3339.
    pub started_at: String,
    /// The mode.
    pub mode: Mode,
    /// How long each rate was tried, in seconds, without the warm-up.
    pub probe_s: f64,
    /// The checks, each as `METRIC OP VALUE`.
    pub slo: Vec<String>,
    /// The check that is added if none of these limits failures.
    pub implied: Option<String>,
    /// The highest rate that met the checks, in iterations per second.
    pub capacity: Option<f64>,
    /// The lowest rate that missed them.
    pub missed: Option<f64>,
    /// Why the search ended there.
    pub limited_by: LimitedBy,
    /// Every rate tried, in order.
    pub probes: Vec<RateProbe>,
    /// What a reader should know before trusting a figure, in words.
    pub warnings: Vec<String>,
}

impl CapacityResult {
    /// Returns the text of `capacity.json`.
    ///
    /// # Errors
    /// Never in practice: every field is plain data.
    pub fn to_json(&self) -> serde_json::Result<String> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(text)
    }
}
