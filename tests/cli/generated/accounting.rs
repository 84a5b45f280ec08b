//! Counts: the identities of the contract, and only failures of the expected kinds.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;

use loadgen::engine::operation::retry;
use loadgen::metrics::FailureKind;
use loadgen::metrics::FailureKind::*;
use loadgen::plan::{Passes, Step, StepKind};
use loadgen::result::{Counts, StoppedBy, Verdict};

use super::oracle::Look;
use super::trial::{HANGS, message};
use crate::contract;

pub(super) fn look(look: &Look<'_>) {
    let run = look.run();
    look.hold("hangs", !look.trial.hung, || {
        format!("still running after {HANGS:?}")
    });
    let json = serde_json::to_value(run).expect("plain data");
    let all_measured = look.case.plan.load.stages.iter().all(|stage| stage.measure);
    let checked =
        std::panic::catch_unwind(AssertUnwindSafe(|| contract::mode_run(&json, all_measured)));
    look.hold("contract", checked.is_ok(), || {
        message(&*checked.unwrap_err())
    });
    let holds = |counts: &Counts| counts.hold();
    let parts = run
        .steps
        .iter()
        .chain(&run.mixes)
        .chain(&run.targets)
        .chain(&run.stages);
    let broken = !holds(&run.counts)
        || !holds(&run.iterations.counts)
        || parts.into_iter().any(|part| !holds(&part.counts));
    look.hold(
        "believed",
        !broken || run.validity.verdict == Verdict::Invalid,
        || format!("{:?}", run.validity),
    );
    kinds(look);
    tries(look);
    planned(look);
    iterations(look);
    groups(look);
}

/// Checks the groups that are measured as a whole.
fn groups(look: &Look<'_>) {
    let run = look.run();
    for group in &run.groups {
        let counts = group.counts;
        let begun = counts.planned == counts.started && counts.retries == 0;
        let data = group.failures.get(Data.name()).copied();
        let timed = counts.completed - data.unwrap_or_default();
        let times = [&group.response_ms, &group.think_ms]
            .map(|times| times.as_ref().map_or(0, |summary| summary.count));
        let holds = counts.hold() && begun && times == [timed; 2];
        look.hold("groups", holds, || format!("{group:?}"));
        // Windows also have passes that are not measured.
        let windows = run.series.iter().flat_map(|window| &window.groups);
        let own = windows.filter(|own| own.name == group.name && own.mix == group.mix);
        let seen = own.fold([0; 3], |[planned, ok, failed], own| {
            [planned + own.planned, ok + own.ok, failed + own.failed]
        });
        let whole = [counts.planned, counts.ok, counts.failed];
        let holds = seen.iter().zip(whole).all(|(seen, whole)| *seen >= whole);
        look.hold("groups", holds, || {
            format!("{seen:?} in the time line, of {group:?}")
        });
    }
    if !look.is_whole() {
        return;
    }
    let sum = |count: fn(&Counts) -> u64| {
        let each = run.groups.iter().map(|group| count(&group.counts));
        each.sum::<u64>()
    };
    let fails = run.counts.failed + run.counts.dropped > 0 || !run.try_failures.is_empty();
    look.hold("groups", fails || sum(|counts| counts.failed) == 0, || {
        format!("failed without a reason: {:?}", run.groups)
    });
    let cut = run.iterations.counts.unfinished > 0;
    look.hold(
        "groups",
        cut || sum(|counts| counts.unfinished) == 0,
        || format!("unfinished in iterations that ended: {:?}", run.groups),
    );
}

/// Checks that failures are of the kinds that the script allows.
fn kinds(look: &Look<'_>) {
    let mut allowed = BTreeSet::new();
    for part in &look.parts {
        let (name, counts) = (&part.figures.name, part.figures.counts);
        let (may, always) = (&part.expected.kinds, part.expected.always_fails);
        for (kind, count) in &part.figures.failures {
            let kind = FailureKind::from_name(kind);
            look.hold("kind", kind.is_some_and(|kind| may.contains(&kind)), || {
                format!("{name}: {count} failed as {kind:?}, which is not one of {may:?}")
            });
        }
        look.hold("kind", !always || counts.ok == 0, || {
            format!("{name}: {} of {:?} are ok", counts.ok, may)
        });
        allowed.extend(may);
    }
    let everyone = look.parts.len() == look.case.plan.operations().count();
    // A failure between operations is also reported as an error.
    allowed.insert(Data);
    for kind in look.run().try_failures.keys() {
        let known = FailureKind::from_name(kind).is_some_and(|kind| allowed.contains(&kind));
        look.hold("kind", known || !everyone, || {
            format!("an attempt failed as {kind}, which is not one of {allowed:?}")
        });
    }
}

/// Checks that operations which always fail use all their attempts, and those that never fail only
/// one.
fn tries(look: &Look<'_>) {
    let refuses = look.refuses();
    for part in &look.parts {
        let (name, counts, operation) = (&part.figures.name, part.figures.counts, part.operation);
        let attempts = operation
            .retry
            .as_ref()
            .map_or(1, |retry| u64::from(retry.attempts));
        let most = counts.started * (attempts - 1);
        look.hold("tries", counts.retries <= most, || {
            format!(
                "{name}: {} retries of {} operations",
                counts.retries, counts.started
            )
        });
        let never = part.expected.kinds.is_empty() && counts.retries > 0;
        look.hold("tries", !never, || {
            format!("{name}: {} retries, but it never fails", counts.retries)
        });
        let kinds: Vec<FailureKind> = part.expected.kinds.iter().copied().collect();
        let ([kind], Some(retry), true) = (
            kinds.as_slice(),
            &operation.retry,
            part.expected.always_fails,
        ) else {
            continue;
        };
        if refuses || part.broken_off() > 0 || matches!(kind, Status | Redirects | Capture) {
            continue;
        }
        let wanted = counts.completed
            * if retry::wanted(retry, *kind, 0) {
                attempts - 1
            } else {
                0
            };
        look.hold("tries", counts.retries == wanted, || {
            format!("{name}: {} retries, wanted {wanted}", counts.retries)
        });
    }
}

/// Returns how often an iteration reaches each operation at most, by its id.
fn passes(steps: &[Step], often: u64, into: &mut BTreeMap<u32, u64>) {
    for step in steps {
        if let Some(operation) = step.operation() {
            into.insert(operation.id, often);
        }
        let often = match &step.kind {
            StepKind::Repeat(repeat) => match &repeat.passes {
                Passes::Times(times) => often * u64::from(*times),
                Passes::Until { max, .. } | Passes::Over { max, .. } => often * u64::from(*max),
            },
            _ => often,
        };
        passes(step.inside(), often, into);
    }
}

/// Checks that no operation is planned more often than iterations can reach it.
fn planned(look: &Look<'_>) {
    let mut often = BTreeMap::new();
    look.case
        .plan
        .mix
        .iter()
        .for_each(|entry| passes(&entry.flow, 1, &mut often));
    let iterations = look.run().iterations.counts.planned;
    for part in look.parts.iter().filter(|_| look.is_whole()) {
        let (counts, most) = (part.figures.counts, iterations * often[&part.operation.id]);
        look.hold("planned", counts.planned <= most, || {
            format!(
                "{}: {counts:?} in {iterations} iterations, at most {most}",
                part.figures.name
            )
        });
    }
}

fn iterations(look: &Look<'_>) {
    let run = look.run();
    let counts = run.iterations.counts;
    let load = &look.case.plan.load;
    if let (Some(wanted), true, StoppedBy::Iterations) =
        (load.total_iterations(), look.is_whole(), run.stopped_by)
    {
        look.hold("iterations", counts.planned == wanted, || {
            format!("{} of {wanted} iterations", counts.planned)
        });
    }
    let dropped = run.counts.dropped;
    let failed = run.counts.failed
        + dropped
        + run
            .try_failures
            .get(Data.name())
            .copied()
            .unwrap_or_default();
    if look.is_whole() {
        look.hold("iterations", counts.failed <= failed, || {
            format!(
                "{} iterations failed, but only {failed} failures",
                counts.failed
            )
        });
        let some = run.counts.failed > 0 && counts.failed + counts.unfinished == 0;
        look.hold("iterations", !some, || {
            "operations failed, but no iteration did".into()
        });
    }
    look.hold("iterations", counts.retries + counts.cancelled == 0, || {
        format!("{counts:?}")
    });
}
