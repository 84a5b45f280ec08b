//! Pairs up the figures of two versions.

use super::side::{Repetition, Side};
use super::verdict::Paired;
use crate::metrics::Summary;
use crate::plan::{Guard, Metric, Mode, Quantity, Selector, Statistic};
use crate::result::{Counts, Group, ModeRun, TimedGroup};

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

/// Returns the figures of each step and of each group that is measured as a whole, in each mode and
/// pair by pair, without those that are missing in some run.
pub(super) fn steps(base: &Side<'_>, new: &Side<'_>) -> Vec<Paired> {
    let Some(first) = base.repetitions.first() else {
        return Vec::new();
    };
    let mut figures = Vec::new();
    for run in &first.runs {
        for step in run.steps.iter().filter(|_| run.steps.len() > 1) {
            let selector = Selector {
                mix: step.mix.clone(),
                step: Some(step.name.clone()),
                ..Selector::default()
            };
            let of = |other: &ModeRun, metric| {
                let mut steps = other.steps.iter();
                let same = |one: &&Group| (&one.name, &one.mix) == (&step.name, &step.mix);
                let own = steps.find(same)?;
                of_part(
                    own.times.response_ms.as_ref(),
                    own.throughput_rps,
                    &own.counts,
                    metric,
                )
            };
            figures.extend(of_pairs([base, new], run.mode, &selector, of));
        }
        for group in &run.groups {
            let selector = Selector {
                mix: Some(group.mix.clone()),
                group: Some(group.name.clone()),
                ..Selector::default()
            };
            let of = |other: &ModeRun, metric| {
                let mut groups = other.groups.iter();
                let same = |one: &&TimedGroup| (&one.name, &one.mix) == (&group.name, &group.mix);
                let own = groups.find(same)?;
                of_part(
                    own.response_ms.as_ref(),
                    own.throughput_rps,
                    &own.counts,
                    metric,
                )
            };
            figures.extend(of_pairs([base, new], run.mode, &selector, of));
        }
    }
    figures
}

/// Returns the usual figures of a part of the runs of a mode, pair by pair.
fn of_pairs(
    [base, new]: [&Side<'_>; 2],
    mode: Mode,
    selector: &Selector,
    figure: impl Fn(&ModeRun, Metric) -> Option<f64>,
) -> Vec<Paired> {
    let of_metric = |metric| {
        let own = |one: &Repetition<'_>| {
            let same = one.runs.iter().find(|other| other.mode == mode)?;
            figure(same, metric).filter(|figure| is_usable(metric, Some(*figure)))
        };
        let pairs = base.repetitions.iter().zip(&new.repetitions);
        let pairs = pairs.map(|(base, new)| Some([own(base)?, own(new)?]));
        let guard = Guard {
            selector: selector.clone(),
            ..Guard::usual(metric)
        };
        let paired = |pairs| Paired { guard, mode, pairs };
        pairs.collect::<Option<Vec<[f64; 2]>>>().map(paired)
    };
    let usual = Guard::all_usual().into_iter();
    usual.filter_map(|guard| of_metric(guard.metric)).collect()
}

/// Returns a figure that every part has; a percentile only if the sample size supports it.
fn of_part(
    response: Option<&Summary>,
    throughput_rps: f64,
    counts: &Counts,
    metric: Metric,
) -> Option<f64> {
    match metric {
        Metric::Time(Quantity::Response, Statistic::Percentile(50_000)) => {
            response.map(|summary| summary.p50)
        }
        Metric::Time(Quantity::Response, Statistic::Percentile(99_000)) => response
            .filter(|summary| !matches!(summary.ci95.get("p99"), Some(None)))
            .map(|summary| summary.p99),
        Metric::Throughput => Some(throughput_rps),
        Metric::ErrorRate if counts.completed > 0 => {
            Some(counts.failed as f64 / counts.completed as f64)
        }
        _ => None,
    }
}
