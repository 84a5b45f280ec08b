//! Formats the thresholds of a run: one row per threshold and mode, the same in every report
//! format.

use crate::plan::{Mode, Selector, Unit};
use crate::result::{End, RunResult, ThresholdResult, ThresholdVerdict};

use super::view::{self, NA};

/// One threshold for one mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Whether it was met.
    pub verdict: ThresholdVerdict,
    /// ✓ or ✗, and a word for it; of a run in progress, whether it holds for the figures so far.
    pub word: &'static str,
    /// The check and its selector.
    pub check: String,
    /// The mode that was judged.
    pub mode: Mode,
    /// The observed figure.
    pub observed: String,
    /// The limit.
    pub limit: String,
    /// The distance from the limit; negative if the limit was not met.
    pub margin: String,
}

/// Returns a row for every threshold, in the order of the scenario.
pub(crate) fn rows(result: &RunResult) -> Vec<Row> {
    let is_over = result.end != End::Running;
    let thresholds = result.thresholds.iter();
    thresholds.map(|own| row(own, is_over)).collect()
}

fn row(threshold: &ThresholdResult, is_over: bool) -> Row {
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
            ThresholdVerdict::Pass if is_over => "✓ met",
            ThresholdVerdict::Fail if is_over => "✗ not met",
            ThresholdVerdict::NoData if is_over => "✗ no data",
            ThresholdVerdict::Pass => "✓ holds so far",
            ThresholdVerdict::Fail => "✗ does not hold now",
            ThresholdVerdict::NoData => "no data yet",
        },
        check: check(threshold),
        mode: threshold.mode,
        observed,
        limit: figure(threshold.unit, threshold.limit),
        margin: shown(threshold.margin),
    }
}

/// Returns the check with its selector.
fn check(threshold: &ThresholdResult) -> String {
    let mut text = narrowed(&threshold.check, &threshold.selector);
    if let Some(window_s) = threshold.window_s {
        text.push_str(&format!(", every {}", view::duration_s(window_s)));
    }
    text
}

/// Returns a check or a figure with its selector.
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

/// Formats a figure, which may be a negative distance.
pub(crate) fn figure(unit: Unit, value: f64) -> String {
    let sign = if value < 0.0 { "-" } else { "" };
    let size = value.abs();
    let text = match unit {
        Unit::Millis => view::duration_ms(size),
        // As fine as limits are: `error_rate < 0.05%` is a common one.
        Unit::Share => format!("{} %", view::number(size * 100.0)),
        Unit::PerSecond => view::rate(size),
        Unit::Bytes => view::bytes(size as u64),
        Unit::Number => view::number(size),
    };
    format!("{sign}{text}")
}
