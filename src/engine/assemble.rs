//! Makes a [`ModeRun`] of what the recorders and the observer hold.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::busy::Busy;
use super::limit::Limit;
use super::observer::Seen;
use super::series::series;
use super::source::Source;
use super::split;
use super::validity;
use super::world::{World, taken};
use crate::base::Nanos;
use crate::metrics::histogram::{HIGHEST, LOWEST, SIGNIFICANT_DIGITS};
use crate::metrics::interval::Inflation;
use crate::metrics::{FailureKind, Figures, Recorder, Tally, Track, Windows};
use crate::pacing::Arrival;
use crate::plan::{Action, Mode, Quantity, Selector, Target};
use crate::result::{Counts, ErrorExample, Group, Histograms, Iterations, LimitPeak, ModeRun, Probe, StoppedBy, Warmup, codec};

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

/// How much the windows of the measured part differ from each other.
fn inflation(windows: &Windows) -> Inflation {
    let measured: Vec<_> = windows.iter().filter(|(index, _)| *index >= 0).collect();
    Inflation::of(measured.into_iter().map(|(_, window)| window.response()))
}

/// Makes the figures of one mode and round, at its end.
pub fn assemble(world: &World<'_>, frame: &Frame, seen: &Seen) -> ModeRun {
    world.finished(|recorder| assembled(world, recorder, frame, seen))
}

/// How long a run took whose last worker was done at `end`, in seconds.
pub fn wall_s(world: &World<'_>, end: Nanos) -> f64 {
    world.finished(|recorder| {
        let (counts, _) = iterations_at_the_end(world, recorder);
        (last(recorder, &counts, end) - world.epoch()).as_secs_f64()
    })
}

/// The moment to which a run lasted: with something left undone that of the end of its drain.
fn last(recorder: &Recorder, iterations: &Counts, end: Nanos) -> Nanos {
    let unfinished = recorder.steps().iter().any(|step| step.tally.unfinished > 0) || iterations.skipped > 0;
    if unfinished { end.max(recorder.last_completion()) } else { recorder.last_completion() }
}

fn assembled(world: &World<'_>, recorder: &Recorder, frame: &Frame, seen: &Seen) -> ModeRun {
    let epoch = world.epoch();
    let plan = world.plan;
    let inflation = inflation(recorder.windows());
    let (counts, aside) = iterations_at_the_end(world, recorder);
    let done = plan.load.total_iterations().is_some_and(|n| counts.planned + aside >= n);
    let by_plan = if done { StoppedBy::Iterations } else { StoppedBy::Duration };
    let stopped_by = world.stopped_early().unwrap_or(by_plan);
    let last = last(recorder, &counts, frame.end);
    let wall_s = (last - epoch).as_secs_f64();
    let lasted = match stopped_by {
        StoppedBy::Iterations | StoppedBy::Data => last - epoch,
        // Whatever ended it early moved the end to its own moment.
        StoppedBy::Duration | StoppedBy::Interrupt | StoppedBy::Condition | StoppedBy::Threshold => world.stop.end() - epoch,
    };
    let measured_s = plan.load.measured(lasted).as_secs_f64();
    let iterations = Iterations { counts, duration_ms: recorder.durations().summary(&inflation) };
    let span = Span { wall_s, lasted, measured_s, stopped_by, inflation };
    let mut run = figures(world, frame, recorder, &span, iterations, seen);
    run.validity = validity::check(&run, plan);
    run
}

/// The figures of a run that goes on, without what is known at its end only.
pub fn so_far(world: &World<'_>, mode: Mode, seen: &Seen, now: Nanos) -> ModeRun {
    let recorder = world.merged();
    let lasted = now.min(world.stop.end()) - world.epoch();
    let frame = Frame { mode, round: 1, workers: 1, end: now };
    let span = Span {
        wall_s: lasted.as_secs_f64(),
        lasted,
        measured_s: world.plan.load.measured(lasted).as_secs_f64(),
        stopped_by: StoppedBy::Duration,
        // Nobody looks at intervals of figures that are still growing.
        inflation: Inflation::NONE,
    };
    let iterations = Iterations { counts: counts(recorder.iterations()), duration_ms: recorder.durations().summary(&Inflation::NONE) };
    figures(world, &frame, &recorder, &span, iterations, seen)
}

/// How long a run was, and why no longer.
struct Span {
    wall_s: f64,
    /// From the epoch, what is not measured included.
    lasted: Nanos,
    measured_s: f64,
    stopped_by: StoppedBy,
    /// How much wider intervals are because operations in a row depend on each other: as the run's response times
    /// say, for all of its figures.
    inflation: Inflation,
}

fn figures(world: &World<'_>, frame: &Frame, recorder: &Recorder, span: &Span, iterations: Iterations, seen: &Seen) -> ModeRun {
    let plan = world.plan;
    let Span { wall_s, measured_s, stopped_by, .. } = *span;
    let whole = Figures::sum(recorder.steps());
    let total = group(String::new(), None, &whole, span.measured_s, span);
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
        oldest_unfinished_ms: (total.counts.unfinished > 0).then(|| recorder.oldest_unfinished().as_millis_f64()),
        failures: total.failures,
        try_failures: FailureKind::named(recorder.try_failures()),
        status_codes: whole.statuses.iter().map(|(status, n)| (status.to_string(), *n)).collect(),
        checks: split::checks(world, recorder),
        bytes_in: total.bytes_in,
        bytes_out: total.bytes_out,
        pushes: total.pushes,
        iterations,
        warmup: Warmup { started: recorder.warmup().started, completed: recorder.warmup().completed, failed: recorder.warmup().failed },
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
        probes: probes(world, recorder, seen, span),
        stages: stages(world, recorder, span),
        limits: limits(world),
        series: series(recorder.windows(), seen, wall_s, plan),
        resources: crate::result::Resources { clamped, ..seen.resources },
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

fn encoded(track: &Track) -> Option<String> {
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

fn group(name: String, mix: Option<String>, figures: &Figures, measured_s: f64, span: &Span) -> Group {
    Group {
        name,
        mix,
        tags: Vec::new(),
        counts: Counts { retries: figures.retries, ..counts(&figures.tally) },
        failures: FailureKind::named(&figures.tally.failed),
        throughput_rps: if measured_s > 0.0 { figures.ok_in_window as f64 / measured_s } else { 0.0 },
        response_ms: figures.response().summary(&span.inflation),
        response_ok_ms: figures.response_ok.summary(&span.inflation),
        service_ms: figures.service.summary(&span.inflation),
        lag_ms: figures.lag.summary(&span.inflation),
        queue_ms: figures.queue.summary(&span.inflation),
        connect_ms: figures.connect.summary(&span.inflation),
        tls_ms: figures.tls.summary(&span.inflation),
        send_ms: figures.send.summary(&span.inflation),
        first_byte_ms: figures.first_byte.summary(&span.inflation),
        body_ms: figures.body.summary(&span.inflation),
        bytes_in: figures.bytes_in,
        bytes_out: figures.bytes_out,
        pushes: figures.pushes,
        histograms: BTreeMap::new(),
    }
}

/// The iterations that are measured, those included whose time came and that nobody took, and how many there were
/// beside them after the warm-up.
fn iterations_at_the_end(world: &World<'_>, recorder: &Recorder) -> (Counts, u64) {
    let mut counts = counts(recorder.iterations());
    let mut aside = recorder.aside();
    if let Source::Open(desk) = &world.source {
        let mut count = |arrival: Arrival, skipped: u64| {
            if recorder.measures(arrival.at) {
                counts.planned += 1;
                counts.skipped += skipped;
                counts.dropped += 1 - skipped;
            } else {
                aside += u64::from(arrival.at >= world.epoch());
            }
        };
        // Arrivals whose time came before the stop and that nobody pulled.
        let refused = desk.close(world.stop.end(), |arrival| count(arrival, 1));
        refused.into_iter().for_each(|arrival| count(arrival, 0));
    }
    (counts, aside)
}

/// The stages that are measured, each with how long it lasted.
fn stages(world: &World<'_>, recorder: &Recorder, span: &Span) -> Vec<Group> {
    let load = &world.plan.load;
    let figures = load.lasting().zip(recorder.stages()).filter(|(stage, _)| stage.measure).map(|(_, figures)| figures);
    load.measured_stages(span.lasted)
        .zip(figures)
        .map(|((stage, length), figures)| group(stage.name.clone(), None, figures, length.as_secs_f64(), span))
        .collect()
}

/// Adds up the operations that have the same key, in the order in which the keys first come.
fn by<'r, K: PartialEq>(
    world: &World<'_>,
    recorder: &'r Recorder,
    key: impl Fn(usize, &str, &Action) -> Option<K>,
) -> Vec<(K, Cow<'r, Figures>)> {
    let mut groups: Vec<(K, Cow<'r, Figures>)> = Vec::new();
    for ((mix, name, operation), figures) in world.plan.operations().zip(recorder.steps()) {
        let Some(key) = key(mix, name, &operation.action) else { continue };
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
            let own = world.plan.operations().filter(|(of, called, _)| *of == mix && *called == name).map(|(_, _, operation)| operation);
            let part = |name, mix, figures: &Figures| group(name, mix, figures, span.measured_s, span);
            let tags = split::tags(recorder, own).into_iter().map(|(tag, figures)| part(tag, None, &figures)).collect();
            Group { tags, ..part(name, Some(world.plan.mix[mix].name.clone()), &figures) }
        })
        .collect()
}

fn mixes(world: &World<'_>, recorder: &Recorder, span: &Span) -> Vec<Group> {
    by(world, recorder, |mix, _, _| Some(mix))
        .into_iter()
        .map(|(mix, figures)| group(world.plan.mix[mix].name.clone(), None, &figures, span.measured_s, span))
        .collect()
}

fn targets(world: &World<'_>, recorder: &Recorder, span: &Span) -> Vec<Group> {
    by(world, recorder, |_, _, action| action.target())
        .into_iter()
        .map(|(target, figures)| group(world.plan.targets[target].name.clone(), None, &figures, span.measured_s, span))
        .collect()
}

fn probes(world: &World<'_>, recorder: &Recorder, seen: &Seen, span: &Span) -> Vec<Probe> {
    let mut time_lines = recorder.probes();
    let probe = |(selector, windowed): (Selector, bool)| {
        let taken = taken(world.plan, &selector);
        let figures = Figures::sum(recorder.steps().iter().zip(taken).filter(|(_, taken)| *taken).map(|(step, _)| step));
        let times = world.plan.percentiles_of(|own| own.of_any_mode() == selector);
        let histograms = times.into_iter().filter_map(|of| Some((of.name().to_owned(), encoded(track(&figures, of)?.as_ref())?))).collect();
        let figures = Group { histograms, ..group(String::new(), None, &figures, span.measured_s, span) };
        let windows = if windowed { time_lines.next() } else { None };
        let series = windows.map(|windows| series(windows, seen, span.wall_s, world.plan)).unwrap_or_default();
        Probe { selector, figures, series }
    };
    world.plan.probes().into_iter().map(probe).collect()
}

/// A time of some operations; iterations have their own.
fn track(figures: &Figures, of: Quantity) -> Option<Cow<'_, Track>> {
    match of {
        Quantity::Response => Some(figures.response()),
        Quantity::Ok => Some(Cow::Borrowed(&figures.response_ok)),
        Quantity::Service => Some(Cow::Borrowed(&figures.service)),
        Quantity::Lag => Some(Cow::Borrowed(&figures.lag)),
        Quantity::Queue => Some(Cow::Borrowed(&figures.queue)),
        Quantity::FirstByte => Some(Cow::Borrowed(&figures.first_byte)),
        Quantity::Iteration => None,
    }
}

fn limits(world: &World<'_>) -> Vec<LimitPeak> {
    let peak = |limit: &Limit| LimitPeak {
        scope: limit.scope.clone(),
        peak_in_flight: limit.peak_in_flight(),
        peak_queue: limit.peak_queue(),
        dropped: limit.dropped(),
    };
    let of_target = |(target, busy): (&Target, &Arc<Busy>)| {
        // A pool without a cap counts nobody.
        let what = busy.what().filter(|_| busy.peak_in_use() > 0)?;
        let scope = format!("{what} of {}", target.name);
        Some(LimitPeak { scope, peak_in_flight: busy.peak_in_use(), peak_queue: busy.peak_waiting(), dropped: 0 })
    };
    let counted = world.plan.targets.iter().zip(&world.busy).filter_map(of_target);
    world.limits().map(peak).chain(counted).collect()
}

fn errors(world: &World<'_>, recorder: &Recorder) -> Vec<ErrorExample> {
    let names: Vec<(usize, &str)> = world.plan.operations().map(|(mix, name, _)| (mix, name)).collect();
    recorder
        .errors()
        .sorted()
        .into_iter()
        .map(|entry| {
            let (mix, name) = names.get(entry.operation as usize).copied().unwrap_or((0, ""));
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
