//! Limits: never above the cap, never more than rate·t + burst, and no waits for free slots.

use std::time::Instant;

use loadgen::plan::{Limits, LoadModel, Mode, OnFull};

use super::oracle::{Look, Part};

pub(super) fn look(look: &Look<'_>) {
    peaks(look);
    let plan = &look.case.plan;
    let all = || look.parts.iter().collect::<Vec<_>>();
    let of_target = |index: usize| {
        look.parts
            .iter()
            .filter(|part| part.operation.action.target() == Some(index))
            .collect::<Vec<_>>()
    };
    let mut caps: Vec<(String, Limits, Vec<&Part<'_>>)> = vec![("run".into(), plan.limits, all())];
    for (index, target) in plan.targets.iter().enumerate() {
        let pool = Limits {
            concurrency: target.http.max_connections,
            ..Limits::default()
        };
        caps.push((
            format!("target {}", target.name),
            target.limits,
            of_target(index),
        ));
        caps.push((
            format!("connections of {}", target.name),
            pool,
            of_target(index),
        ));
    }
    caps.extend(look.parts.iter().map(|part| {
        (
            format!("step {}", part.figures.name),
            part.operation.limits,
            vec![part],
        )
    }));
    for (scope, limits, parts) in caps {
        in_flight(look, &scope, limits.concurrency, &parts);
        tokens(look, &scope, &limits, &parts);
    }
    reserved(look);
    worked(look);
}

/// Checks the figures that the run reports for its limits.
fn peaks(look: &Look<'_>) {
    let run = look.run();
    let refused: u64 = run
        .limits
        .iter()
        .filter(|limit| !limit.scope.starts_with("mix "))
        .map(|limit| limit.dropped)
        .sum();
    look.hold("refused", refused >= run.counts.dropped, || {
        format!(
            "{} dropped, but limits have dropped only {refused}",
            run.counts.dropped
        )
    });
    for peak in &run.limits {
        let Some(limits) = of_scope(look, &peak.scope) else {
            continue;
        };
        let most = limits.concurrency.map_or(u64::MAX, u64::from);
        look.hold("cap", peak.peak_in_flight <= most, || {
            format!("{peak:?}, but the cap is {most}")
        });
        let room = if limits.on_full == OnFull::Drop {
            u64::from(limits.queue)
        } else {
            u64::MAX
        };
        look.hold("cap", peak.peak_queue <= room, || {
            format!("{peak:?}, but the queue has room for {room}")
        });
        look.hold(
            "refused",
            limits.on_full == OnFull::Drop || peak.dropped == 0,
            || format!("{peak:?} must not drop anything"),
        );
        // Each event loop has its own share of the connections.
        let is_shared_out = run.mode == Mode::Async && peak.scope.starts_with("connections ");
        let was_free = limits.rate.is_none() && peak.peak_in_flight < most && !is_shared_out;
        look.hold(
            "idle cap",
            !was_free || peak.peak_queue + peak.dropped == 0,
            || format!("{peak:?}, but the cap of {most} was never reached"),
        );
    }
}

/// Returns the limits with this scope in results.
fn of_scope(look: &Look<'_>, scope: &str) -> Option<Limits> {
    let plan = &look.case.plan;
    match scope.split_once(' ') {
        None => Some(plan.limits),
        Some(("connections", target)) => {
            let target = plan
                .targets
                .iter()
                .find(|own| Some(own.name.as_str()) == target.strip_prefix("of "))?;
            Some(Limits {
                concurrency: target.http.max_connections,
                ..Limits::default()
            })
        }
        Some(("target", name)) => plan
            .targets
            .iter()
            .find(|target| target.name == name)
            .map(|target| target.limits),
        Some(("mix", name)) => plan
            .mix
            .iter()
            .find(|entry| entry.name == name)
            .map(|entry| entry.limits),
        Some((_, name)) => {
            let mut steps = plan.operations().filter(|(_, own, _)| *own == name);
            steps
                .next()
                .filter(|_| steps.next().is_none())
                .map(|(_, _, operation)| operation.limits)
        }
    }
}

/// Checks the peak number of requests that the peer was processing.
fn in_flight(look: &Look<'_>, scope: &str, cap: Option<u32>, parts: &[&Part<'_>]) {
    // The peer notices late that a client has closed its connection. Whether that happened during
    // the warm-up is unknown.
    let (Some(cap), true) = (cap, look.is_whole() && look.is_undisturbed()) else {
        return;
    };
    let mut edges: Vec<(Instant, i64)> = Vec::new();
    for request in parts.iter().flat_map(|part| &part.requests) {
        if let Some(answered) = request.answered {
            edges.extend([(request.read, 1), (answered, -1)]);
        }
    }
    // At the same instant, ends are sorted before starts.
    edges.sort_unstable();
    let most = edges.iter().scan(0, |now, (_, change)| {
        *now += change;
        Some(*now)
    });
    let most = most.max().unwrap_or_default();
    look.hold("cap", most <= i64::from(cap), || {
        format!("{scope}: the peer processed {most} requests at once, but the cap is {cap}")
    });
}

/// Checks that there are never more attempts than tokens: neither at each of the peer's reads nor
/// in the whole run.
fn tokens(look: &Look<'_>, scope: &str, limits: &Limits, parts: &[&Part<'_>]) {
    let Some(rate) = limits.rate.map(|rate| rate.per_second_f64()) else {
        return;
    };
    let burst = f64::from(limits.burst.max(1));
    let begun = look.trial.begun;
    let mut read: Vec<Instant> = parts
        .iter()
        .flat_map(|part| {
            // A redirect takes no token.
            let first = part.expected.hops.first().map(|(_, path, _)| path);
            part.requests
                .iter()
                .filter(move |request| Some(&request.path) == first)
                .map(|request| request.read)
        })
        .collect();
    read.sort_unstable();
    let over = read.iter().enumerate().find(|(number, at)| {
        let tokens = burst + rate * at.duration_since(begun).as_secs_f64();
        *number as f64 + 1.0 > tokens + 1e-6
    });
    look.hold("rate", over.is_none(), || {
        format!("{scope}: request {over:?} arrived before its token; the run started at {begun:?}")
    });
    let tries: u64 = parts.iter().map(|part| part.tries()).sum();
    let last = (tries as f64 - burst) / rate;
    let wall = look.run().wall_s;
    look.hold(
        "rate",
        wall + 1e-6 >= last || look.run().counts.unfinished > 0,
        || {
            format!(
                "{scope}: {tries} attempts in {wall} s, but the last token was due after {last} s"
            )
        },
    );
}

/// Checks that nothing waits longer for a token than all used tokens take to refill: a cancelled
/// wait uses none.
fn reserved(look: &Look<'_>) {
    let plan = &look.case.plan;
    let [only] = look.limits().collect::<Vec<_>>()[..] else {
        return;
    };
    let (Some(rate), None) = (only.rate, only.concurrency) else {
        return;
    };
    let pools = plan
        .targets
        .iter()
        .any(|target| target.http.max_connections.is_some());
    let of_iterations = plan.mix.iter().any(|entry| !entry.limits.is_empty());
    let closed = matches!(plan.load.model, LoadModel::Closed { .. });
    if pools || of_iterations || !closed || !look.is_whole() || look.run().mode != Mode::Simulated {
        return;
    }
    let parts: Vec<&Part<'_>> = look
        .parts
        .iter()
        .filter(|part| look.limits_of(part.operation).contains(only))
        .collect();
    let used: u64 = parts.iter().map(|part| part.tries()).sum();
    let most = used as f64 * 1e3 / rate.per_second_f64();
    for figures in parts.iter().map(|part| part.figures) {
        let waited = figures
            .times
            .queue_ms
            .as_ref()
            .map_or(0.0, |queue| queue.max);
        look.hold("reserved", waited <= most + 1e-3, || {
            format!(
                "{}: waited {waited} ms, but all {used} used tokens refill in {most} ms",
                figures.name
            )
        });
    }
}

/// Checks that nothing waits longer for a slot than the holders of slots worked: waiting for
/// something else holds no slot.
fn worked(look: &Look<'_>) {
    let plan = &look.case.plan;
    let of_iterations = plan.mix.iter().any(|entry| !entry.limits.is_empty());
    let closed = matches!(plan.load.model, LoadModel::Closed { .. });
    let all = look.parts.len() == plan.operations().count();
    let known = all && look.is_whole() && look.is_undisturbed();
    if !known || of_iterations || !closed || look.run().mode != Mode::Simulated {
        return;
    }
    let sum = |part: &Part<'_>| {
        part.figures
            .times
            .service_ms
            .as_ref()
            .map_or(0.0, |service| service.mean * service.count as f64)
    };
    let of_all: f64 = look.parts.iter().map(sum).sum();
    for part in &look.parts {
        let own = [(part.operation.limits, sum(part)), (plan.limits, of_all)];
        if own.iter().any(|(limits, _)| limits.rate.is_some()) {
            continue;
        }
        let most: f64 = own
            .iter()
            .filter_map(|(limits, worked)| Some(worked / f64::from(limits.concurrency?)))
            .sum();
        let waited = part
            .figures
            .times
            .queue_ms
            .as_ref()
            .map_or(0.0, |queue| queue.max);
        look.hold("worked", waited <= most + 1e-3, || {
            format!(
                "{}: waited {waited} ms, but all holders of slots worked for {most} ms",
                part.figures.name
            )
        });
    }
}
