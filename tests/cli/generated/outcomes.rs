//! Outcomes: the same in every mode, if the plan alone determines them.

use std::collections::{BTreeMap, BTreeSet};

use loadgen::base::Nanos;
use loadgen::plan::{Action, LoadModel, Mode, OnFull, StepKind};
use loadgen::result::{Group, ModeRun};

use super::expected::Expected;
use super::oracle::Finding;
use super::trial::{Case, Trial};

/// Returns the figures that must not depend on the mode, by name.
fn outcome(trial: &Trial, with_requests: bool) -> BTreeMap<String, String> {
    let of = trial.run.iterations.counts;
    let mut outcome = BTreeMap::from([(
        "iterations".into(),
        format!("{:?}", [of.planned, of.ok, of.failed, of.skipped]),
    )]);
    for step in &trial.run.steps {
        outcome.insert(format!("{:?} {}", step.mix, step.name), of_step(step));
    }
    for request in trial.requests().filter(|_| with_requests) {
        let times: &mut String = outcome
            .entry(format!("{} {:?}", request.path, request.id))
            .or_default();
        times.push('+');
    }
    outcome
}

fn of_step(step: &Group) -> String {
    let of = step.counts;
    let mut failures: BTreeMap<&str, u64> = BTreeMap::new();
    for (kind, count) in &step.failures {
        // The kind depends on whether the connection had been used before.
        let cut = ["incomplete", "reused_conn_closed", "reset"].contains(&kind.as_str());
        *failures.entry(if cut { "cut" } else { kind }).or_default() += count;
    }
    format!(
        "{:?} {failures:?}",
        [
            of.planned, of.started, of.ok, of.failed, of.skipped, of.retries
        ]
    )
}

/// Returns whether the plan alone determines the outcome.
fn is_fixed(case: &Case, expected: &[Expected]) -> bool {
    let load = &case.plan.load;
    let bound =
        load.total_iterations().is_some() && load.duration.is_none() && load.warmup == Nanos::ZERO;
    let LoadModel::Closed { vus } = load.model else {
        return false;
    };
    let drops = |limits: &loadgen::plan::Limits| limits.on_full == OnFull::Drop;
    let plan = &case.plan;
    let refuses = drops(&plan.limits)
        || plan.targets.iter().any(|target| drops(&target.limits))
        || plan.mix.iter().any(|entry| drops(&entry.limits))
        || plan
            .operations()
            .any(|(_, _, operation)| drops(&operation.limits));
    let own_iterations = load.iterations.is_none() || vus == 1;
    let steps = plan.steps().all(|(_, step)| {
        let kind = match &step.kind {
            StepKind::Race(_) => false,
            StepKind::Parallel(parallel) => !parallel.cancel_on_error,
            _ => true,
        };
        kind && (own_iterations || !step.once)
    });
    bound
        && !refuses
        && steps
        && !case.is_interrupted()
        && expected.iter().all(|expected| expected.is_fixed)
}

/// Compares the trials of a scenario.
pub(super) fn compare(case: &Case, trials: &[Trial], expected: &[Expected]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some((first, others)) = trials.split_first() else {
        return findings;
    };
    let mut say = |rule, mode, said| findings.push(Finding { rule, mode, said });
    for other in others {
        let planned = |trial: &Trial| trial.run.iterations.counts.planned;
        let open = matches!(case.plan.load.model, LoadModel::Open { .. });
        if open && !case.is_interrupted() && planned(first) != planned(other) {
            say(
                "arrivals",
                other.mode,
                format!(
                    "{} iterations planned, and {} in {}",
                    planned(other),
                    planned(first),
                    first.mode
                ),
            );
        }
        if is_fixed(case, expected) && !first.hung && !other.hung {
            let peers = first.mode != Mode::Simulated;
            let (wanted, got) = (outcome(first, peers), outcome(other, peers));
            let names = wanted
                .keys()
                .chain(got.keys())
                .filter(|name| wanted.get(*name) != got.get(*name))
                .collect::<BTreeSet<_>>();
            for name in names {
                say(
                    "outcome",
                    other.mode,
                    format!(
                        "{name}: {:?}, and {:?} in {}",
                        got.get(name),
                        wanted.get(name),
                        first.mode
                    ),
                );
            }
            if first.mode == Mode::Simulated
                && let Some(said) = shorter_than_ideal(case, &first.run, &other.run)
            {
                say("too short", other.mode, said);
            }
        }
    }
    findings
}

/// Checks that nothing is shorter than in virtual time, which is ideal.
fn shorter_than_ideal(case: &Case, ideal: &ModeRun, real: &ModeRun) -> Option<String> {
    let plan = &case.plan;
    let limited = !ideal.limits.is_empty();
    let processor = plan
        .operations()
        .any(|(_, _, operation)| matches!(operation.action, Action::Cpu(_)));
    if limited || processor {
        return None;
    }
    let sum = |step: &Group| {
        step.times
            .service_ms
            .as_ref()
            .map_or(0.0, |service| service.mean * service.count as f64)
    };
    for (wanted, got) in ideal.steps.iter().zip(&real.steps) {
        if sum(got) * (1.0 + 1e-9) + 1e-3 < sum(wanted) {
            return Some(format!(
                "{}: service time {} ms, but {} ms in virtual time",
                got.name,
                sum(got),
                sum(wanted)
            ));
        }
    }
    let narrow = plan.steps().any(|(_, step)| matches!(&step.kind, StepKind::Parallel(parallel) if parallel.concurrency.is_some()));
    // With shared iterations a run may be shorter by luck, if a short iteration comes last.
    let own_iterations = plan.load.iterations.is_none() || plan.load.model.slots() == 1;
    let shorter = own_iterations && !narrow && real.wall_s + 1e-6 < ideal.wall_s;
    shorter.then(|| format!("{} s, but {} s in virtual time", real.wall_s, ideal.wall_s))
}
