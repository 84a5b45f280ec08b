//! [`Side`]: the repeated runs of one version, and whether two of them can be compared.

use std::collections::BTreeSet;

use super::part::Parts;
use super::verdict::Paired;
use crate::plan::{Guard, Metric, Mode, Quantity, Selector, Statistic};
use crate::result::{
    Build, Check, Comparison, End, Group, Host, InvalidRun, ModeRun, RunResult, Verdict,
};

/// Every mode once.
#[derive(Clone)]
struct Repetition<'r> {
    /// Counted from 1 in the order of their start.
    number: u32,
    started_at: &'r str,
    /// How far its figures can be believed …
    validity: Verdict,
    /// … and why not.
    reasons: Vec<String>,
    runs: Vec<&'r ModeRun>,
    /// The modes of this repetition against each other.
    comparison: Option<Comparison>,
}

/// The repeated runs of one version: the rounds of its results, in the order they were made.
#[derive(Clone)]
pub struct Side<'r> {
    name: String,
    results: Vec<&'r RunResult>,
    repetitions: Vec<Repetition<'r>>,
}

/// Where memory differs by less than this, it is what the system keeps for itself.
const MEMORY_SLACK: f64 = 0.05;

impl<'r> Side<'r> {
    /// The results of one version, called `name` in what is said of it. They are put in the order
    /// of their start; where that is the same, they stay as given.
    pub fn of(name: &str, results: impl IntoIterator<Item = &'r RunResult>) -> Self {
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

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How often it was run.
    pub fn len(&self) -> usize {
        self.repetitions.len()
    }

    /// Whether it was not run at all.
    pub fn is_empty(&self) -> bool {
        self.repetitions.is_empty()
    }

    /// Its results.
    pub fn results(&self) -> &[&'r RunResult] {
        &self.results
    }

    /// The modes that it ran, in the order of its first repetition.
    pub fn modes(&self) -> Vec<Mode> {
        self.repetitions
            .first()
            .map(|first| first.runs.iter().map(|run| run.mode).collect())
            .unwrap_or_default()
    }

    /// How far its runs can be believed: as far as the worst of them.
    pub fn validity(&self) -> Verdict {
        self.repetitions
            .iter()
            .map(|one| one.validity)
            .max()
            .unwrap_or_default()
    }

    /// Its runs whose figures can't be believed.
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

    /// The figures of a guard in one mode, of each repetition.
    fn figures(&self, guard: &Guard, mode: Mode) -> Vec<Option<f64>> {
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
            Parts::of(runs, &guard.selector)
                .figure(guard.metric, compared)
                .map(|figure| figure.value)
        };
        self.repetitions.iter().map(figure).collect()
    }

    /// What is wrong with it by itself.
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
        // Where no run says which it was, it may be any.
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
            comparison: Comparison::of(&alone, &modes, ideal_s),
            runs,
        }
    };
    rounds.into_iter().map(of_round).collect()
}

/// Why a run can't be believed.
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

/// Both versions without the pairs of which a run can't be believed.
pub fn believed<'r>(base: &Side<'r>, new: &Side<'r>) -> [Side<'r>; 2] {
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

/// The figures of each step in each mode, pair by pair; those that some run does not have are left
/// out.
pub fn steps(base: &Side<'_>, new: &Side<'_>) -> Vec<Paired> {
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

/// A figure that every step has; a percentile only where the sample carries it.
fn of_step(step: &Group, metric: Metric) -> Option<f64> {
    match metric {
        Metric::Time(Quantity::Response, Statistic::Percentile(50_000)) => {
            step.response_ms.as_ref().map(|summary| summary.p50)
        }
        Metric::Time(Quantity::Response, Statistic::Percentile(99_000)) => step
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

/// Why two versions can't be compared, each reason a sentence; empty where they can. `same_machine`
/// says whether the machine and the program have to be the same.
pub fn incomparable(base: &Side<'_>, new: &Side<'_>, same_machine: bool) -> Vec<String> {
    let mut reasons: Vec<String> = [base, new].into_iter().flat_map(Side::troubles).collect();
    if base.is_empty() || new.is_empty() {
        return reasons;
    }
    let all: Vec<&RunResult> = base.results.iter().chain(&new.results).copied().collect();
    let first = all[0];
    if let Some(other) = all
        .iter()
        .find(|result| result.scenario.fingerprint != first.scenario.fingerprint)
    {
        reasons.push(format!(
            "they did not do the same work: `{}` has the fingerprint {}, and `{}` {}; run both with the same scenario and flags (`-u`, `-r`, `-d`, \
             `-i` and `--var` are part of the work; targets, seed, modes, rounds and thresholds are not)",
            first.scenario.name, first.scenario.fingerprint, other.scenario.name, other.scenario.fingerprint
        ));
    }
    let modes = |side: &Side<'_>| side.modes().into_iter().collect::<BTreeSet<_>>();
    if modes(base) != modes(new) {
        let names = |side: &Side<'_>| {
            side.modes()
                .iter()
                .map(|mode| mode.name())
                .collect::<Vec<_>>()
                .join(", ")
        };
        reasons.push(format!(
            "{} ran in the modes {}, and {} in {}; run both in the same",
            base.name,
            names(base),
            new.name,
            names(new)
        ));
    }
    if base.len() != new.len() {
        reasons.push(format!(
            "{} has {} and {} {}, and they are compared in pairs; run both equally often",
            base.name,
            runs(base.len()),
            new.name,
            runs(new.len())
        ));
    }
    if same_machine {
        let differ = all
            .iter()
            .flat_map(|other| differences(first, other))
            .collect::<BTreeSet<_>>();
        reasons.extend(differ.into_iter().map(allowed));
    }
    reasons
}

/// A run that is yet to be made.
#[derive(Clone, Debug)]
pub struct Coming {
    /// What identifies its work.
    pub fingerprint: String,
    /// Its modes.
    pub modes: Vec<Mode>,
    /// How often it runs each.
    pub runs: usize,
    /// Where it will run.
    pub host: Host,
    /// What will run it.
    pub loadgen: Build,
}

/// Why a run that is yet to be made could not be compared with `base`, each reason a sentence.
pub fn unfit(
    base: &Side<'_>,
    coming: &Coming,
    guards: &[Guard],
    same_machine: bool,
) -> Vec<String> {
    let mut reasons = base.troubles();
    let Some(first) = base.results.first().filter(|_| reasons.is_empty()) else {
        return reasons;
    };
    if let Some(other) = base
        .results
        .iter()
        .find(|result| result.scenario.fingerprint != coming.fingerprint)
    {
        reasons.push(format!(
            "{} did other work: its fingerprint is {}, and this scenario's {}; make the baseline again with the same scenario and flags",
            base.name, other.scenario.fingerprint, coming.fingerprint
        ));
    }
    if base.modes().into_iter().collect::<BTreeSet<_>>() != coming.modes.iter().copied().collect() {
        let names = |modes: &[Mode]| {
            modes
                .iter()
                .map(|mode| mode.name())
                .collect::<Vec<_>>()
                .join(", ")
        };
        let (own, other) = (names(&base.modes()), names(&coming.modes));
        reasons.push(format!(
            "{} ran in the modes {own}, and this run has {other}; run the same with --mode",
            base.name
        ));
    }
    if base.len() != coming.runs {
        reasons.push(format!(
            "{} has {} of every mode, and this run has {}; they are compared in pairs: add `--rounds {}`",
            base.name,
            runs(base.len()),
            runs(coming.runs),
            base.len()
        ));
    }
    if same_machine {
        reasons.extend(
            differ(
                (&first.host, &first.loadgen),
                (&coming.host, &coming.loadgen),
            )
            .into_iter()
            .map(allowed),
        );
    }
    if reasons.is_empty()
        && let Err(missing) = paired(base, base, guards)
    {
        let again = |what: BTreeSet<String>| {
            what.into_iter()
                .map(|what| format!("{what}; make the baseline again with this scenario"))
        };
        reasons.extend(again(missing.into_iter().collect()));
    }
    reasons
}

fn runs(n: usize) -> String {
    if n == 1 {
        "1 run".into()
    } else {
        format!("{n} runs")
    }
}

fn allowed(difference: String) -> String {
    format!("{difference}; --allow-environment compares them all the same")
}

/// In what the machine and the program differ that two results were made on and by.
pub fn differences(a: &RunResult, b: &RunResult) -> Vec<String> {
    differ((&a.host, &a.loadgen), (&b.host, &b.loadgen))
}

fn differ((host, build): (&Host, &Build), (other, other_build): (&Host, &Build)) -> Vec<String> {
    let mut found = Vec::new();
    let mut differ = |what: &str, one: String, other: String| {
        if one != other {
            found.push(format!("{what} is not the same: {one} and {other}"));
        }
    };
    let known = |value: &Option<String>| value.clone().unwrap_or_else(|| "not known".into());
    let Host {
        os,
        kernel,
        cpus,
        cpu_model,
        cpu_quota,
        memory_bytes,
    } = host;
    differ("the system", os.clone(), other.os.clone());
    differ("the kernel", known(kernel), known(&other.kernel));
    differ(
        "the number of processors",
        cpus.to_string(),
        other.cpus.to_string(),
    );
    differ("the processor", known(cpu_model), known(&other.cpu_model));
    let quota = |quota: Option<f64>| quota.map_or_else(|| "none".into(), |quota| quota.to_string());
    differ(
        "the limit on processor time",
        quota(*cpu_quota),
        quota(other.cpu_quota),
    );
    if let (Some(own), Some(others)) = (memory_bytes, other.memory_bytes)
        && own.abs_diff(others) as f64 > MEMORY_SLACK * (*own).max(others) as f64
    {
        differ(
            "the memory",
            format!("{own} bytes"),
            format!("{others} bytes"),
        );
    }
    differ(
        "the version of loadgen",
        build.version.clone(),
        other_build.version.clone(),
    );
    differ(
        "the build of loadgen",
        build.profile.clone(),
        other_build.profile.clone(),
    );
    found
}

/// The figures of every guard in every mode that it is about, pair by pair.
///
/// # Errors
/// The figures that one of the sides doesn't have, or that are none.
pub fn paired(
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
            // The baseline of speedups has none: it is 1 by definition.
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

/// A guard as people write it: the metric, and what it is narrowed to.
fn named(guard: &Guard) -> String {
    let narrowed = guard
        .selector
        .parts()
        .map(|(key, value)| format!(", {key} {value}"));
    narrowed.fold(guard.metric.to_string(), |text, part| text + &part)
}
