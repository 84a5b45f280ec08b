//! Times: none is shorter than the peer's record, and none longer than its timeout plus a margin.

use std::time::Duration;

use loadgen::base::Nanos;
use loadgen::metrics::FailureKind::{self, *};
use loadgen::metrics::summary::Summary;
use loadgen::plan::{Backoff, Mode, Operation};
use loadgen::result::Group;

use super::oracle::{Look, Part};
use super::peer::Request;

/// The maximum delay on a busy machine.
const MARGIN_MS: f64 = 2_000.0;
/// The tolerance for rounding, in milliseconds: means are floating-point numbers.
const ROUNDING_MS: f64 = 1e-3;

/// The failures of attempts without a response.
const WITHOUT_A_RESPONSE: [FailureKind; 5] =
    [Connect, Refused, Unreachable, TimeoutConnect, FdLimit];

pub(super) fn look(look: &Look<'_>) {
    for part in &look.parts {
        parts_of_time(look, part);
        peers_record(look, part);
        timeouts(look, part);
        longest(look, part);
        first_bytes(look, part);
    }
    whole_run(look);
}

fn sum(of: &Option<Summary>) -> f64 {
    of.as_ref().map_or(0.0, |of| of.mean * of.count as f64)
}

fn ms(time: Nanos) -> f64 {
    time.as_millis_f64()
}

/// Checks that response = queue + lag + service.
fn parts_of_time(look: &Look<'_>, part: &Part<'_>) {
    let figures = part.figures;
    let (whole, parts) = (
        sum(&figures.times.response_ms),
        sum(&figures.times.queue_ms) + sum(&figures.times.lag_ms) + sum(&figures.times.service_ms),
    );
    let near = (whole - parts).abs() <= ROUNDING_MS + 1e-9 * whole;
    look.hold("sum of times", near, || {
        let Summaries(response, queue, lag, service) = Summaries::of(figures);
        format!(
            "{}: response {response}, queue {queue}, lag {lag}, service {service}",
            figures.name
        )
    });
}

struct Summaries(String, String, String, String);

impl Summaries {
    fn of(figures: &Group) -> Self {
        let text = |of: &Option<Summary>| {
            of.as_ref().map_or("none".into(), |of| {
                format!("{} × {}..{}..{} ms", of.count, of.min, of.mean, of.max)
            })
        };
        Self(
            text(&figures.times.response_ms),
            text(&figures.times.queue_ms),
            text(&figures.times.lag_ms),
            text(&figures.times.service_ms),
        )
    }
}

/// Checks that the peer's time for all requests of a step is at most the sum of its service times.
fn peers_record(look: &Look<'_>, part: &Part<'_>) {
    let may_be_late = part
        .expected
        .kinds
        .iter()
        .any(|kind| kind.name().starts_with("timeout"));
    if !look.is_whole() || part.broken_off() > 0 || may_be_late {
        return;
    }
    let took = |request: &&Request| {
        request
            .answered
            .map_or(Duration::ZERO, |answered| answered - request.read)
    };
    let (took, service) = (
        part.requests
            .iter()
            .map(took)
            .sum::<Duration>()
            .as_secs_f64()
            * 1e3,
        sum(&part.figures.times.service_ms),
    );
    let (name, figures) = (&part.figures.name, part.figures);
    look.hold("too short", service + ROUNDING_MS >= took, || {
        format!(
            "{name}: service time {service} ms, but the peer took {took} ms: {}",
            Summaries::of(figures).3
        )
    });
}

/// Checks that timeouts are not shorter than configured.
fn timeouts(look: &Look<'_>, part: &Part<'_>) {
    let timeout = part.operation.timeout;
    let of = |kind: FailureKind| {
        part.figures
            .failures
            .get(kind.name())
            .copied()
            .unwrap_or_default() as f64
    };
    let limits = [
        (TimeoutTotal, Some(timeout.total)),
        (TimeoutFirstByte, timeout.first_byte),
        (TimeoutConnect, timeout.connect),
    ];
    let least: f64 = limits
        .into_iter()
        .map(|(kind, limit)| of(kind) * limit.map_or(0.0, ms))
        .sum();
    let figures = part.figures;
    look.hold(
        "too short",
        sum(&figures.times.service_ms) + ROUNDING_MS >= least,
        || {
            format!(
                "{}: timeouts of {least} ms in {}: {:?}",
                figures.name,
                Summaries::of(figures).3,
                figures.failures
            )
        },
    );
}

/// Returns the maximum duration of an attempt.
fn longest_try(operation: &Operation) -> f64 {
    ms(operation.timeout.total)
}

/// Returns the maximum total backoff between attempts.
fn longest_waits(operation: &Operation) -> f64 {
    let Some(retry) = &operation.retry else {
        return 0.0;
    };
    let wait = |number: u32| match retry.backoff {
        Backoff::Constant(wait) => ms(wait),
        Backoff::Linear { step } => ms(step) * f64::from(number),
        Backoff::Exponential {
            max,
            initial,
            factor,
            ..
        } => ms(max).min(ms(initial) * factor.powi(number as i32 - 1)),
    };
    (1..retry.attempts).map(wait).sum()
}

/// Checks that no operation takes longer than all its attempts and backoffs, unless retries may
/// queue.
fn longest(look: &Look<'_>, part: &Part<'_>) {
    let operation = part.operation;
    let waits = operation.retry.is_some()
        && (look
            .limits_of(operation)
            .iter()
            .any(|limits| !limits.is_empty())
            || look
                .case
                .plan
                .targets
                .iter()
                .any(|target| target.http.max_connections.is_some()));
    let attempts = operation.retry.as_ref().map_or(1, |retry| retry.attempts);
    let mut one = longest_try(operation);
    // An operation that always hits a shorter timeout ends at that one.
    let kinds: Vec<_> = part.expected.kinds.iter().copied().collect();
    match kinds.as_slice() {
        [TimeoutConnect] if part.expected.always_fails => {
            one = operation.timeout.connect.map_or(one, ms)
        }
        [TimeoutFirstByte] if part.expected.always_fails => {
            one = operation.timeout.first_byte.map_or(one, ms)
        }
        _ => {}
    }
    let most = one * f64::from(attempts) + longest_waits(operation) + MARGIN_MS;
    let (figures, seen) = (
        part.figures,
        part.figures
            .times
            .service_ms
            .as_ref()
            .map_or(0.0, |service| service.max),
    );
    look.hold("too long", waits || seen <= most, || {
        format!(
            "{}: {seen} ms, at most {most} ms: {}",
            figures.name,
            Summaries::of(figures).3
        )
    });
}

/// Checks that only attempts with a response have a time to first byte.
fn first_bytes(look: &Look<'_>, part: &Part<'_>) {
    let figures = part.figures;
    let max = |of: &Option<Summary>| of.as_ref().map_or(0.0, |of| of.max);
    look.hold(
        "first byte",
        max(&figures.times.first_byte_ms) <= max(&figures.times.service_ms) + ROUNDING_MS,
        || {
            format!(
                "{}: first byte after {} ms, service {} ms",
                figures.name,
                max(&figures.times.first_byte_ms),
                max(&figures.times.service_ms)
            )
        },
    );
    let without: u64 = WITHOUT_A_RESPONSE
        .iter()
        .filter_map(|kind| figures.failures.get(kind.name()))
        .sum();
    let count = |of: &Option<Summary>| of.as_ref().map_or(0, |of| of.count);
    let (answered, completed) = (
        count(&figures.times.first_byte_ms),
        figures.counts.completed,
    );
    let one_hop = part.expected.hops.len() == 1;
    for (name, count) in [
        ("first_byte", answered),
        ("body", count(&figures.times.body_ms)),
        ("send", count(&figures.times.send_ms)),
    ] {
        look.hold(
            "first byte",
            !one_hop || count + without <= completed,
            || {
                format!(
                    "{}: {count} of {completed} have `{name}`, but {without} had no response: {:?}",
                    figures.name, figures.failures
                )
            },
        );
    }
}

/// Checks that iterations and the whole run take at least as long as their parts.
fn whole_run(look: &Look<'_>) {
    let run = look.run();
    let elapsed = look.trial.elapsed.as_secs_f64();
    let simulated = run.mode == Mode::Simulated;
    look.hold("wall time", simulated || run.wall_s <= elapsed, || {
        format!("{} s in {elapsed} s", run.wall_s)
    });
    let longest = run
        .iterations
        .duration_ms
        .as_ref()
        .map_or(0.0, |duration| duration.max);
    look.hold(
        "wall time",
        run.wall_s * 1e3 + ROUNDING_MS >= longest,
        || format!("{} s, but an iteration took {longest} ms", run.wall_s),
    );
    let operation = run
        .times
        .response_ms
        .as_ref()
        .map_or(0.0, |response| response.max);
    look.hold(
        "wall time",
        run.wall_s * 1e3 + ROUNDING_MS >= operation,
        || format!("{} s, but an operation took {operation} ms", run.wall_s),
    );
    let counts = run.iterations.counts;
    if look.is_whole() && counts.unfinished + counts.dropped == 0 && run.counts.unfinished == 0 {
        look.hold("iteration time", longest + ROUNDING_MS >= operation, || {
            format!("{longest} ms, but an operation took {operation} ms")
        });
        let (iterations, operations) = (
            sum(&run.iterations.duration_ms),
            sum(&run.times.response_ms),
        );
        // Concurrent branches take no longer than the longest one.
        look.hold(
            "iteration time",
            look.has_branches() || iterations + ROUNDING_MS >= operations * (1.0 - 1e-9),
            || format!("{iterations} ms in all, but operations took {operations} ms in all"),
        );
    }
    let read = look.trial.requests().map(|request| request.read).min();
    let answered = look
        .trial
        .requests()
        .filter_map(|request| request.answered)
        .max();
    if let (Some(read), Some(answered), true, true) =
        (read, answered, look.is_whole(), look.is_undisturbed())
    {
        let took = answered.saturating_duration_since(read).as_secs_f64();
        look.hold("wall time", run.wall_s + 1e-6 >= took, || {
            format!("{} s, but the peer was busy for {took} s", run.wall_s)
        });
    }
    let load = &look.case.plan.load;
    if let Some(duration) = load.duration {
        let most = (load.warmup + duration + load.graceful_stop).as_secs_f64() + MARGIN_MS / 1e3;
        look.hold("too long", simulated || elapsed <= most, || {
            format!("{elapsed} s, planned {most} s")
        });
    }
}
