//! What a run had to meet, as text: one row for each threshold and mode. The same for every form of
//! the report.

use crate::plan::{Mode, Selector, Unit};
use crate::result::{RunResult, ThresholdResult, ThresholdVerdict};

use super::view::{self, NA};

/// One threshold for one mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Whether it was met.
    pub verdict: ThresholdVerdict,
    /// ✓ or ✗, and the word for it.
    pub word: &'static str,
    /// What had to hold, and of what.
    pub check: String,
    /// The mode that was judged.
    pub mode: Mode,
    /// The figure.
    pub observed: String,
    /// What it is held against.
    pub limit: String,
    /// How far it is on the good side; with a minus on the bad one.
    pub margin: String,
}

/// Every threshold, in the order of the scenario.
pub(crate) fn rows(result: &RunResult) -> Vec<Row> {
    result.thresholds.iter().map(row).collect()
}

fn row(threshold: &ThresholdResult) -> Row {
    let shown = |value: Option<f64>| {
        value.map_or_else(|| NA.to_owned(), |value| figure(threshold.unit, value))
    };
    let failing = threshold.failing_windows.len();
    let mut observed = shown(threshold.observed);
    if failing > 0 {
        observed.push_str(&format!(
            " ({} not met)",
            view::things(failing as u64, "window")
        ));
    }
    Row {
        verdict: threshold.verdict,
        word: match threshold.verdict {
            ThresholdVerdict::Pass => "✓ met",
            ThresholdVerdict::Fail => "✗ not met",
            ThresholdVerdict::NoData => "✗ no data",
        },
        check: check(threshold),
        mode: threshold.mode,
        observed,
        limit: figure(threshold.unit, threshold.limit),
        margin: shown(threshold.margin),
    }
}

/// The check with what it is narrowed to.
fn check(threshold: &ThresholdResult) -> String {
    let mut text = narrowed(&threshold.check, &threshold.selector);
    if let Some(window_s) = threshold.window_s {
        text.push_str(&format!(", every {}", view::duration_s(window_s)));
    }
    text
}

/// A check or a figure with the parts that it is about.
pub(crate) fn narrowed(what: &str, selector: &Selector) -> String {
    let mut text = view::shortened(&view::plain(what), 200);
    for (key, value) in selector.parts() {
        text.push_str(&format!(
            ", {key} {}",
            view::shortened(&view::plain(value), 60)
        ));
    }
    text
}

/// A figure, which may be a distance below zero.
pub(crate) fn figure(unit: Unit, value: f64) -> String {
    let sign = if value < 0.0 { "-" } else { "" };
    let size = value.abs();
    let text = match unit {
        Unit::Millis => view::duration_ms(size),
        // As fine as limits are: `error_rate < 0.05%` is an ordinary one.
        Unit::Share => format!("{} %", view::number(size * 100.0)),
        Unit::PerSecond => view::rate(size),
        Unit::Bytes => view::bytes(size as u64),
        Unit::Number => view::number(size),
    };
    format!("{sign}{text}")
}
