//! [`Ending`]: how a run ended, and whether it completed as planned. The same in every report
//! format.

use crate::plan::{Mode, Plan};
use crate::result::{End, RunResult, StoppedBy};

use super::{asked, tally, view};

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    /// In two or three words: `complete`, `ended by its data`.
    pub word: &'static str,
    /// The meaning, as a sentence without a full stop.
    pub meaning: String,
    /// Whether a run should end like this.
    pub is_good: bool,
}

impl Ending {
    /// Derives the ending of a result.
    pub(crate) fn from_result(result: &RunResult) -> Self {
        let (word, meaning, is_good) = match result.end {
            End::Complete => return Self::complete(result),
            End::Stopped => {
                let plan = asked::plan(result);
                let has_step = plan.as_ref().is_some_and(Plan::has_stop_run);
                let has_condition = plan.is_none_or(|plan| !plan.load.stop_when.is_empty());
                let meaning = match (has_step, has_condition) {
                    (true, false) => "a `stop_run` step of the scenario ended it",
                    (true, true) => {
                        "a `stop_run` step or a `stop_when` condition of the scenario ended it"
                    }
                    (false, _) => "a `stop_when` condition of the scenario ended it",
                };
                ("stopped by its condition", meaning, true)
            }
            End::Aborted => (
                "aborted by a threshold",
                "later modes and rounds did not run",
                false,
            ),
            End::Interrupted => ("interrupted", "these are the figures up to then", false),
            End::Failed => (
                "failed",
                "an error ended the run; these are the figures up to then",
                false,
            ),
            End::Running => (
                "running",
                "the run had not ended when this was written; these are the figures up to then",
                false,
            ),
        };
        Self {
            word,
            meaning: meaning.into(),
            is_good,
        }
    }

    /// Describes a run that completed: by its duration, its iterations, or because a feed ran out
    /// of rows.
    fn complete(result: &RunResult) -> Self {
        let by_data = modes(result, |mode| {
            tally::rounds(result, mode).any(|run| run.stopped_by == StoppedBy::Data)
        });
        if !by_data.is_empty() && is_bound_otherwise(result) {
            let meaning = format!(
                "rows ran out before the planned end (`at_end: stop`) in {}",
                view::list(&by_data)
            );
            return Self {
                word: "ended by its data",
                meaning,
                is_good: true,
            };
        }
        let left = |mode: Mode| {
            let counts = tally::Tally::from_result(result, mode).iterations;
            let left = counts.dropped + counts.skipped + counts.unfinished;
            (left > 0).then(|| {
                format!(
                    "{} of {} in {mode}",
                    view::count(left),
                    view::count(counts.planned)
                )
            })
        };
        let left: Vec<String> = tally::modes(result).into_iter().filter_map(left).collect();
        let meaning = if !left.is_empty() {
            format!(
                "the planned time has passed; iterations that did not finish: {}",
                view::list(&left)
            )
        } else if by_data.is_empty() {
            "everything planned was run".to_owned()
        } else {
            "every row of its data was run".to_owned()
        };
        Self {
            word: "complete",
            meaning,
            is_good: true,
        }
    }
}

/// Returns whether something other than its data was to end the run; unless the plan says
/// otherwise, it was.
fn is_bound_otherwise(result: &RunResult) -> bool {
    asked::plan(result).is_none_or(|plan| {
        plan.has_own_loads()
            || plan.load.duration.is_some()
            || plan.load.total_iterations().is_some()
    })
}

/// Returns the names of the modes for which the condition holds.
fn modes(result: &RunResult, holds: impl Fn(Mode) -> bool) -> Vec<String> {
    tally::modes(result)
        .into_iter()
        .filter(|mode| holds(*mode))
        .map(|mode| mode.name().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    #[test]
    fn a_run_that_its_data_ended_is_not_all_that_was_planned() {
        let mut result = fixture::open_model();
        assert_eq!(
            Ending::from_result(&result).meaning,
            "everything planned was run"
        );
        result.runs[0].stopped_by = StoppedBy::Data;
        let ending = Ending::from_result(&result);
        assert_eq!(ending.word, "ended by its data");
        assert_eq!(
            ending.meaning,
            "rows ran out before the planned end (`at_end: stop`) in sequential"
        );
        // If nothing else was to end it, this is the regular end.
        result.plan["load"]["duration"] = serde_json::Value::Null;
        assert_eq!(Ending::from_result(&result).word, "complete");
        assert_eq!(
            Ending::from_result(&result).meaning,
            "every row of its data was run"
        );
    }

    #[test]
    fn iterations_that_were_not_run_are_told() {
        let mut result = fixture::open_model();
        let counts = &mut result.runs[1].iterations.counts;
        (
            counts.planned,
            counts.skipped,
            counts.dropped,
            counts.unfinished,
        ) = (9_000, 1_200, 30, 4);
        let meaning = Ending::from_result(&result).meaning;
        assert!(
            meaning.ends_with("that did not finish: 1,234 of 9,000 in threaded"),
            "{meaning}"
        );
    }
}
