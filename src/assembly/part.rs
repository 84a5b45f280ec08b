//! [`Part`]: what one shard of a run writes, for the others' to be added to.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Measurements, new_recorder};
use crate::plan::{MAX_SHARDS, Plan, Secrets, Shard};
use crate::result::{Build, End, Host, Output, ScenarioEcho};

/// The schema that this version writes and reads.
pub const PART_SCHEMA: &str = "loadgen.part/1";

/// The maximum of every count in a part, so that no sum of parts overflows. A shard that reached it
/// would have sent a million requests a second for half a year.
const MAX_COUNT: u64 = 1 << 44;

/// What one shard of a run measured, without secrets.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Part {
    /// [`PART_SCHEMA`].
    pub schema: String,
    /// How it ended.
    pub end: End,
    /// The build that ran it.
    pub loadgen: Build,
    /// The scenario, with the seed and the fingerprint of the whole plan.
    pub scenario: ScenarioEcho,
    /// The shard.
    pub shard: Shard,
    /// When the command started, RFC 3339, UTC.
    pub started_at: String,
    /// The time of day that the epoch was to be at, in nanoseconds since 1970.
    #[serde(default)]
    pub start_at: Option<u64>,
    /// The time of day at the epoch by the clock of its host, in nanoseconds since 1970. Unknown in
    /// virtual time.
    #[serde(default)]
    pub epoch: Option<u64>,
    /// How much its clock can be trusted.
    pub clock: ClockState,
    /// Its machine.
    pub host: Host,
    /// The name of its machine.
    pub host_name: String,
    /// The whole plan.
    pub plan: serde_json::Value,
    /// What a reader should know, in words.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// What it has handed to files and other programs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<Output>,
    /// What it measured.
    pub measured: Measurements<'static>,
}

/// What is known of the clock of a shard's host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClockState {
    /// Whether the system says that it is synchronized; null if it does not say.
    pub synchronized: Option<bool>,
    /// The system's estimate of its error, in milliseconds.
    pub error_ms: Option<f64>,
    /// How far it is ahead of the clock of the folder with the start file, in milliseconds.
    pub start_file_ms: Option<f64>,
}

/// Why a text is not a part that can be merged.
#[derive(Debug, Error)]
pub enum PartError {
    /// Invalid or truncated JSON, or fields of the wrong type.
    #[error("not a part of a run: {0}; give the part.json that `loadgen run --shard` wrote")]
    Json(#[from] serde_json::Error),
    /// Valid JSON of another program, or of another version of loadgen.
    #[error(
        "it has schema `{found}`, this loadgen reads `{PART_SCHEMA}`; use the version of loadgen that wrote it"
    )]
    Schema {
        /// The schema found.
        found: String,
    },
    /// Its content does not agree with itself.
    #[error("the part is damaged: {0}")]
    Damaged(String),
}

impl Part {
    /// Returns the text of `part.json`.
    ///
    /// # Errors
    /// Never in practice: every field is plain data.
    pub fn to_json(&self) -> serde_json::Result<String> {
        let mut text = serde_json::to_string(self)?;
        text.push('\n');
        Ok(text)
    }

    /// Parses `part.json`; returns the part with its plan.
    ///
    /// # Errors
    /// If the text is not JSON, has another schema or fields of the wrong type, or its figures
    /// cannot be those of its plan.
    pub fn from_json(text: &str) -> Result<(Self, Plan), PartError> {
        #[derive(Deserialize)]
        struct Head {
            #[serde(default)]
            schema: String,
        }
        let head: Head = serde_json::from_str(text)?;
        if head.schema != PART_SCHEMA {
            return Err(PartError::Schema {
                found: head.schema.chars().take(80).collect(),
            });
        }
        let part: Self = serde_json::from_str(text)?;
        let plan: Plan = serde_json::from_value(part.plan.clone())?;
        part.check(&plan).map_err(PartError::Damaged)?;
        Ok((part, plan))
    }

    fn check(&self, plan: &Plan) -> Result<(), String> {
        let Shard { index, count } = self.shard;
        if index >= count || count > MAX_SHARDS {
            return Err(format!("shard {index} of {count} does not exist"));
        }
        let measured = &self.measured;
        let [seen] = &*measured.seen else {
            return Err("it has figures of several processes".into());
        };
        if seen.shard != index {
            return Err(format!("its figures are those of shard {}", seen.shard));
        }
        if plan.load.slice.is_some() || plan.modes != [measured.mode] || measured.round != 1 {
            return Err("its figures are not those of its plan".into());
        }
        if measured.checks.len() != plan.operations().count() {
            return Err("it has other operations than its plan".into());
        }
        measured.recorder.fits(&new_recorder(plan))?;
        if measured.recorder.largest_count().max(seen.largest_count()) > MAX_COUNT {
            return Err("a count is larger than any run can reach".into());
        }
        Ok(())
    }
}

impl Measurements<'_> {
    /// Returns the measurements with every secret hidden in every text that came from a server or
    /// from the scenario.
    #[must_use]
    pub fn redacted(mut self, secrets: &Secrets) -> Self {
        if secrets.is_empty() {
            return self;
        }
        let hide = |text: &str| secrets.redact(text);
        self.recorder.to_mut().map_texts(&hide);
        for name in self.checks.to_mut().iter_mut().flatten() {
            *name = hide(name);
        }
        for limit in self
            .seen
            .to_mut()
            .iter_mut()
            .flat_map(|own| &mut own.limits)
        {
            limit.scope = hide(&limit.scope);
        }
        self
    }

    /// Returns the measurements with the gauges of each window of the time line together: what
    /// figures need of them, in less space.
    #[must_use]
    pub fn compact(mut self) -> Self {
        let windows = self.recorder.windows();
        let width = windows.width();
        let indices: Vec<i64> = windows.iter().map(|(index, _)| index).collect();
        let seen = self.seen.iter().map(|own| own.in_windows(&indices, width));
        self.seen = Cow::Owned(seen.collect());
        self
    }
}
