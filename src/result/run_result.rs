//! [`RunResult`]: the whole of `result.json`.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    Build, Comparison, End, Host, ModeRun, ScenarioEcho, ThresholdResult, Validity,
    VersionComparison,
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
    /// What ran it.
    pub loadgen: Build,
    /// What it ran.
    pub scenario: ScenarioEcho,
    /// The resolved plan, as written; kept as plain JSON so that old results stay readable when
    /// plans grow.
    pub plan: serde_json::Value,
    /// Where it ran.
    pub host: Host,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// One for each mode and round, in the order run.
    pub runs: Vec<ModeRun>,
    /// The modes against each other; null where nothing ran to its end.
    pub comparison: Option<Comparison>,
    /// What the run had to meet, and whether it did: each threshold for each mode that it is about.
    #[serde(default)]
    pub thresholds: Vec<ThresholdResult>,
    /// The run against its baseline, where one was given.
    #[serde(default)]
    pub baseline: Option<VersionComparison>,
    /// Whether the figures can be believed.
    pub validity: Validity,
    /// What a reader should know before believing a figure, in words.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// Why a text is not a result of loadgen.
#[derive(Debug, Error)]
pub enum ReadError {
    /// Not JSON, cut off, or fields of the wrong type.
    #[error("not a loadgen result: {0}; give the result.json that `loadgen run` wrote")]
    Json(#[from] serde_json::Error),
    /// Good JSON of another program, or of another version of loadgen.
    #[error(
        "result has schema `{found}`, this loadgen reads `{SCHEMA}`; use the version of loadgen that wrote it"
    )]
    Schema {
        /// What the file says.
        found: String,
    },
}

impl RunResult {
    /// The text of `result.json`.
    ///
    /// # Errors
    /// Never in practice: every field is plain data.
    pub fn to_json(&self) -> serde_json::Result<String> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(text)
    }

    /// Reads `result.json`.
    ///
    /// # Errors
    /// When the text is not JSON, of another schema, or has fields of the wrong type.
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
        Ok(serde_json::from_str(text)?)
    }
}
