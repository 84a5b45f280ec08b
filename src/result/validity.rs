//! [`Validity`]: whether a run's figures can be believed.

use serde::{Deserialize, Serialize};

/// The outcome of a check on the run itself; the worst decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The figures can be believed.
    #[default]
    Valid,
    /// With care.
    Degraded,
    /// They describe the generator, not the target.
    Invalid,
}

/// One check on the run itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Short name.
    pub name: String,
    /// Its outcome.
    pub verdict: Verdict,
    /// What was seen, with its unit.
    pub observed: String,
    /// What was allowed, with its unit.
    pub limit: String,
    /// What it means and what to do, in plain words.
    pub explanation: String,
}

/// Whether the figures can be believed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Validity {
    /// The worst of the checks.
    pub verdict: Verdict,
    /// All of them.
    pub checks: Vec<Check>,
}

impl Validity {
    /// The worst of these checks.
    pub fn from_checks(checks: Vec<Check>) -> Self {
        Self {
            verdict: checks.iter().map(|c| c.verdict).max().unwrap_or_default(),
            checks,
        }
    }
}
