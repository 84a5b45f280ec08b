//! [`VersionComparison`]: repeated runs of two versions against each other, as `compare` and `ab` write it and as
//! `result.json` holds it under `baseline`.

use serde::{Deserialize, Serialize};

use super::{Build, Change, End, Host, Outcome, Verdict};

/// The schema of a comparison of versions that this program writes.
pub const VERSIONS_SCHEMA: &str = "loadgen.comparison/1";

/// In which order the runs of both were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOrder {
    /// In turn, so that what changes on the machine falls on both alike.
    Interleaved,
    /// All runs of the one before all of the other.
    Apart,
    /// One run each.
    Unpaired,
}

/// One of the two.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// Where it was: a file or folder of results, a URL or a command.
    pub source: String,
    /// How often every mode was run.
    pub runs: u32,
    /// When the first run began. RFC 3339, UTC.
    pub started_at: Option<String>,
    /// What ran it.
    pub loadgen: Option<Build>,
    /// The machine that ran it.
    pub host: Option<Host>,
    /// Whether its figures can be believed: as far as those of the worst run that was compared.
    pub validity: Verdict,
}

/// A run whose figures can't be believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvalidRun {
    /// What its version is called.
    pub source: String,
    /// Which of that version's runs, counted from 1 in the order of their start: the number of its
    /// pair.
    pub run: u32,
    /// When it began. RFC 3339, UTC.
    pub started_at: String,
    /// The checks on itself that it did not pass, each with what was seen.
    pub reasons: Vec<String>,
}

/// How often comparisons of a version with itself call it a regression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Comparisons that were drawn from the runs.
    pub comparisons: u32,
    /// Pairs of runs in each.
    pub pairs: u32,
    /// In how many of them anything had regressed.
    pub alarms: u32,
    /// The share of alarms is lower than this, at a confidence of 95 % (Clopper–Pearson).
    pub rate_high: f64,
}

/// Two versions against each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VersionComparison {
    /// [`VERSIONS_SCHEMA`].
    pub schema: String,
    /// How it ended; interrupted where there are fewer pairs than were asked for.
    pub end: End,
    /// The name of the scenario.
    pub scenario: String,
    /// What identifies the work.
    pub fingerprint: String,
    /// What the new version is held against.
    pub base: Version,
    /// The version that is judged.
    pub new: Version,
    /// Pairs of runs.
    pub pairs: u32,
    /// How many of them were run after the others, because something seemed to have regressed.
    #[serde(default)]
    pub confirming_pairs: u32,
    /// In which order they were made.
    pub order: RunOrder,
    /// Runs whose figures can't be believed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub invalid: Vec<InvalidRun>,
    /// Pairs that are left out because a run of them is invalid; `pairs` counts the others.
    #[serde(default)]
    pub left_out_pairs: u32,
    /// The worst of the changes; null where there is none.
    pub verdict: Option<Outcome>,
    /// Each figure in each mode that it is about.
    pub changes: Vec<Change>,
    /// What became of each step, where there are several: for information, and judged by
    /// themselves. No verdict here is part of the comparison's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Change>,
    /// How often these runs cry wolf, where that was asked for.
    pub calibration: Option<Calibration>,
    /// What a reader should know before trusting a verdict, in words.
    pub warnings: Vec<String>,
}

impl VersionComparison {
    /// Whether the figures that were compared can be believed.
    pub fn validity(&self) -> Verdict {
        self.base.validity.max(self.new.validity)
    }

    /// Whether a verdict would have to trust figures that can't be believed: those of all pairs are
    /// such, or what is left without them doesn't tell.
    pub fn needs_invalid(&self) -> bool {
        let is_open = matches!(self.verdict, None | Some(Outcome::Inconclusive));
        self.validity() == Verdict::Invalid || (self.left_out_pairs > 0 && is_open)
    }

    /// The text of `comparison.json`.
    ///
    /// # Errors
    /// Never in practice: every field is plain data.
    pub fn to_json(&self) -> serde_json::Result<String> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(text)
    }
}
