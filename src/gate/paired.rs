//! Pairs up the figures of two versions.

use super::side::{Repetition, Side};
use super::verdict::Paired;
use crate::plan::{Guard, Metric, Mode, Quantity, Selector, Statistic};
use crate::result::Group;

/// Returns the figures of every guard in every mode that it applies to, pair by pair.
///
/// # Errors
/// If figures are missing on one of the sides, or are not numbers.
pub(super) fn paired(
    base: &Side<'_>,
    new: &Side<'_>,
    guards: &[Guard],
) -> Result<Vec<Paired>, Vec<String>> {
    let mut figures = Vec::new();
    let mut missing = Vec::new();
    for guard in guards {
        for mode in base
            .modes()
            .into_iter()
            .filter(|mode| guard.selector.is_about(*mode))
        {
            // The baseline mode has no speedup to compare: it is 1 by definition.
            if guard.metric == Metric::Speedup && is_baseline(base, mode) {
                continue;
            }
            let of = |side: &Side<'_>| {
                let all = side.figures(guard, mode);
                let bad = all.iter().find(|figure| !is_usable(guard.metric, **figure));
                match bad {
                    None => Ok(all.into_iter().flatten().collect::<Vec<f64>>()),
                    Some(None) => Err(format!(
                        "{} has no figure for `{}` ({mode})",
                        side.name,
                        named(guard)
                    )),
                    Some(Some(figure)) => Err(format!(
                        "{} has {figure} for `{}` ({mode}), which is not a valid figure",
                        side.name,
                        named(guard)
                    )),
                }
            };
            match (of(base), of(new)) {
                (Ok(base), Ok(new)) => {
                    let pairs = base
                        .into_iter()
                        .zip(new)
                        .map(|(base, new)| [base, new])
                        .collect();
                    figures.push(Paired {
                        guard: guard.clone(),
                        mode,
                        pairs,
                    });
                }
                (one, other) => missing.extend([one.err(), other.err()].into_iter().flatten()),
            }
        }
    }
    if missing.is_empty() {
        Ok(figures)
    } else {
        Err(missing)
    }
}

fn is_baseline(side: &Side<'_>, mode: Mode) -> bool {
    let comparison = side
        .repetitions
        .first()
        .and_then(|first| first.comparison.as_ref());
    comparison.is_some_and(|comparison| comparison.baseline_mode == mode)
}

fn is_usable(metric: Metric, figure: Option<f64>) -> bool {
    let good = |figure: f64| {
        if metric.is_share() {
            (0.0..=1.0).contains(&figure)
        } else {
            figure.is_finite() && figure >= 0.0
        }
    };
    figure.is_some_and(good)
}

/// Formats a guard as users write it: the metric and its selector.
fn named(guard: &Guard) -> String {
    let narrowed = guard
        .selector
        .parts()
        .map(|(key, value)| format!(", {key} {value}"));
    narrowed.fold(guard.metric.to_string(), |text, part| text + &part)
}

/// Returns the figures of each step in each mode, pair by pair, without those that are missing in
/// some run.
pub(super) fn steps(base: &Side<'_>, new: &Side<'_>) -> Vec<Paired> {
    let Some(first) = base.repetitions.first() else {
        return Vec::new();
    };
    let mut figures = Vec::new();
    for run in first.runs.iter().filter(|run| run.steps.len() > 1) {
        for step in &run.steps {
            for metric in Guard::all_usual().into_iter().map(|guard| guard.metric) {
                let own = |one: &Repetition<'_>| {
                    let same = one.runs.iter().find(|other| other.mode == run.mode)?;
                    let step = same
                        .steps
                        .iter()
                        .find(|other| (&other.name, &other.mix) == (&step.name, &step.mix))?;
                    of_step(step, metric).filter(|figure| is_usable(metric, Some(*figure)))
                };
                let pairs = base
                    .repetitions
                    .iter()
                    .zip(&new.repetitions)
                    .map(|(base, new)| Some([own(base)?, own(new)?]));
                let selector = Selector {
                    mix: step.mix.clone(),
                    step: Some(step.name.clone()),
                    ..Selector::default()
                };
                let guard = Guard {
                    selector,
                    ..Guard::usual(metric)
                };
                let paired = |pairs| Paired {
                    guard,
                    mode: run.mode,
                    pairs,
                };
                figures.extend(pairs.collect::<Option<Vec<[f64; 2]>>>().map(paired));
            }
        }
    }
    figures
}

/// Returns a figure that every step has; a percentile only if the sample size supports it.
fn of_step(step: &Group, metric: Metric) -> Option<f64> {
    match metric {
        Metric::Time(Quantity::Response, Statistic::Percentile(50_000)) => {
            step.times.response_ms.as_ref().map(|summary| summary.p50)
        }
        Metric::Time(Quantity::Response, Statistic::Percentile(99_000)) => step
            .times
            .response_ms
            .as_ref()
            .filter(|summary| !matches!(summary.ci95.get("p99"), Some(None)))
            .map(|summary| summary.p99),
        Metric::Throughput => Some(step.throughput_rps),
        Metric::ErrorRate if step.counts.completed > 0 => {
            Some(step.counts.failed as f64 / step.counts.completed as f64)
        }
        _ => None,
    }
}
