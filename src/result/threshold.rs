//! [`ThresholdResult`]: whether a run met what it had to.

use serde::{Deserialize, Serialize};

use crate::plan::{Mode, Selector, Unit};

/// The outcome of a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdVerdict {
    /// It was met.
    Pass,
    /// It was not.
    Fail,
    /// There is no figure to judge, which counts as a failure.
    NoData,
}

/// A window that did not meet a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailingWindow {
    /// Its begin, in seconds from the run's epoch.
    pub t_s: f64,
    /// Its round, counted from 1.
    pub round: u32,
    /// Its figure, in the threshold's unit.
    pub observed: f64,
}

/// One threshold, judged for one mode on its rounds merged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThresholdResult {
    /// `METRIC OP VALUE`.
    pub check: String,
    /// What it is about.
    pub selector: Selector,
    /// The mode that was judged.
    pub mode: Mode,
    /// The length of its windows in seconds, where each of them had to meet it.
    pub window_s: Option<f64>,
    /// What the figures here are counted in.
    pub unit: Unit,
    /// The figure; with windows that of the worst of them.
    pub observed: Option<f64>,
    /// What it is held against.
    pub limit: f64,
    /// How far the figure is on the good side of the limit; below zero on the bad side.
    pub margin: Option<f64>,
    /// The windows that did not meet it; empty without windows.
    pub failing_windows: Vec<FailingWindow>,
    /// Whether it was met.
    pub verdict: ThresholdVerdict,
    /// What a reader should know before trusting the verdict, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Its line in the scenario, counted from 1; one of the command line has none.
    #[serde(default)]
    pub line: Option<u32>,
}

impl ThresholdResult {
    /// Its warnings, each under its name.
    pub fn named_warnings(&self) -> impl Iterator<Item = String> {
        self.warnings
            .iter()
            .map(|warning| format!("the threshold `{}` ({}): {warning}", self.check, self.mode))
    }

    /// Whether it was met.
    pub fn is_met(&self) -> bool {
        self.verdict == ThresholdVerdict::Pass
    }
}
