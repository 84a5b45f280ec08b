//! [`judge`]: checks a finished run against its thresholds.

use super::selection::Selection;
use super::windows::{self, Cut};
use crate::base::Nanos;
use crate::plan::{Metric, Mode, Plan, Threshold};
use crate::result::{
    Comparison, FailingWindow, ModeComparison, ModeRun, ThresholdResult, ThresholdVerdict,
};

/// The outcome of judging a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judged {
    /// One result per threshold and mode that it applies to, in the order of the scenario.
    pub thresholds: Vec<ThresholdResult>,
    /// Warnings to read before trusting a verdict.
    pub warnings: Vec<String>,
}

/// Checks the runs of a plan against its thresholds, for each mode with its rounds merged. A mode
/// that did not run has no data. The baseline mode has no speedup to judge: it is 1 by definition.
pub fn judge(plan: &Plan, runs: &[ModeRun], comparison: Option<&Comparison>) -> Judged {
    judge_until(plan, runs, comparison, |run| {
        Nanos::from_secs_f64(run.measured_s)
    })
}

/// Does the same while the last of the runs is in progress: whether the thresholds hold for the figures
/// so far.
pub fn judge_so_far(plan: &Plan, runs: &[ModeRun], comparison: Option<&Comparison>) -> Judged {
    let is_last = |run: &ModeRun| runs.last().is_some_and(|last| std::ptr::eq(last, run));
    judge_until(plan, runs, comparison, |run| {
        if is_last(run) {
            windows::settled(run)
        } else {
            Nanos::from_secs_f64(run.measured_s)
        }
    })
}

/// Judges the windows of each run that end by a moment.
fn judge_until(
    plan: &Plan,
    runs: &[ModeRun],
    comparison: Option<&Comparison>,
    until: impl Fn(&ModeRun) -> Nanos,
) -> Judged {
    let mut judged = Judged::default();
    for threshold in &plan.thresholds {
        for mode in plan
            .modes
            .iter()
            .copied()
            .filter(|mode| threshold.selector.is_about(*mode))
        {
            let is_baseline = comparison.is_some_and(|comparison| comparison.baseline_mode == mode);
            if threshold.check.metric == Metric::Speedup && is_baseline {
                continue;
            }
            let compared = comparison
                .and_then(|comparison| comparison.modes.iter().find(|of| of.mode == mode));
            let of_mode = || runs.iter().filter(move |run| run.mode == mode);
            let judgement = match threshold.window {
                None => whole(
                    threshold,
                    &Selection::from_runs(of_mode(), &threshold.selector),
                    compared,
                ),
                Some(window) => in_windows(
                    plan,
                    threshold,
                    window,
                    &Selection::from_runs(of_mode(), &threshold.selector),
                    &until,
                ),
            };
            let result = judgement.result(threshold, mode);
            judged.warnings.extend(result.named_warnings());
            judged.thresholds.push(result);
        }
    }
    judged
}

/// The judgement of one threshold for one mode.
#[derive(Default)]
struct Judgement {
    observed: Option<f64>,
    failing: Vec<FailingWindow>,
    fails: bool,
    thin: bool,
    /// The length of the windows, in seconds.
    window_s: Option<f64>,
}

fn whole(
    threshold: &Threshold,
    selection: &Selection<'_>,
    compared: Option<&ModeComparison>,
) -> Judgement {
    let figure = selection.figure(threshold.check.metric, compared);
    Judgement {
        observed: figure.map(|figure| figure.value),
        fails: figure.is_some_and(|figure| !threshold.check.holds(figure.value)),
        thin: figure.is_some_and(|figure| figure.thin),
        ..Judgement::default()
    }
}

fn in_windows(
    plan: &Plan,
    threshold: &Threshold,
    window: Nanos,
    selection: &Selection<'_>,
    until: &impl Fn(&ModeRun) -> Nanos,
) -> Judgement {
    let check = &threshold.check;
    let mut judgement = Judgement::default();
    // If no operation was planned in any round, the data is missing, rather than windows of zeros.
    if selection.figure(Metric::Count, None).is_none() {
        return judgement;
    }
    for (run, part) in &selection.parts {
        let stretches = plan
            .load
            .measured_stretches(until(run), threshold.selector.stage.as_deref());
        let Cut { window_s, windows } =
            windows::cut(part.series(), check.metric, window, &stretches);
        judgement.window_s = Some(
            judgement
                .window_s
                .map_or(window_s, |widest| widest.max(window_s)),
        );
        for window in windows {
            judgement.thin |= window.thin;
            let is_worse = judgement
                .observed
                .is_none_or(|worst| check.margin(window.value) < check.margin(worst));
            if is_worse {
                judgement.observed = Some(window.value);
            }
            if !check.holds(window.value) {
                judgement.failing.push(FailingWindow {
                    t_s: window.t_s,
                    round: run.round,
                    observed: window.value,
                });
            }
        }
    }
    judgement.fails = !judgement.failing.is_empty();
    judgement
}

impl Judgement {
    fn result(self, threshold: &Threshold, mode: Mode) -> ThresholdResult {
        let check = &threshold.check;
        let warnings = self.warnings(threshold);
        ThresholdResult {
            check: check.to_string(),
            selector: threshold.selector.clone(),
            mode,
            window_s: threshold
                .window
                .map(|window| self.window_s.unwrap_or(window.as_secs_f64())),
            unit: check.metric.unit(),
            observed: self.observed,
            limit: check.limit,
            margin: self.observed.map(|observed| check.margin(observed)),
            failing_windows: self.failing,
            verdict: match self.observed {
                None => ThresholdVerdict::NoData,
                Some(_) if self.fails => ThresholdVerdict::Fail,
                Some(_) => ThresholdVerdict::Pass,
            },
            warnings,
            line: threshold.line,
        }
    }

    fn warnings(&self, threshold: &Threshold) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.thin {
            let where_ = if threshold.window.is_some() {
                "some window has"
            } else {
                "there are"
            };
            warnings.push(format!("{where_} too few independent samples for this percentile; it was judged on its value anyway"));
        }
        let wanted = threshold.window.map(Nanos::as_secs_f64);
        if let Some((wanted, window_s)) = wanted
            .zip(self.window_s)
            .filter(|(wanted, own)| own - wanted > 1e-6)
        {
            warnings.push(format!(
                "the time line of a run this long can't be divided into windows of {wanted} s; windows of \
                 {window_s} s were used"
            ));
        }
        warnings
    }
}
