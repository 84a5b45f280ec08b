//! Assembles a [`ModeRun`] from a plan and what a run of it measured.

use serde::{Deserialize, Serialize};

use super::dependence::Dependence;
use super::exemplars::exemplars;
use super::group::{Span, by_status, counts, encoded, group};
use super::measurements::Measurements;
use super::series::{series, widened};
use super::{groups, parts, selected, split, together, validity};
use crate::base::Nanos;
use crate::metrics::histogram::{HIGHEST, LOWEST, SIGNIFICANT_DIGITS};
use crate::metrics::{Cumulative, FailureKind, Figures, Recorder, StreamFigures, Summary, Track};
use crate::plan::Plan;
use crate::result::{
    ErrorExample, Histograms, Iterations, ModeRun, StoppedBy, Streaming, Warmup, codec,
};

/// Assembles the figures of one finished mode and round of a plan.
pub fn assemble(plan: &Plan, measured: &Measurements<'_>) -> ModeRun {
    let epoch = plan.load.warmup;
    let recorder = &*measured.recorder;
    let iterations = recorder.iterations();
    let done = plan
        .total_iterations()
        .is_some_and(|n| iterations.planned + recorder.aside() >= n);
    // Less of a log is measured than it has requests if it begins with the warm-up.
    let has_ended = plan.load.replay.is_some() && plan.duration().is_none();
    let by_plan = if done || has_ended {
        StoppedBy::Iterations
    } else {
        StoppedBy::Duration
    };
    let stopped_by = measured.stopped_early.unwrap_or(by_plan);
    let wall = measured.wall(plan);
    let lasted = match stopped_by {
        StoppedBy::Iterations | StoppedBy::Data => wall,
        StoppedBy::Duration => planned_length(plan, measured, wall),
        // Whatever ended the run early moved its end to that moment.
        StoppedBy::Interrupt | StoppedBy::Condition | StoppedBy::Threshold | StoppedBy::Panic => {
            measured.stop - epoch
        }
    };
    let dependence = Dependence::of_run(recorder, plan);
    let duration_ms = dependence
        .of_iterations(recorder)
        .summary(recorder.durations());
    let span = Span {
        wall_s: wall.as_secs_f64(),
        lasted,
        measured_s: plan.load.measured(lasted).as_secs_f64(),
        stopped_by,
        dependence,
    };
    let mut run = figures(plan, measured, &span, duration_ms);
    run.validity = validity::check(&run, plan, &measured.seen);
    run
}

/// Returns how long a run that ended by time was planned to be. A load that its iterations can end
/// may have ended before its time, so that with others beside it, the run may have as well.
fn planned_length(plan: &Plan, measured: &Measurements<'_>, wall: Nanos) -> Nanos {
    let whole = measured.stop - plan.load.warmup;
    if !plan.has_own_loads() {
        return whole;
    }
    let by_time = plan
        .loads()
        .filter(|own| own.load.total_iterations().is_none())
        .map(|own| own.load.end() - plan.load.warmup);
    whole.min(by_time.fold(wall, Nanos::max))
}

/// The figures of a run in progress.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SoFar {
    /// Its figures, without those known only at its end.
    #[serde(with = "with_exemplars")]
    pub run: ModeRun,
    /// The response times of each of its steps.
    pub step_responses: Vec<Cumulative>,
}

/// A run in a message: with its exemplars, which a run in a file leaves to the top of the file.
mod with_exemplars {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use crate::result::{Exemplar, ModeRun};

    pub(super) fn serialize<S: Serializer>(run: &ModeRun, to: S) -> Result<S::Ok, S::Error> {
        (run, &run.exemplars).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<ModeRun, D::Error> {
        let (run, exemplars) = <(ModeRun, Vec<Exemplar>)>::deserialize(from)?;
        Ok(ModeRun { exemplars, ..run })
    }
}

/// Assembles the figures of a run in progress from what it has measured up to `measured.end`.
pub(crate) fn so_far(plan: &Plan, measured: &Measurements<'_>) -> SoFar {
    let lasted = measured.end.min(measured.stop) - plan.load.warmup;
    let span = Span {
        wall_s: lasted.as_secs_f64(),
        lasted,
        measured_s: plan.load.measured(lasted).as_secs_f64(),
        stopped_by: StoppedBy::Duration,
        dependence: Dependence::unknown(plan),
    };
    let duration_ms = span.dependence.summary(measured.recorder.durations());
    SoFar {
        run: figures(plan, measured, &span, duration_ms),
        step_responses: parts::step_responses(plan, &measured.recorder),
    }
}

fn figures(
    plan: &Plan,
    measured: &Measurements<'_>,
    span: &Span,
    duration_ms: Option<Summary>,
) -> ModeRun {
    let (recorder, seen) = (&*measured.recorder, &*measured.seen);
    let whole = Figures::sum(recorder.steps());
    let (name, dependence) = (String::new(), &span.dependence);
    let total = group(name, None, &whole, span.measured_s, dependence);
    let response = whole.response();
    let windows = widened(recorder.windows(), span.wall_s, plan);
    let clamped = response.clamped() + whole.lag.clamped() + whole.queue.clamped();
    ModeRun {
        mode: measured.mode,
        round: measured.round,
        workers: measured.workers(),
        vus: plan.slots(),
        epoch_unix_ms: measured.epoch().map(|ns| ns as f64 / 1e6),
        wall_s: span.wall_s,
        measured_s: span.measured_s,
        stopped_by: span.stopped_by,
        counts: total.counts,
        oldest_unfinished_ms: (total.counts.unfinished > 0)
            .then(|| recorder.oldest_unfinished().as_millis_f64()),
        failures: total.failures,
        try_failures: FailureKind::named(recorder.try_failures()),
        status_codes: by_status(&whole.statuses),
        checks: split::checks(plan, recorder, &measured.checks),
        bytes_in: total.bytes_in,
        bytes_out: total.bytes_out,
        resent: total.resent,
        http_client: parts::http_client(plan),
        pushes: total.pushes,
        iterations: Iterations {
            counts: counts(recorder.iterations()),
            duration_ms,
            pace: recorder.pace(),
        },
        warmup: Warmup {
            started: recorder.warmup().started,
            completed: recorder.warmup().completed,
            failed: recorder.warmup().failed,
        },
        throughput_rps: total.throughput_rps,
        apdex: total.apdex,
        times: total.times,
        streaming: Streaming {
            stream_lag_ms: dependence.summary(recorder.reading_lag()),
            ..total.streaming
        },
        steps: parts::steps(plan, recorder, span, &windows),
        groups: groups::groups(plan, recorder, span),
        measures: parts::step_measures(plan, recorder, span),
        watched: measured.watched.clone(),
        exemplars: exemplars(plan, measured),
        mixes: parts::mixes(plan, recorder, span),
        targets: parts::targets(plan, recorder, span),
        probes: selected::probes(plan, recorder, seen, span),
        stages: selected::stages(plan, recorder, span),
        limits: together::limits(seen),
        lookups: together::lookups(seen),
        series: series(&windows, seen, plan),
        resources: crate::result::Resources {
            clamped,
            ..together::resources(seen)
        },
        histograms: histograms(&whole, recorder),
        errors: errors(plan, recorder),
        validity: crate::result::Validity::default(),
    }
}

/// Returns the histograms behind the figures of all operations, and of iterations.
fn histograms(whole: &Figures, recorder: &Recorder) -> Histograms {
    let of_streams = |track: fn(&StreamFigures) -> &Track| {
        let streams = whole.streams.as_deref();
        streams.and_then(|streams| encoded(track(streams)))
    };
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
        stream_first: of_streams(|streams| &streams.first),
        stream_first_service: of_streams(|streams| &streams.first_service),
        stream_gap: of_streams(|streams| &streams.gap),
        stream_unit: of_streams(|streams| &streams.unit),
        stream_rate: of_streams(|streams| &streams.rate),
        stream_lag: encoded(recorder.reading_lag()),
        unit: "ns".into(),
        lowest: LOWEST,
        highest: HIGHEST,
        significant_digits: SIGNIFICANT_DIGITS,
    }
}

fn errors(plan: &Plan, recorder: &Recorder) -> Vec<ErrorExample> {
    let names: Vec<(usize, &str)> = plan
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
            let example = format!("{} › {name}", plan.mix[mix].name);
            let since_epoch = |at: Nanos| Some((at - plan.load.warmup).as_secs_f64());
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
