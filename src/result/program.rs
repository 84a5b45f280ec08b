//! What ran, and how that ended: the head of every file of results.

use serde::{Deserialize, Serialize};

/// The program that ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// Version of the package.
    pub version: String,
    /// Commit it was built from, where that is known.
    pub git: Option<String>,
    /// `release` or `debug`.
    pub profile: String,
}

impl Build {
    /// This very program.
    pub fn current() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").into(),
            git: option_env!("LOADGEN_GIT").map(Into::into),
            profile: if cfg!(debug_assertions) {
                "debug"
            } else {
                "release"
            }
            .into(),
        }
    }
}

/// The scenario that ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScenarioEcho {
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: Option<String>,
    /// Identifies the work; see [`crate::plan::Plan::fingerprint`].
    pub fingerprint: String,
    /// The seed of all draws.
    pub seed: u64,
    /// The file as typed.
    pub source: String,
    /// The path of the file as it was given; null where it came from standard input or stands for a
    /// URL.
    #[serde(default)]
    pub file: Option<String>,
}

/// How a run came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// As planned.
    Complete,
    /// Early, by a condition that the scenario names.
    Stopped,
    /// By a threshold.
    Aborted,
    /// By a signal.
    Interrupted,
    /// Something broke; what was measured before is here.
    Failed,
}
