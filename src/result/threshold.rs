//! [`ThresholdResult`]: whether a run met a threshold.

use serde::{Deserialize, Serialize};

use crate::plan::{Mode, Selector, Unit};

/// The outcome of a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdVerdict {
    /// It was met.
    Pass,
    /// It was not met.
    Fail,
    /// There is no figure to judge, which counts as a failure.
    NoData,
}

/// A window that did not meet a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailingWindow {
    /// Its start, in seconds from the run's epoch.
    pub t_s: f64,
    /// Its round, counted from 1.
    pub round: u32,
    /// Its figure, in the threshold's unit.
    pub observed: f64,
}

/// One threshold, judged for one mode on its merged rounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThresholdResult {
    /// `METRIC OP VALUE`.
    pub check: String,
    /// The part of the run that it applies to.
    pub selector: Selector,
    /// The mode that was judged.
    pub mode: Mode,
    /// The length of its windows in seconds, if each of them had to meet it.
    pub window_s: Option<f64>,
    /// The unit of the figures here.
    pub unit: Unit,
    /// The figure; with windows, that of the worst one.
    pub observed: Option<f64>,
    /// The limit.
    pub limit: f64,
    /// The distance of the figure from the limit; negative if it is on the wrong side.
    pub margin: Option<f64>,
    /// The windows that did not meet it; empty without windows.
    pub failing_windows: Vec<FailingWindow>,
    /// Whether it was met.
    pub verdict: ThresholdVerdict,
    /// What a reader should know before trusting the verdict, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Its line in the scenario, counted from 1; `None` if it was given on the command line.
    #[serde(default)]
    pub line: Option<u32>,
}

impl ThresholdResult {
    /// Iterates over its warnings, each prefixed with its name.
    pub fn named_warnings(&self) -> impl Iterator<Item = String> {
        self.warnings
            .iter()
            .map(|warning| format!("the threshold `{}` ({}): {warning}", self.check, self.mode))
    }

    /// Returns whether it was met.
    pub fn is_met(&self) -> bool {
        self.verdict == ThresholdVerdict::Pass
    }
}
