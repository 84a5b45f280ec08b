//! The tables of what is judged: thresholds, and changes since a baseline or between versions.

use super::super::{changes, thresholds};
use super::tables::Table;
use crate::result::{End, RunResult, VersionComparison};

/// Creates the table of each figure's change since the baseline.
pub(crate) fn baseline(result: &RunResult) -> Option<Table> {
    figure_changes("Against the baseline", result.baseline.as_ref()?)
}

/// Creates the table of each figure's change in a comparison.
pub(super) fn figure_changes(caption: &str, comparison: &VersionComparison) -> Option<Table> {
    let rows = changes::rows(comparison).into_iter();
    let rows = rows.map(|row| {
        vec![
            row.figure,
            row.mode.name().to_owned(),
            row.word.to_owned(),
            row.base,
            row.new,
            row.change,
            row.between,
            row.tolerated,
        ]
    });
    let head = [
        "figure",
        "mode",
        "verdict",
        "base",
        "new",
        "change",
        "between",
        "tolerated",
    ];
    Table::new(caption, "gates", &head, rows.collect())
}

/// Creates the table of the run's thresholds and their verdicts.
pub(crate) fn thresholds(result: &RunResult) -> Option<Table> {
    let rows = thresholds::rows(result).into_iter();
    let rows = rows.map(|row| {
        vec![
            row.check,
            row.mode.name().to_owned(),
            row.word.to_owned(),
            row.observed,
            row.limit,
            row.margin,
        ]
    });
    let (caption, verdict) = if result.end == End::Running {
        (
            "Thresholds so far: nothing is decided before the end",
            "now",
        )
    } else {
        ("Thresholds", "verdict")
    };
    Table::new(
        caption,
        "gates",
        &["threshold", "mode", verdict, "observed", "limit", "margin"],
        rows.collect(),
    )
}
