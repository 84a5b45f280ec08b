//! [`RunResult`]: the content of `result.json`.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    Build, Comparison, End, Exemplar, Host, ModeRun, Output, ScenarioEcho, ShardHost, Shards,
    ThresholdResult, Validity, VersionComparison, Watched,
};

/// The schema that this version writes and reads.
pub const SCHEMA: &str = "loadgen.result/1";

/// The result of `loadgen run`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// [`SCHEMA`].
    pub schema: String,
    /// How it ended.
    pub end: End,
    /// The build that ran it.
    pub loadgen: Build,
    /// The scenario.
    pub scenario: ScenarioEcho,
    /// The resolved plan. It is plain JSON, so that old results remain readable when plans get more
    /// fields.
    pub plan: serde_json::Value,
    /// The machine.
    pub host: Host,
    /// The start time, RFC 3339, UTC.
    pub started_at: String,
    /// The results of each mode and round, in the order run.
    pub runs: Vec<ModeRun>,
    /// The comparison of the modes; null if no run completed.
    pub comparison: Option<Comparison>,
    /// The outcome of each threshold for each mode that it applies to.
    #[serde(default)]
    pub thresholds: Vec<ThresholdResult>,
    /// The comparison with the baseline, if one was given.
    #[serde(default)]
    pub baseline: Option<VersionComparison>,
    /// Whether the figures are credible.
    pub validity: Validity,
    /// What a reader should know before trusting a figure, in words.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// What went on beside the runs, in the order of the scenario.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub watched: Vec<Watched>,
    /// What it has handed to files and other programs besides the reports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<Output>,
    /// The slowest operations of each window and of each step, by run and by when they were intended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exemplars: Vec<Exemplar>,
    /// The shards, if several processes shared the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shards: Option<Shards>,
    /// The machines of the shards; `host` is the first one of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<ShardHost>,
}

/// Why a text is not a result of loadgen.
#[derive(Debug, Error)]
pub enum ReadError {
    /// Invalid or truncated JSON, or fields of the wrong type.
    #[error("not a loadgen result: {0}; give the result.json that `loadgen run` wrote")]
    Json(#[from] serde_json::Error),
    /// Valid JSON of another program, or of another version of loadgen.
    #[error(
        "result has schema `{found}`, this loadgen reads `{SCHEMA}`; use the version of loadgen that wrote it"
    )]
    Schema {
        /// The schema found.
        found: String,
    },
}

impl RunResult {
    /// Returns what spoke HTTP/1.1, unless that is the usual client or nothing.
    pub fn unusual_http_client(&self) -> Option<&str> {
        let client = self.runs.first()?.http_client.as_deref()?;
        (client != "hyper").then_some(client)
    }

    /// Returns the text of `result.json`.
    ///
    /// # Errors
    /// Never in practice: every field is plain data.
    pub fn to_json(&self) -> serde_json::Result<String> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(text)
    }

    /// Parses `result.json`.
    ///
    /// # Errors
    /// If the text is not JSON, has another schema, or has fields of the wrong type.
    pub fn from_json(text: &str) -> Result<Self, ReadError> {
        #[derive(Deserialize)]
        struct Head {
            #[serde(default)]
            schema: String,
        }
        let head: Head = serde_json::from_str(text)?;
        if head.schema != SCHEMA {
            return Err(ReadError::Schema {
                found: head.schema.chars().take(80).collect(),
            });
        }
        let mut result: Self = serde_json::from_str(text)?;
        for run in &mut result.runs {
            let is_of_run = |own: &&Watched| own.mode == Some(run.mode) && own.round == run.round;
            run.watched = result.watched.iter().filter(is_of_run).cloned().collect();
        }
        Ok(result)
    }
}
