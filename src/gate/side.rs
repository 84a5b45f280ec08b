//! [`Side`]: the repeated runs of one version.

use std::collections::BTreeSet;

use super::selection::Selection;
use crate::plan::{Guard, Mode};
use crate::result::{Check, Comparison, End, InvalidRun, ModeRun, RunResult, Verdict};

/// One run of every mode.
#[derive(Clone)]
pub(super) struct Repetition<'r> {
    /// The number in order of start, counted from 1.
    number: u32,
    started_at: &'r str,
    /// Whether its figures are valid …
    validity: Verdict,
    /// … and the reasons if they are not.
    reasons: Vec<String>,
    pub(super) runs: Vec<&'r ModeRun>,
    /// The comparison of the modes of this repetition.
    pub(super) comparison: Option<Comparison>,
}

/// The repeated runs of one version: the rounds of its results, in the order in which they were
/// made.
#[derive(Clone)]
pub struct Side<'r> {
    pub(super) name: String,
    pub(super) results: Vec<&'r RunResult>,
    pub(super) repetitions: Vec<Repetition<'r>>,
}

impl<'r> Side<'r> {
    /// Creates a side from the results of one version, which messages call `name`. The results are
    /// sorted by their start; those with the same start keep the given order.
    pub fn from_results(name: &str, results: impl IntoIterator<Item = &'r RunResult>) -> Self {
        let mut results: Vec<&RunResult> = results.into_iter().collect();
        results.sort_by(|a, b| a.started_at.cmp(&b.started_at));
        let mut repetitions: Vec<Repetition<'r>> = results
            .iter()
            .flat_map(|result| repetitions(result))
            .collect();
        repetitions
            .iter_mut()
            .zip(1..)
            .for_each(|(one, number)| one.number = number);
        Self {
            name: name.to_owned(),
            results,
            repetitions,
        }
    }

    /// Returns its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the number of repetitions.
    pub fn len(&self) -> usize {
        self.repetitions.len()
    }

    /// Returns whether there are no repetitions.
    pub fn is_empty(&self) -> bool {
        self.repetitions.is_empty()
    }

    /// Returns its results.
    pub fn results(&self) -> &[&'r RunResult] {
        &self.results
    }

    /// Returns the modes of its first repetition, in their order.
    pub fn modes(&self) -> Vec<Mode> {
        self.repetitions
            .first()
            .map(|first| first.runs.iter().map(|run| run.mode).collect())
            .unwrap_or_default()
    }

    /// Returns the worst validity of its runs.
    pub fn validity(&self) -> Verdict {
        self.repetitions
            .iter()
            .map(|one| one.validity)
            .max()
            .unwrap_or_default()
    }

    /// Returns its invalid runs.
    pub fn invalid(&self) -> Vec<InvalidRun> {
        let invalid = self
            .repetitions
            .iter()
            .filter(|one| one.validity == Verdict::Invalid);
        let named = |one: &Repetition<'_>| InvalidRun {
            source: self.name.clone(),
            run: one.number,
            started_at: one.started_at.to_owned(),
            reasons: one.reasons.clone(),
        };
        invalid.map(named).collect()
    }

    /// Returns the figures of a guard in one mode, for each repetition.
    pub(super) fn figures(&self, guard: &Guard, mode: Mode) -> Vec<Option<f64>> {
        let figure = |repetition: &Repetition<'_>| {
            let runs = repetition
                .runs
                .iter()
                .copied()
                .filter(|run| run.mode == mode);
            let compared = repetition
                .comparison
                .as_ref()
                .and_then(|all| all.modes.iter().find(|of| of.mode == mode));
            Selection::from_runs(runs, &guard.selector)
                .figure(guard.metric, compared)
                .map(|figure| figure.value)
        };
        self.repetitions.iter().map(figure).collect()
    }

    /// Returns the problems of this side on its own.
    pub fn troubles(&self) -> Vec<String> {
        let mut troubles = Vec::new();
        if self.is_empty() {
            troubles.push(format!("{} has no runs", self.name));
        }
        for result in &self.results {
            let end = match result.end {
                End::Complete | End::Stopped => continue,
                End::Aborted => "was aborted by a threshold",
                End::Interrupted => "was interrupted",
                End::Failed => "failed",
                End::Running => "had not ended when this was written",
            };
            troubles.push(format!(
                "the run of {} that began at {} {end}: its figures are not those of a whole run",
                self.name, result.started_at
            ));
        }
        let all: Vec<BTreeSet<Mode>> = self
            .repetitions
            .iter()
            .map(|one| one.runs.iter().map(|run| run.mode).collect())
            .collect();
        if all.iter().any(|modes| Some(modes) != all.first()) {
            troubles.push(format!("not every run of {} has the same modes", self.name));
        }
        let doubled = |one: &Repetition<'_>| {
            one.runs
                .iter()
                .any(|a| one.runs.iter().filter(|b| b.mode == a.mode).count() > 1)
        };
        if self.repetitions.iter().any(doubled) {
            troubles.push(format!(
                "a result of {} has two runs of one mode and round",
                self.name
            ));
        }
        troubles
    }
}

fn repetitions(result: &RunResult) -> Vec<Repetition<'_>> {
    let rounds: BTreeSet<u32> = result.runs.iter().map(|run| run.round).collect();
    let is_named = result
        .runs
        .iter()
        .any(|run| run.validity.verdict == Verdict::Invalid);
    let of_result: Vec<String> = result
        .validity
        .checks
        .iter()
        .filter(|check| check.verdict == Verdict::Invalid)
        .map(reason)
        .collect();
    let of_round = |round: u32| {
        let runs: Vec<&ModeRun> = result
            .runs
            .iter()
            .filter(|run| run.round == round)
            .collect();
        let modes: Vec<Mode> = runs.iter().map(|run| run.mode).collect();
        let ideal_s = result
            .comparison
            .as_ref()
            .and_then(|comparison| comparison.modes.iter().find_map(|mode| mode.ideal_s));
        let alone: Vec<ModeRun> = runs.iter().map(|run| (*run).clone()).collect();
        let own = runs
            .iter()
            .map(|run| run.validity.verdict)
            .max()
            .unwrap_or_default();
        // If no run is named as the invalid one, it may be any of them.
        let validity = if result.validity.verdict == Verdict::Invalid && !is_named {
            Verdict::Invalid
        } else {
            own
        };
        let reasons = if is_named {
            runs.iter().flat_map(|run| reasons(run)).collect()
        } else {
            of_result.clone()
        };
        Repetition {
            number: 0,
            started_at: &result.started_at,
            validity,
            reasons,
            comparison: Comparison::from_runs(&alone, &modes, ideal_s),
            runs,
        }
    };
    rounds.into_iter().map(of_round).collect()
}

/// Returns why a run is invalid.
fn reasons(run: &ModeRun) -> Vec<String> {
    let invalid = run
        .validity
        .checks
        .iter()
        .filter(|check| check.verdict == Verdict::Invalid);
    invalid
        .map(|check| format!("{}: {}", run.mode, reason(check)))
        .collect()
}

fn reason(check: &Check) -> String {
    format!("{}: {}, limit {}", check.name, check.observed, check.limit)
}

/// Returns both versions without the pairs that contain an invalid run.
pub fn valid_pairs<'r>(base: &Side<'r>, new: &Side<'r>) -> [Side<'r>; 2] {
    let is_good = |one: &Repetition<'_>| one.validity != Verdict::Invalid;
    let good: Vec<bool> = base
        .repetitions
        .iter()
        .zip(&new.repetitions)
        .map(|(base, new)| is_good(base) && is_good(new))
        .collect();
    [base, new].map(|side| {
        let kept = side
            .repetitions
            .iter()
            .zip(&good)
            .filter(|(_, good)| **good)
            .map(|(one, _)| one.clone())
            .collect();
        Side {
            repetitions: kept,
            ..side.clone()
        }
    })
}
