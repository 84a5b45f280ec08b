//! Assembles a [`ModeRun`] from what the recorders and the observer hold.

use std::sync::Arc;

use super::dependence::Dependence;
use super::gauges::Observations;
use super::group::{Span, counts, encoded, group};
use super::series::series;
use super::validity;
use super::{parts, selected, split};
use crate::base::Nanos;
use crate::engine::schedule::busy::Busy;
use crate::engine::schedule::limit::Limit;
use crate::engine::schedule::source::Source;
use crate::engine::world::World;
use crate::metrics::histogram::{HIGHEST, LOWEST, SIGNIFICANT_DIGITS};
use crate::metrics::{FailureKind, Figures, Recorder};
use crate::plan::{Mode, Target};
use crate::result::{
    Counts, ErrorExample, Histograms, Iterations, LimitPeak, ModeRun, StoppedBy, Warmup, codec,
};

/// What is known of a run besides its figures.
pub(crate) struct Frame {
    /// The mode.
    pub mode: Mode,
    /// The round, counted from 1.
    pub round: u32,
    /// The number of threads that ran workers.
    pub workers: u32,
    /// When the last worker finished.
    pub end: Nanos,
}

/// Returns the duration of a run whose last worker finished at `end`, in seconds.
pub(crate) fn wall_s(world: &World<'_>, recorder: &Recorder, end: Nanos) -> f64 {
    let FinalIterations { counts, .. } = final_iterations(world, recorder);
    (last(recorder, &counts, end) - world.epoch()).as_secs_f64()
}

/// Returns when a run ended: at its last completion, or at the end of its drain if work was left
/// undone.
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

/// Assembles the figures of one finished mode and round from everything recorded.
pub(crate) fn assemble(
    world: &World<'_>,
    recorder: &Recorder,
    frame: &Frame,
    seen: &Observations,
) -> ModeRun {
    let epoch = world.epoch();
    let plan = world.plan;
    let dependence = Dependence::of_run(recorder, epoch);
    let FinalIterations {
        counts,
        aside,
        parts,
    } = final_iterations(world, recorder);
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
        // Whatever ended the run early moved its end to that moment.
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

/// Assembles the figures of a run in progress from what has been recorded so far, without those
/// known only at its end.
pub(crate) fn so_far(
    world: &World<'_>,
    recorder: &Recorder,
    mode: Mode,
    seen: &Observations,
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

fn figures(
    world: &World<'_>,
    frame: &Frame,
    recorder: &Recorder,
    span: &Span,
    iterations: Iterations,
    seen: &Observations,
) -> ModeRun {
    let plan = world.plan;
    let whole = Figures::sum(recorder.steps());
    let (name, dependence) = (String::new(), &span.dependence);
    let total = group(name, None, &whole, span.measured_s, dependence);
    let response = whole.response();
    let clamped = response.clamped() + whole.lag.clamped() + whole.queue.clamped();
    ModeRun {
        mode: frame.mode,
        round: frame.round,
        workers: frame.workers,
        vus: plan.load.model.slots(),
        wall_s: span.wall_s,
        measured_s: span.measured_s,
        stopped_by: span.stopped_by,
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
        times: total.times,
        steps: parts::steps(world, recorder, span),
        mixes: parts::mixes(world, recorder, span),
        targets: parts::targets(world, recorder, span),
        probes: selected::probes(world, recorder, seen, span),
        stages: selected::stages(world, recorder, span),
        limits: limits(world),
        series: series(recorder.windows(), seen, span.wall_s, plan),
        resources: crate::result::Resources {
            clamped,
            ..seen.resources
        },
        histograms: histograms(&whole, recorder),
        errors: errors(world, recorder),
        validity: crate::result::Validity::default(),
    }
}

/// Returns the histograms behind the figures of all operations, and of iterations.
fn histograms(whole: &Figures, recorder: &Recorder) -> Histograms {
    Histograms {
        response: codec::encode(&whole.response().histogram()),
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
    }
}

/// The final counts of iterations, including those that were due but never taken.
struct FinalIterations {
    /// The measured iterations.
    counts: Counts,
    /// The number of other iterations after the warm-up.
    aside: u64,
    /// The iterations of each part that the recorder keeps separately.
    parts: Vec<Counts>,
}

fn final_iterations(world: &World<'_>, recorder: &Recorder) -> FinalIterations {
    let parts = recorder
        .iteration_parts()
        .map(|(_, figures)| counts(&figures.tally))
        .collect();
    let mut all = FinalIterations {
        counts: counts(recorder.iterations()),
        aside: recorder.aside(),
        parts,
    };
    if let Source::Open(queue) = &world.source {
        // Arrivals that were due before the stop and that no slot pulled.
        for arrival in queue.unmet(world.stop.end()) {
            if !recorder.measures(arrival.at) {
                all.aside += u64::from(arrival.at >= world.epoch());
                continue;
            }
            let mix = world.choice.mix_of(arrival.number) as u32;
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

fn limits(world: &World<'_>) -> Vec<LimitPeak> {
    let peak = |limit: &Limit| LimitPeak {
        scope: limit.scope.clone(),
        peak_in_flight: limit.busy().peak_in_use(),
        peak_queue: limit.busy().peak_waiting(),
        dropped: limit.dropped(),
    };
    let of_target = |(target, busy): (&Target, &Arc<Busy>)| {
        // A pool without a cap counts nothing.
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
