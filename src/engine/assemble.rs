//! Makes a [`ModeRun`] of what the recorders and the observer hold.

use std::collections::BTreeMap;

use super::limit::Limit;
use super::observer::{Gauge, Seen};
use super::source::Source;
use super::split;
use super::validity;
use super::world::World;
use crate::base::Nanos;
use crate::metrics::histogram::{HIGHEST, LOWEST, SIGNIFICANT_DIGITS};
use crate::metrics::recorder::{Figures, Tally};
use crate::metrics::summary::percentile_ms;
use crate::metrics::{FailureKind, Recorder, Windows};
use crate::plan::{Action, Mode};
use crate::result::{Counts, ErrorExample, Group, Histograms, Iterations, LimitPeak, ModeRun, StoppedBy, Warmup, Window, codec};

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

/// Most windows in a result of a run that was shorter than a minute: they begin narrow, and need not stay so.
const WINDOWS_OF_A_SHORT_RUN: usize = 120;

/// Makes the figures of one mode and round.
pub fn assemble(world: &World<'_>, frame: &Frame, seen: &Seen) -> ModeRun {
    let recorder = world.merged();
    let epoch = world.epoch();
    let plan = world.plan;
    let iterations = iterations(world, &recorder);
    let done = plan.load.total_iterations().is_some_and(|n| iterations.counts.planned >= n);
    let by_plan = if done { StoppedBy::Iterations } else { StoppedBy::Duration };
    let stopped_by = world.stopped_early().unwrap_or(by_plan);
    let mut whole = Figures::default();
    recorder.steps().iter().for_each(|step| whole.add(step));
    let unfinished = whole.tally.unfinished > 0 || iterations.counts.skipped > 0;
    // With something left undone the run lasted to the end of its drain.
    let last = if unfinished { frame.end.max(recorder.last_completion()) } else { recorder.last_completion() };
    let wall_s = (last - epoch).as_secs_f64();
    let measured_s = match stopped_by {
        StoppedBy::Iterations | StoppedBy::Data => wall_s,
        // Whatever ended it early moved the end to its own moment.
        StoppedBy::Duration | StoppedBy::Interrupt | StoppedBy::Condition | StoppedBy::Threshold => {
            (world.stop.end() - epoch).as_secs_f64()
        }
    };
    let total = group(String::new(), None, &whole, measured_s);
    let response = whole.response();
    let clamped = response.clamped() + whole.lag.clamped() + whole.queue.clamped();
    let mut run = ModeRun {
        mode: frame.mode,
        round: frame.round,
        workers: frame.workers,
        vus: plan.load.model.slots(),
        wall_s,
        measured_s,
        stopped_by,
        counts: total.counts,
        failures: total.failures,
        try_failures: kinds(recorder.try_failures()),
        status_codes: whole.statuses.iter().map(|(status, n)| (status.to_string(), *n)).collect(),
        checks: split::checks(world, &recorder),
        bytes_in: total.bytes_in,
        bytes_out: total.bytes_out,
        iterations,
        warmup: Warmup { started: recorder.warmup().started, completed: recorder.warmup().completed, failed: recorder.warmup().failed },
        throughput_rps: total.throughput_rps,
        response_ms: total.response_ms,
        response_ok_ms: total.response_ok_ms,
        service_ms: total.service_ms,
        lag_ms: total.lag_ms,
        queue_ms: total.queue_ms,
        connect_ms: total.connect_ms,
        tls_ms: None,
        first_byte_ms: total.first_byte_ms,
        steps: steps(world, &recorder, measured_s),
        mixes: mixes(world, &recorder, measured_s),
        targets: targets(world, &recorder, measured_s),
        stages: Vec::new(),
        limits: limits(world),
        series: series(recorder.windows(), seen, wall_s),
        resources: crate::result::Resources { clamped, ..seen.resources },
        histograms: Histograms {
            response: codec::encode(&response.histogram()),
            response_ok: codec::encode(&whole.response_ok.histogram()),
            service: codec::encode(&whole.service.histogram()),
            lag: codec::encode(&whole.lag.histogram()),
            queue: codec::encode(&whole.queue.histogram()),
            unit: "ns".into(),
            lowest: LOWEST,
            highest: HIGHEST,
            significant_digits: SIGNIFICANT_DIGITS,
        },
        errors: errors(world, &recorder),
        validity: crate::result::Validity::default(),
    };
    run.validity = validity::check(&run);
    run
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

fn kinds(failed: &[u64; FailureKind::COUNT]) -> BTreeMap<String, u64> {
    FailureKind::ALL.iter().filter(|k| failed[**k as usize] > 0).map(|k| (k.name().to_owned(), failed[*k as usize])).collect()
}

fn group(name: String, mix: Option<String>, figures: &Figures, measured_s: f64) -> Group {
    Group {
        name,
        mix,
        tags: Vec::new(),
        counts: Counts { retries: figures.retries, ..counts(&figures.tally) },
        failures: kinds(&figures.tally.failed),
        throughput_rps: if measured_s > 0.0 { figures.ok_in_window as f64 / measured_s } else { 0.0 },
        response_ms: figures.response().summary(),
        response_ok_ms: figures.response_ok.summary(),
        service_ms: figures.service.summary(),
        lag_ms: figures.lag.summary(),
        queue_ms: figures.queue.summary(),
        connect_ms: figures.connect.summary(),
        tls_ms: None,
        first_byte_ms: figures.first_byte.summary(),
        bytes_in: figures.bytes_in,
        bytes_out: figures.bytes_out,
    }
}

fn iterations(world: &World<'_>, recorder: &Recorder) -> Iterations {
    let mut counts = counts(recorder.iterations());
    if let Source::Open(desk) = &world.source {
        // Arrivals whose time came before the stop and that nobody pulled.
        let (left, refused) = desk.close(world.stop.end());
        counts.planned += left + refused.len() as u64;
        counts.skipped += left;
        counts.dropped += refused.len() as u64;
    }
    Iterations { counts, duration_ms: recorder.durations().summary() }
}

/// Adds up the operations that have the same key, in the order in which the keys first come.
fn by<K: PartialEq>(world: &World<'_>, recorder: &Recorder, key: impl Fn(usize, &str, &Action) -> Option<K>) -> Vec<(K, Figures)> {
    let mut groups: Vec<(K, Figures)> = Vec::new();
    for ((mix, name, operation), figures) in world.plan.operations().zip(recorder.steps()) {
        let Some(key) = key(mix, name, &operation.action) else { continue };
        let place = groups.iter().position(|(known, _)| *known == key).unwrap_or_else(|| {
            groups.push((key, Figures::default()));
            groups.len() - 1
        });
        groups[place].1.add(figures);
    }
    groups
}

fn steps(world: &World<'_>, recorder: &Recorder, measured_s: f64) -> Vec<Group> {
    by(world, recorder, |mix, name, _| Some((mix, name.to_owned())))
        .into_iter()
        .map(|((mix, name), figures)| {
            let own = world.plan.operations().filter(|(of, called, _)| *of == mix && *called == name).map(|(_, _, operation)| operation);
            let tags = split::tags(recorder, own).into_iter().map(|(tag, figures)| group(tag, None, &figures, measured_s)).collect();
            Group { tags, ..group(name, Some(world.plan.mix[mix].name.clone()), &figures, measured_s) }
        })
        .collect()
}

fn mixes(world: &World<'_>, recorder: &Recorder, measured_s: f64) -> Vec<Group> {
    by(world, recorder, |mix, _, _| Some(mix))
        .into_iter()
        .map(|(mix, figures)| group(world.plan.mix[mix].name.clone(), None, &figures, measured_s))
        .collect()
}

fn targets(world: &World<'_>, recorder: &Recorder, measured_s: f64) -> Vec<Group> {
    by(world, recorder, |_, _, action| match action {
        Action::Http(request) => Some(request.target),
        Action::Sleep(_) | Action::Cpu(_) | Action::Block { .. } => None,
    })
    .into_iter()
    .map(|(target, figures)| group(world.plan.targets[target].name.clone(), None, &figures, measured_s))
    .collect()
}

fn limits(world: &World<'_>) -> Vec<LimitPeak> {
    let peak = |limit: &Limit| LimitPeak {
        scope: limit.scope.clone(),
        peak_in_flight: limit.peak_in_flight(),
        peak_queue: limit.peak_queue(),
        dropped: limit.dropped(),
    };
    world.limits().map(peak).collect()
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
            ErrorExample { kind: entry.kind.name().into(), message: entry.message, count: entry.count, example }
        })
        .collect()
}

fn series(windows: &Windows, seen: &Seen, wall_s: f64) -> Vec<Window> {
    let mut windows = windows.clone();
    while windows.iter().count() > WINDOWS_OF_A_SHORT_RUN && windows.width() < Nanos::from_millis(500) && wall_s < 60.0 {
        windows.widen();
    }
    let width = windows.width();
    windows
        .iter()
        .map(|(index, window)| {
            let mut gauge = Gauge::default();
            if seen.width > Nanos::ZERO {
                let stretch = |edge: i64| (edge * width.0 as i64).div_euclid(seen.width.0 as i64);
                // A window narrower than a stretch shows the one that it begins in.
                let range = stretch(index)..stretch(index + 1).max(stretch(index) + 1);
                seen.gauges.range(range).for_each(|(_, g)| gauge.add(g));
            }
            let means = gauge.means();
            let response = window.response();
            let max_ms = window.max.as_millis_f64();
            let percentile = |p| (!response.is_empty()).then(|| percentile_ms(&response, p, max_ms));
            let lag = window.lag();
            Window {
                t_s: index as f64 * width.as_secs_f64(),
                window_s: width.as_secs_f64(),
                planned: window.planned,
                started: window.started,
                ok: window.ok,
                failed: window.failed,
                dropped: window.dropped,
                throughput_rps: window.ok_completions as f64 / width.as_secs_f64(),
                mean_ms: window.mean_ms(),
                p50_ms: percentile(50.0),
                p90_ms: percentile(90.0),
                p99_ms: percentile(99.0),
                max_ms: (!response.is_empty()).then_some(max_ms),
                lag_p99_ms: (!lag.is_empty()).then(|| percentile_ms(&lag, 99.0, f64::INFINITY)),
                in_flight: means.map(|m| m.0),
                vus: means.map(|m| m.1),
                queue: means.map(|m| m.2),
                failures: kinds(&window.failures),
                response: (!response.is_empty()).then(|| codec::encode(&response)),
            }
        })
        .collect()
}
