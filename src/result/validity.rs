//! [`Validity`]: whether a run's figures are credible.

use serde::{Deserialize, Serialize};

/// The outcome of a check of the run itself; the worst one decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The figures are credible.
    #[default]
    Valid,
    /// The figures need caution.
    Degraded,
    /// The figures describe the load generator, not the target.
    Invalid,
}

impl Verdict {
    /// Returns the name in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Degraded => "degraded",
            Self::Invalid => "invalid",
        }
    }
}

/// One check of the run itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Its short name.
    pub name: String,
    /// Its outcome.
    pub verdict: Verdict,
    /// The observed value, with its unit.
    pub observed: String,
    /// The limit, with its unit.
    pub limit: String,
    /// What it means and what to do, in plain words.
    pub explanation: String,
}

/// Whether the figures are credible.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Validity {
    /// The worst verdict of the checks.
    pub verdict: Verdict,
    /// All checks.
    pub checks: Vec<Check>,
}

impl Validity {
    /// Derives the verdict from the worst of these checks.
    pub fn from_checks(checks: Vec<Check>) -> Self {
        Self {
            verdict: checks.iter().map(|c| c.verdict).max().unwrap_or_default(),
            checks,
        }
    }
}
