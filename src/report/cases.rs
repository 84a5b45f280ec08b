//! [`Case`]: every gate of a run as a test case, for the formats that CI servers read: its
//! thresholds, and each figure compared with a baseline. Whether the run completed and whether its
//! figures are valid are cases too, so that a green report covers all of it.

use std::collections::BTreeMap;

use crate::plan::{Check, Metric, Mode};
use crate::result::{
    self, Change, End, RunOrder, RunResult, ThresholdResult, ThresholdVerdict, Verdict,
    VersionComparison,
};

use super::ending::Ending;
use super::{changes, tally, thresholds, versions, view};

/// The maximum number of errors listed per mode.
const ERRORS: usize = 5;
/// The maximum number of windows listed individually.
const WINDOWS: usize = 10;

/// The outcome of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The gate was met.
    Passed,
    /// The gate was not met.
    Failed,
    /// Something broke or was interrupted before the outcome was known.
    Broken,
    /// There was nothing to judge, for a reason that another case reports.
    Skipped,
    /// It was judged, but the figures are inconclusive.
    Undecided,
}

/// One gate.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Case {
    /// What had to hold; unique among the cases of a mode.
    pub name: String,
    /// The mode that was judged; `None` for the whole run.
    pub mode: Option<Mode>,
    /// The outcome of the case.
    pub outcome: Outcome,
    /// The observation, in one line.
    pub message: String,
    /// Details, line by line.
    pub details: Vec<String>,
    /// The line of the scenario that defines it, counted from 1.
    pub line: Option<u32>,
    /// The duration of the runs that it judges, in seconds.
    pub seconds: f64,
    /// Whether the details contain warnings.
    pub warned: bool,
}

/// Returns every gate of a result: its end, its validity, its thresholds in the order of the
/// scenario, and the comparison with the baseline.
pub(crate) fn all(result: &RunResult) -> Vec<Case> {
    let mut cases = vec![end(result), validity(result)];
    cases.extend(
        result
            .thresholds
            .iter()
            .zip(thresholds::rows(result))
            .map(|(threshold, row)| judged(result, threshold, row)),
    );
    cases.extend(
        result
            .baseline
            .iter()
            .flat_map(|comparison| baseline_cases(result, comparison)),
    );
    let mut seen = BTreeMap::new();
    for case in &mut cases {
        let times = seen.entry((case.mode, case.name.clone())).or_insert(0_u32);
        *times += 1;
        if *times > 1 {
            case.name.push_str(&format!(" ({times})"));
        }
    }
    cases
}

/// Returns the total duration of the runs of a mode, or of all modes; an invalid duration counts as
/// zero.
pub(crate) fn seconds(result: &RunResult, mode: Option<Mode>) -> f64 {
    let walls = result
        .runs
        .iter()
        .filter(|run| mode.is_none_or(|mode| run.mode == mode))
        .map(|run| run.wall_s);
    // Not `sum`, which starts with negative zero.
    walls
        .filter(|wall_s| (0.0..1e9).contains(wall_s))
        .fold(0.0, |sum, wall_s| sum + wall_s)
}

fn end(result: &RunResult) -> Case {
    let outcome = match result.end {
        End::Complete | End::Stopped => Outcome::Passed,
        End::Aborted => Outcome::Failed,
        End::Interrupted | End::Failed | End::Running => Outcome::Broken,
    };
    let Ending { word, meaning, .. } = Ending::from_result(result);
    let of_mode = |mode: Mode| {
        failures(result, mode)
            .into_iter()
            .map(move |line| format!("{mode}: {line}"))
    };
    Case {
        name: "the run completed".into(),
        mode: None,
        outcome,
        message: format!("{word}: {meaning}"),
        details: tally::modes(result).into_iter().flat_map(of_mode).collect(),
        line: None,
        seconds: seconds(result, None),
        warned: false,
    }
}

/// Returns the errors of a mode's attempts.
fn failures(result: &RunResult, mode: Mode) -> Vec<String> {
    let troubles = tally::troubles(result, mode);
    let mut lines: Vec<String> = troubles
        .iter()
        .take(ERRORS)
        .map(tally::Trouble::sentence)
        .collect();
    if let Some(more) = troubles.len().checked_sub(ERRORS).filter(|more| *more > 0) {
        lines.push(format!("and {} more", view::count(more as u64)));
    }
    lines
}

fn validity(result: &RunResult) -> Case {
    let (outcome, message) = match result.validity.verdict {
        _ if result.runs.is_empty() => (Outcome::Skipped, "nothing was measured"),
        Verdict::Valid => (Outcome::Passed, "valid: the figures are reliable"),
        Verdict::Degraded => (Outcome::Passed, "degraded: read the figures with care"),
        Verdict::Invalid => (
            Outcome::Failed,
            "invalid: the figures describe the generator, not the target",
        ),
    };
    let doubts = result
        .validity
        .checks
        .iter()
        .filter(|check| check.verdict != Verdict::Valid);
    let details = doubts
        .map(|check| {
            view::plain(&format!(
                "{}: {}, limit {}: {}",
                check.name, check.observed, check.limit, check.explanation
            ))
        })
        .collect();
    Case {
        name: "the figures are reliable".into(),
        mode: None,
        outcome,
        message: message.into(),
        details,
        line: None,
        seconds: 0.0,
        warned: false,
    }
}

fn judged(result: &RunResult, threshold: &ThresholdResult, row: thresholds::Row) -> Case {
    let ran = tally::rounds(result, threshold.mode).next().is_some();
    let (outcome, message) = match threshold.verdict {
        ThresholdVerdict::Pass => (Outcome::Passed, None),
        ThresholdVerdict::Fail => (Outcome::Failed, None),
        ThresholdVerdict::NoData if ran => (
            Outcome::Failed,
            Some(format!("no data, limit {}", row.limit)),
        ),
        ThresholdVerdict::NoData => (
            Outcome::Skipped,
            Some(format!("{} did not run", threshold.mode)),
        ),
    };
    let windows = threshold
        .failing_windows
        .iter()
        .take(WINDOWS)
        .map(|window| {
            let observed = thresholds::figure(threshold.unit, window.observed);
            format!(
                "round {}, the window from {}: {observed}",
                window.round,
                view::duration_s(window.t_s)
            )
        });
    let mut details: Vec<String> = windows.collect();
    if threshold.failing_windows.len() > WINDOWS {
        details.push(format!(
            "and {} more",
            view::things((threshold.failing_windows.len() - WINDOWS) as u64, "window")
        ));
    }
    details.extend(
        threshold
            .warnings
            .iter()
            .map(|warning| format!("warning: {}", view::plain(warning))),
    );
    // Errors are what readers look for if there were too many.
    let is_of_errors = Check::parse(&threshold.check)
        .is_ok_and(|check| matches!(check.metric, Metric::ErrorRate | Metric::CheckRate));
    if outcome == Outcome::Failed && is_of_errors {
        details.extend(failures(result, threshold.mode));
    }
    Case {
        message: message.unwrap_or_else(|| {
            format!(
                "observed {}, limit {}, margin {}",
                row.observed, row.limit, row.margin
            )
        }),
        name: row.check,
        mode: Some(threshold.mode),
        outcome,
        details,
        line: threshold.line,
        seconds: seconds(result, Some(threshold.mode)),
        warned: !threshold.warnings.is_empty(),
    }
}

/// Returns a case for each figure compared with the baseline. A comparison without a result is
/// broken, for any reason.
fn baseline_cases(result: &RunResult, comparison: &VersionComparison) -> Vec<Case> {
    if comparison.changes.is_empty() {
        return vec![Case {
            name: "the baseline".into(),
            mode: None,
            outcome: Outcome::Broken,
            message: versions::sentence(comparison),
            details: comparison
                .warnings
                .iter()
                .map(|warning| view::plain(warning))
                .collect(),
            line: None,
            seconds: 0.0,
            warned: false,
        }];
    }
    comparison
        .changes
        .iter()
        .zip(changes::rows(comparison))
        .map(|(change, row)| compared(result, comparison, change, row))
        .collect()
}

fn compared(
    result: &RunResult,
    comparison: &VersionComparison,
    change: &Change,
    row: changes::Row,
) -> Case {
    let outcome = match change.verdict {
        result::Outcome::Regressed => Outcome::Failed,
        result::Outcome::Improved | result::Outcome::Equivalent => Outcome::Passed,
        result::Outcome::Inconclusive => Outcome::Undecided,
    };
    let order = match comparison.order {
        RunOrder::Interleaved => "interleaved",
        RunOrder::Apart => "not interleaved",
        RunOrder::Unpaired => "unpaired",
    };
    let mut details = vec![
        format!(
            "base {}, new {}, the change between {}",
            row.base, row.new, row.between
        ),
        format!(
            "{}, {order}; the base is {}",
            view::things(comparison.pairs.into(), "pair"),
            versions::version(&comparison.base)
        ),
    ];
    if change.verdict == result::Outcome::Inconclusive {
        details.push(changes::needed(change.pairs_needed));
    }
    Case {
        name: format!("{} against the baseline", row.figure),
        mode: Some(change.mode),
        outcome,
        message: format!(
            "{}: {}, tolerated {}",
            change.verdict.name(),
            row.change,
            row.tolerated
        ),
        details,
        line: change.line,
        seconds: seconds(result, Some(change.mode)),
        warned: false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    #[test]
    fn every_gate_is_a_case_of_its_own() {
        let mut result = fixture::three_modes();
        let outcomes: Vec<Outcome> = all(&result).iter().map(|case| case.outcome).collect();
        use Outcome::{Broken, Failed, Passed, Skipped};
        assert_eq!(outcomes, [Passed, Passed, Passed, Failed, Failed, Passed]);
        result.thresholds.push(result.thresholds[0].clone());
        assert_eq!(all(&result)[6].name, "p99 < 250ms (2)");
        result.runs.retain(|run| run.mode != Mode::Sequential);
        (result.end, result.validity.verdict) = (End::Interrupted, Verdict::Invalid);
        let outcomes: Vec<Outcome> = all(&result).iter().map(|case| case.outcome).collect();
        assert_eq!(
            outcomes,
            [Broken, Failed, Passed, Failed, Skipped, Passed, Passed]
        );
        assert_eq!(all(&fixture::nothing())[1].outcome, Skipped);
    }

    #[test]
    fn every_figure_is_a_case_against_the_baseline() {
        use Outcome::{Broken, Failed, Passed, Undecided};
        let mut result = fixture::against_baseline();
        let cases = all(&result);
        let outcomes: Vec<Outcome> = cases.iter().skip(2).map(|case| case.outcome).collect();
        assert_eq!(outcomes, [Passed, Failed, Undecided, Passed, Passed]);
        assert_eq!(cases[3].name, "p50 against the baseline");
        assert_eq!(cases[3].message, "regressed: +11.8 %, tolerated ±5 %");
        assert_eq!(cases[3].line, Some(9));
        assert_eq!(
            cases[4].details.last().map(String::as_str),
            Some("about 34 pairs would decide it")
        );
        // A comparison that was not possible does not make a green report.
        let comparison = result.baseline.as_mut().expect("it has one");
        (comparison.changes, comparison.verdict) = (Vec::new(), None);
        comparison.warnings = vec!["this run has no figure for `p50` (async)".into()];
        let case = all(&result).pop().expect("cases");
        assert_eq!(
            (case.outcome, case.details),
            (
                Broken,
                vec!["this run has no figure for `p50` (async)".to_owned()]
            )
        );
    }

    #[test]
    fn few_windows_are_told_and_the_others_counted() {
        let mut result = fixture::three_modes();
        let window = result.thresholds[1].failing_windows[0];
        result.thresholds[1].failing_windows = vec![window; 1000];
        let case = &all(&result)[3];
        // They are followed by the two errors of that mode.
        assert_eq!(case.details.len(), WINDOWS + 3);
        assert_eq!(case.details[WINDOWS], "and 990 windows more");
    }
}
