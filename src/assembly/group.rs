//! [`group`]: the figures of a subset of a run's operations.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use super::dependence::Dependence;
use super::streams::streaming;
use crate::base::{Nanos, status};
use crate::metrics::summary::percentile_in;
use crate::metrics::{FailureKind, Figures, Held, LoggedFigures, StatusCounts, Tally, Track};
use crate::result::{ChecksHeld, Counts, Group, Replayed, StoppedBy, Times, WindowValues, codec};

/// How long a run was, and what ended it.
pub(crate) struct Span {
    /// The time from the epoch to the last completion.
    pub wall_s: f64,
    /// The time from the epoch, including what is not measured.
    pub lasted: Nanos,
    /// The measured time.
    pub measured_s: f64,
    /// What ended the run.
    pub stopped_by: StoppedBy,
    /// The dependence of all operations.
    pub dependence: Dependence,
}

/// Returns the text form of a histogram, or `None` if it is empty.
pub(crate) fn encoded(track: &Track) -> Option<String> {
    (!track.is_empty()).then(|| codec::encode(&track.histogram()))
}

/// Returns the values of a histogram of a window in a unit that is `per` times the recorded one, with
/// their exact mean and maximum in that unit.
pub(super) fn window_values(
    histogram: &Histogram<u64>,
    mean: f64,
    max: f64,
    per: f64,
) -> WindowValues {
    let percentile = |p| percentile_in(histogram, p, max, per);
    WindowValues {
        count: histogram.len(),
        mean,
        p50: percentile(50.0),
        p90: percentile(90.0),
        p99: percentile(99.0),
        max,
        histogram: codec::encode(histogram),
    }
}

/// Returns the outcome counts of a set of operations or iterations.
pub(crate) fn counts(tally: &Tally) -> Counts {
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

/// Returns the figures of a subset of the operations.
pub(crate) fn group(
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
        apdex: dependence.apdex_of(figures),
        times: Times {
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
        },
        streaming: streaming(figures.streams.as_deref(), measured_s, dependence),
        bytes_in: figures.bytes_in,
        bytes_out: figures.bytes_out,
        resent: figures.resent,
        pushes: figures.pushes,
        checks: checked(figures),
        replayed: figures
            .logged
            .as_deref()
            .map(|logged| replayed(logged, figures, dependence)),
        iterations: None,
        histograms: BTreeMap::new(),
        measures: Vec::new(),
        steps: Vec::new(),
        groups: Vec::new(),
        heat: Vec::new(),
    }
}

/// Returns what a replayed log says of these operations, and their statuses.
fn replayed(logged: &LoggedFigures, figures: &Figures, dependence: &Dependence) -> Replayed {
    Replayed {
        log_status_codes: by_status(&logged.statuses),
        log_duration_ms: dependence.summary(&logged.duration),
        status_codes: by_status(&figures.statuses),
    }
}

/// Returns the counts of statuses, by their texts.
pub(crate) fn by_status(counts: &StatusCounts) -> BTreeMap<String, u64> {
    let named = counts.iter();
    named
        .map(|(code, n)| (status::name(code).into_owned(), n))
        .collect()
}

/// Returns how often the expectations of these operations held, if they have any.
fn checked(figures: &Figures) -> Option<ChecksHeld> {
    let Held { passed, failed } = figures.held;
    (passed + failed > 0).then_some(ChecksHeld { passed, failed })
}
