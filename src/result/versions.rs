//! [`VersionComparison`]: repeated runs of two versions compared, as `compare` and `ab` write it
//! and as `result.json` holds it under `baseline`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Build, Change, End, Host, Outcome, Verdict};

/// The schema of a comparison of versions that this program writes.
pub const VERSIONS_SCHEMA: &str = "loadgen.comparison/1";

/// The order in which the runs of both versions were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOrder {
    /// Alternating, so that changes of the machine affect both alike.
    Interleaved,
    /// All runs of one version before all runs of the other.
    Apart,
    /// One run each.
    Unpaired,
}

/// One of the two versions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// Its source: a file or directory of results, a URL or a command.
    pub source: String,
    /// The number of runs of each mode.
    pub runs: u32,
    /// The tags of its scenario.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// When the first run began, RFC 3339, UTC.
    pub started_at: Option<String>,
    /// The build that ran it.
    pub loadgen: Option<Build>,
    /// The machine.
    pub host: Option<Host>,
    /// Whether its figures are credible, judged by the worst run that was compared.
    pub validity: Verdict,
}

/// A run whose figures are not credible.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvalidRun {
    /// The name of its version.
    pub source: String,
    /// The number of the run within its version, counted from 1 in the order of their start: the
    /// number of its pair.
    pub run: u32,
    /// When it began, RFC 3339, UTC.
    pub started_at: String,
    /// The validity checks that failed, each with the observed value.
    pub reasons: Vec<String>,
}

/// How often comparisons of a version with itself report a regression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// The number of comparisons drawn from the runs.
    pub comparisons: u32,
    /// The number of pairs of runs in each.
    pub pairs: u32,
    /// The number of comparisons in which any figure had regressed.
    pub alarms: u32,
    /// The upper bound of the false alarm rate, at a confidence of 95 % (Clopper–Pearson).
    pub rate_high: f64,
}

/// Two versions compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VersionComparison {
    /// [`VERSIONS_SCHEMA`].
    pub schema: String,
    /// How it ended; interrupted if there are fewer pairs than requested.
    pub end: End,
    /// The name of the scenario.
    pub scenario: String,
    /// The identity of the work.
    pub fingerprint: String,
    /// The version to compare with.
    pub base: Version,
    /// The version that is judged.
    pub new: Version,
    /// The number of pairs of runs.
    pub pairs: u32,
    /// How many of them were added because something seemed to have regressed.
    #[serde(default)]
    pub confirming_pairs: u32,
    /// The order in which they were made.
    pub order: RunOrder,
    /// Runs whose figures are not credible.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub invalid: Vec<InvalidRun>,
    /// Pairs that are excluded because one of their runs is invalid; `pairs` counts the others.
    #[serde(default)]
    pub left_out_pairs: u32,
    /// The worst of the changes; null if there are none.
    pub verdict: Option<Outcome>,
    /// Each figure in each mode that it applies to.
    pub changes: Vec<Change>,
    /// The changes of each step, if there are several, and of each group that is measured as a whole.
    /// They are informative and judged separately: their verdicts are not part of the comparison's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Change>,
    /// How often these runs raise false alarms, if requested.
    pub calibration: Option<Calibration>,
    /// What a reader should know before trusting a verdict, in words.
    pub warnings: Vec<String>,
}

impl VersionComparison {
    /// Returns whether the compared figures are credible.
    pub fn validity(&self) -> Verdict {
        self.base.validity.max(self.new.validity)
    }

    /// Returns whether a verdict would have to rely on figures that are not credible: all pairs
    /// have such figures, or the remaining pairs are inconclusive.
    pub fn needs_invalid(&self) -> bool {
        let is_open = matches!(self.verdict, None | Some(Outcome::Inconclusive));
        self.validity() == Verdict::Invalid || (self.left_out_pairs > 0 && is_open)
    }

    /// Returns the text of `comparison.json`.
    ///
    /// # Errors
    /// Never in practice: every field is plain data.
    pub fn to_json(&self) -> serde_json::Result<String> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(text)
    }
}
