//! The program, the scenario and how the run ended: the head of every result file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The build of loadgen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// Version of the package.
    pub version: String,
    /// The commit it was built from, if known.
    pub git: Option<String>,
    /// The profile of cargo: `dist` (what is shipped), `release`, `profiling` or `debug`.
    pub profile: String,
}

impl Build {
    /// Returns the build of the running program.
    pub fn current() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").into(),
            git: option_env!("LOADGEN_GIT").map(Into::into),
            profile: env!("LOADGEN_PROFILE").into(),
        }
    }
}

/// The scenario that ran.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScenarioEcho {
    /// Its name.
    pub name: String,
    /// Its description, if any.
    pub description: Option<String>,
    /// Names and values that the scenario gives its reports.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The identity of the work; see [`crate::plan::Plan::fingerprint`].
    pub fingerprint: String,
    /// The seed of all random numbers.
    pub seed: u64,
    /// The file as written.
    pub source: String,
    /// The path of the file as given; null if it came from standard input or stands for a URL.
    #[serde(default)]
    pub file: Option<String>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// As planned.
    Complete,
    /// Early, by a condition of the scenario.
    Stopped,
    /// By a threshold.
    Aborted,
    /// By a signal.
    Interrupted,
    /// By an error; what was measured before is here.
    Failed,
    /// It had not ended when this was written.
    Running,
}
