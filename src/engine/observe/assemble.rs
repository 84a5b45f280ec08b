//! Makes a [`ModeRun`] of what the recorders and the observer hold.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::dependence::Dependence;
use super::gauges::Seen;
use super::series::series;
use super::validity;
use super::{selected, split};
use crate::base::Nanos;
use crate::engine::schedule::busy::Busy;
use crate::engine::schedule::limit::Limit;
use crate::engine::schedule::source::Source;
use crate::engine::world::World;
use crate::metrics::histogram::{HIGHEST, LOWEST, SIGNIFICANT_DIGITS};
use crate::metrics::{FailureKind, Figures, Held, Recorder, Tally, Track};
use crate::plan::{Action, Mode, Target};
use crate::result::{
    ChecksHeld, Counts, ErrorExample, Group, Histograms, Iterations, LimitPeak, ModeRun, StoppedBy,
    Warmup, codec,
};

/// What is known of a run beside its figures.
pub struct Frame {
    /// The mode.
    pub mode: Mode,
    /// Counted from 1.
    pub round: u32,
    /// Threads that ran workers.
    pub workers: u32,
    /// When the last worker was done.
    pub end: Nanos,
}

/// How long a run took whose last worker was done at `end`, in seconds.
pub fn wall_s(world: &World<'_>, recorder: &Recorder, end: Nanos) -> f64 {
    let AtTheEnd { counts, .. } = iterations_at_the_end(world, recorder);
    (last(recorder, &counts, end) - world.epoch()).as_secs_f64()
}

/// The moment to which a run lasted: with something left undone that of the end of its drain.
fn last(recorder: &Recorder, iterations: &Counts, end: Nanos) -> Nanos {
    let operations = recorder
        .steps()
        .iter()
        .map(|step| step.tally.unfinished)
        .sum::<u64>();
    if operations + iterations.unfinished + iterations.skipped > 0 {
        end.max(recorder.last_completion())
    } else {
        recorder.last_completion()
    }
}

/// Makes the figures of one mode and round, at its end, of all that was recorded.
pub fn assemble(world: &World<'_>, recorder: &Recorder, frame: &Frame, seen: &Seen) -> ModeRun {
    let epoch = world.epoch();
    let plan = world.plan;
    let dependence = Dependence::of_run(recorder, epoch);
    let AtTheEnd {
        counts,
        aside,
        parts,
    } = iterations_at_the_end(world, recorder);
    let done = plan
        .load
        .total_iterations()
        .is_some_and(|n| counts.planned + aside >= n);
    let by_plan = if done {
        StoppedBy::Iterations
    } else {
        StoppedBy::Duration
    };
    let stopped_by = world.stopped_early().unwrap_or(by_plan);
    let last = last(recorder, &counts, frame.end);
    let wall_s = (last - epoch).as_secs_f64();
    let lasted = match stopped_by {
        StoppedBy::Iterations | StoppedBy::Data => last - epoch,
        // Whatever ended it early moved the end to its own moment.
        StoppedBy::Duration
        | StoppedBy::Interrupt
        | StoppedBy::Condition
        | StoppedBy::Threshold
        | StoppedBy::Panic => world.stop.end() - epoch,
    };
    let measured_s = plan.load.measured(lasted).as_secs_f64();
    let iterations = Iterations {
        counts,
        duration_ms: dependence
            .of_iterations(recorder)
            .summary(recorder.durations()),
    };
    let span = Span {
        wall_s,
        lasted,
        measured_s,
        stopped_by,
        dependence,
        iterations_of: parts,
    };
    let mut run = figures(world, frame, recorder, &span, iterations, seen);
    run.validity = validity::check(&run, plan);
    run
}

/// The figures of a run that goes on, of what was recorded so far, without what is known at its end
/// only.
pub fn so_far(
    world: &World<'_>,
    recorder: &Recorder,
    mode: Mode,
    seen: &Seen,
    now: Nanos,
) -> ModeRun {
    let lasted = now.min(world.stop.end()) - world.epoch();
    let frame = Frame {
        mode,
        round: 1,
        workers: 1,
        end: now,
    };
    let span = Span {
        wall_s: lasted.as_secs_f64(),
        lasted,
        measured_s: world.plan.load.measured(lasted).as_secs_f64(),
        stopped_by: StoppedBy::Duration,
        dependence: Dependence::unknown(),
        iterations_of: recorder
            .iteration_parts()
            .map(|(_, figures)| counts(&figures.tally))
            .collect(),
    };
    let duration_ms = span.dependence.summary(recorder.durations());
    let iterations = Iterations {
        counts: counts(recorder.iterations()),
        duration_ms,
    };
    figures(world, &frame, recorder, &span, iterations, seen)
}

/// How long a run was, and why no longer.
pub struct Span {
    /// From the epoch to the last completion.
    pub wall_s: f64,
    /// From the epoch, what is not measured included.
    pub lasted: Nanos,
    /// What is measured of it.
    pub measured_s: f64,
    stopped_by: StoppedBy,
    /// Of all operations.
    pub dependence: Dependence,
    /// The iterations of the parts that the recorder keeps apart, in its order.
    pub iterations_of: Vec<Counts>,
}

fn figures(
    world: &World<'_>,
    frame: &Frame,
    recorder: &Recorder,
    span: &Span,
    iterations: Iterations,
    seen: &Seen,
) -> ModeRun {
    let plan = world.plan;
    let Span {
        wall_s,
        measured_s,
        stopped_by,
        ..
    } = *span;
    let whole = Figures::sum(recorder.steps());
    let total = group(
        String::new(),
        None,
        &whole,
        span.measured_s,
        &span.dependence,
    );
    let response = whole.response();
    let clamped = response.clamped() + whole.lag.clamped() + whole.queue.clamped();
    ModeRun {
        mode: frame.mode,
        round: frame.round,
        workers: frame.workers,
        vus: plan.load.model.slots(),
        wall_s,
        measured_s,
        stopped_by,
        counts: total.counts,
        oldest_unfinished_ms: (total.counts.unfinished > 0)
            .then(|| recorder.oldest_unfinished().as_millis_f64()),
        failures: total.failures,
        try_failures: FailureKind::named(recorder.try_failures()),
        status_codes: whole
            .statuses
            .iter()
            .map(|(status, n)| (status.to_string(), n))
            .collect(),
        checks: split::checks(world, recorder),
        bytes_in: total.bytes_in,
        bytes_out: total.bytes_out,
        resent: total.resent,
        pushes: total.pushes,
        iterations,
        warmup: Warmup {
            started: recorder.warmup().started,
            completed: recorder.warmup().completed,
            failed: recorder.warmup().failed,
        },
        throughput_rps: total.throughput_rps,
        response_ms: total.response_ms,
        response_ok_ms: total.response_ok_ms,
        service_ms: total.service_ms,
        lag_ms: total.lag_ms,
        queue_ms: total.queue_ms,
        connect_ms: total.connect_ms,
        tls_ms: total.tls_ms,
        send_ms: total.send_ms,
        first_byte_ms: total.first_byte_ms,
        body_ms: total.body_ms,
        steps: steps(world, recorder, span),
        mixes: mixes(world, recorder, span),
        targets: targets(world, recorder, span),
        probes: selected::probes(world, recorder, seen, span),
        stages: selected::stages(world, recorder, span),
        limits: limits(world),
        series: series(recorder.windows(), seen, wall_s, plan),
        resources: crate::result::Resources {
            clamped,
            ..seen.resources
        },
        histograms: Histograms {
            response: codec::encode(&response.histogram()),
            response_ok: codec::encode(&whole.response_ok.histogram()),
            service: codec::encode(&whole.service.histogram()),
            lag: codec::encode(&whole.lag.histogram()),
            queue: codec::encode(&whole.queue.histogram()),
            iteration: encoded(recorder.durations()),
            first_byte: encoded(&whole.first_byte),
            connect: encoded(&whole.connect),
            tls: encoded(&whole.tls),
            send: encoded(&whole.send),
            body: encoded(&whole.body),
            unit: "ns".into(),
            lowest: LOWEST,
            highest: HIGHEST,
            significant_digits: SIGNIFICANT_DIGITS,
        },
        errors: errors(world, recorder),
        validity: crate::result::Validity::default(),
    }
}

/// The text form of a histogram; none of one without values.
pub fn encoded(track: &Track) -> Option<String> {
    (!track.is_empty()).then(|| codec::encode(&track.histogram()))
}

fn counts(tally: &Tally) -> Counts {
    Counts {
        planned: tally.planned,
        started: tally.started,
        completed: tally.completed(),
        ok: tally.ok,
        failed: tally.failures(),
        dropped: tally.dropped,
        skipped: tally.skipped,
        cancelled: tally.cancelled,
        unfinished: tally.unfinished,
        retries: 0,
    }
}

/// The figures of a part of the operations.
pub fn group(
    name: String,
    mix: Option<String>,
    figures: &Figures,
    measured_s: f64,
    dependence: &Dependence,
) -> Group {
    Group {
        name,
        mix,
        tags: Vec::new(),
        counts: Counts {
            retries: figures.retries,
            ..counts(&figures.tally)
        },
        failures: FailureKind::named(&figures.tally.failed),
        throughput_rps: if measured_s > 0.0 {
            figures.ok_in_window as f64 / measured_s
        } else {
            0.0
        },
        response_ms: dependence.summary(&figures.response()),
        response_ok_ms: dependence.summary(&figures.response_ok),
        service_ms: dependence.summary(&figures.service),
        lag_ms: dependence.summary(&figures.lag),
        queue_ms: dependence.summary(&figures.queue),
        connect_ms: dependence.summary(&figures.connect),
        tls_ms: dependence.summary(&figures.tls),
        send_ms: dependence.summary(&figures.send),
        first_byte_ms: dependence.summary(&figures.first_byte),
        body_ms: dependence.summary(&figures.body),
        bytes_in: figures.bytes_in,
        bytes_out: figures.bytes_out,
        resent: figures.resent,
        pushes: figures.pushes,
        checks: checked(figures),
        iterations: None,
        histograms: BTreeMap::new(),
    }
}

/// How often the expectations of some operations held, where there are any.
fn checked(figures: &Figures) -> Option<ChecksHeld> {
    let Held { passed, failed } = figures.held;
    (passed + failed > 0).then_some(ChecksHeld { passed, failed })
}

/// What is known of iterations when no more will come: those included whose time came and that
/// nobody took.
struct AtTheEnd {
    /// Those that are measured.
    counts: Counts,
    /// How many there were beside them after the warm-up.
    aside: u64,
    /// Those of the parts that the recorder keeps apart.
    parts: Vec<Counts>,
}

fn iterations_at_the_end(world: &World<'_>, recorder: &Recorder) -> AtTheEnd {
    let parts = recorder
        .iteration_parts()
        .map(|(_, figures)| counts(&figures.tally))
        .collect();
    let mut all = AtTheEnd {
        counts: counts(recorder.iterations()),
        aside: recorder.aside(),
        parts,
    };
    if let Source::Open(desk) = &world.source {
        // Arrivals whose time came before the stop and that nobody pulled.
        for arrival in desk.unmet(world.stop.end()) {
            if !recorder.measures(arrival.at) {
                all.aside += u64::from(arrival.at >= world.epoch());
                continue;
            }
            let mix = world.choice.of(arrival.number) as u32;
            let of_parts = all.parts.iter_mut().zip(recorder.iteration_parts());
            let takes = of_parts
                .filter(|(_, (part, _))| recorder.is_in(*part, mix, arrival.at))
                .map(|(counts, _)| counts);
            for counts in takes.chain([&mut all.counts]) {
                counts.planned += 1;
                counts.skipped += 1;
            }
        }
    }
    all
}

/// Adds up the operations that have the same key, in the order in which the keys first come.
fn by<'r, K: PartialEq>(
    world: &World<'_>,
    recorder: &'r Recorder,
    key: impl Fn(usize, &str, &Action) -> Option<K>,
) -> Vec<(K, Cow<'r, Figures>)> {
    let mut groups: Vec<(K, Cow<'r, Figures>)> = Vec::new();
    for ((mix, name, operation), figures) in world.plan.operations().zip(recorder.steps()) {
        let Some(key) = key(mix, name, &operation.action) else {
            continue;
        };
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, sum)) => sum.to_mut().add(figures),
            None => groups.push((key, Cow::Borrowed(figures))),
        }
    }
    groups
}

fn steps(world: &World<'_>, recorder: &Recorder, span: &Span) -> Vec<Group> {
    by(world, recorder, |mix, name, _| Some((mix, name.to_owned())))
        .into_iter()
        .map(|((mix, name), figures)| {
            let own = world
                .plan
                .operations()
                .filter(|(of, called, _)| *of == mix && *called == name)
                .map(|(_, _, operation)| operation);
            let dependence = span.dependence.of_part(&figures);
            let tag = |(tag, own): (String, Figures)| {
                group(tag, None, &own, span.measured_s, &dependence.of_part(&own))
            };
            let tags = split::tags(recorder, own).into_iter().map(tag).collect();
            Group {
                tags,
                ..group(
                    name,
                    Some(world.plan.mix[mix].name.clone()),
                    &figures,
                    span.measured_s,
                    &dependence,
                )
            }
        })
        .collect()
}

fn mixes(world: &World<'_>, recorder: &Recorder, span: &Span) -> Vec<Group> {
    by(world, recorder, |mix, _, _| Some(mix))
        .into_iter()
        .map(|(mix, figures)| {
            group(
                world.plan.mix[mix].name.clone(),
                None,
                &figures,
                span.measured_s,
                &span.dependence.of_part(&figures),
            )
        })
        .collect()
}

fn targets(world: &World<'_>, recorder: &Recorder, span: &Span) -> Vec<Group> {
    by(world, recorder, |_, _, action| action.target())
        .into_iter()
        .map(|(target, figures)| {
            group(
                world.plan.targets[target].name.clone(),
                None,
                &figures,
                span.measured_s,
                &span.dependence.of_part(&figures),
            )
        })
        .collect()
}

fn limits(world: &World<'_>) -> Vec<LimitPeak> {
    let peak = |limit: &Limit| LimitPeak {
        scope: limit.scope.clone(),
        peak_in_flight: limit.busy().peak_in_use(),
        peak_queue: limit.busy().peak_waiting(),
        dropped: limit.dropped(),
    };
    let of_target = |(target, busy): (&Target, &Arc<Busy>)| {
        // A pool without a cap counts nobody.
        let what = busy.what().filter(|_| busy.peak_in_use() > 0)?;
        let scope = format!("{what} of {}", target.name);
        Some(LimitPeak {
            scope,
            peak_in_flight: busy.peak_in_use(),
            peak_queue: busy.peak_waiting(),
            dropped: 0,
        })
    };
    let counted = world
        .plan
        .targets
        .iter()
        .zip(&world.busy)
        .filter_map(of_target);
    world.limits().map(peak).chain(counted).collect()
}

fn errors(world: &World<'_>, recorder: &Recorder) -> Vec<ErrorExample> {
    let names: Vec<(usize, &str)> = world
        .plan
        .operations()
        .map(|(mix, name, _)| (mix, name))
        .collect();
    recorder
        .errors()
        .sorted()
        .into_iter()
        .map(|entry| {
            let (mix, name) = names
                .get(entry.operation as usize)
                .copied()
                .unwrap_or((0, ""));
            let example = format!("{} › {name}", world.plan.mix[mix].name);
            let since_epoch = |at: Nanos| Some((at - world.epoch()).as_secs_f64());
            ErrorExample {
                kind: entry.kind.name().into(),
                message: entry.message,
                count: entry.count,
                example,
                first_s: since_epoch(entry.first),
                last_s: since_epoch(entry.last),
                url: entry.url,
            }
        })
        .collect()
}
