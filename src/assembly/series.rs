//! [`series`]: the time line of a run, from what its recorders and its observer have seen.

use super::group::{by_status, window_values};
use super::named::Named;
use super::observations::{Gauge, Observations};
use super::together::together;
use super::{groups, steps_over_time};
use crate::base::Nanos;
use crate::metrics::summary::{NANOS_PER_MS, percentile_ms};
use crate::metrics::window::common;
use crate::metrics::{FailureKind, MeasureSet, Track, WindowStreams, Windows, histogram};
use crate::plan::{Measure, MeasureKind, Plan};
use crate::result::{MeasureWindow, StreamWindow, Window, WindowValues, codec};

/// The most windows in the result of a run shorter than a minute: they begin narrow and are merged
/// beyond that.
const WINDOWS_OF_A_SHORT_RUN: usize = 120;

/// Returns the time line of a run that took `wall_s` seconds in windows as wide as its result has
/// them.
pub(super) fn widened(windows: &Windows, wall_s: f64, plan: &Plan) -> Windows {
    let mut windows = windows.clone();
    // No wider than the windows that checks ask for.
    let widest = common(plan.windows()).unwrap_or(Nanos::MAX);
    let narrow = |width: Nanos| width < Nanos::from_millis(500) && width + width <= widest;
    while windows.iter().count() > WINDOWS_OF_A_SHORT_RUN
        && narrow(windows.width())
        && wall_s < 60.0
    {
        windows.widen();
    }
    windows
}

/// Returns the time line of a run, or of a part of it, from its [`widened`] windows.
pub(crate) fn series(windows: &Windows, seen: &[Observations], plan: &Plan) -> Vec<Window> {
    let width = windows.width();
    let names = plan.measure_names();
    let timed_groups = Named::collect(plan.timed_groups());
    let steps = steps_over_time::named(plan, windows);
    windows
        .iter()
        .map(|(index, window)| {
            let gauges: Vec<Gauge> = seen.iter().map(|own| own.during(index, width)).collect();
            let mean = |of: fn(&Gauge) -> Option<f64>| together(gauges.iter().map(of));
            let whole = window.whole();
            let response = whole.response();
            let max_ms = whole.max.as_millis_f64();
            let percentile =
                |p| (!response.is_empty()).then(|| percentile_ms(&response, p, max_ms));
            let lag = window.lag();
            Window {
                t_s: index as f64 * width.as_secs_f64(),
                window_s: width.as_secs_f64(),
                planned: whole.planned,
                started: whole.started,
                ok: whole.ok,
                failed: whole.failed,
                dropped: whole.dropped + window.refused,
                throughput_rps: whole.ok_completions as f64 / width.as_secs_f64(),
                mean_ms: whole.mean_ms(),
                p50_ms: percentile(50.0),
                p90_ms: percentile(90.0),
                p99_ms: percentile(99.0),
                max_ms: (!response.is_empty()).then_some(max_ms),
                lag_p99_ms: (!lag.is_empty()).then(|| percentile_ms(&lag, 99.0, f64::INFINITY)),
                in_flight: mean(Gauge::in_flight),
                vus: mean(Gauge::active),
                queue: mean(Gauge::waiting),
                cpu_cores: mean(Gauge::cores),
                rss_bytes: together(gauges.iter().map(Gauge::rss_bytes)),
                failures: FailureKind::named(&whole.failures()),
                status_codes: by_status(&window.statuses),
                response: (!response.is_empty()).then(|| codec::encode(&response)),
                steps: steps_over_time::in_window(plan, &steps, window, width),
                streams: window.streams.as_deref().map(|own| streams(own, width)),
                measures: window
                    .measures
                    .as_deref()
                    .map_or_else(Vec::new, |own| measures(own, &names)),
                groups: window.groups.as_deref().map_or_else(Vec::new, |own| {
                    groups::in_window(plan, &timed_groups, own, width)
                }),
            }
        })
        .collect()
}

/// Returns the streams of a window of this width.
fn streams(own: &WindowStreams, width: Nanos) -> StreamWindow {
    StreamWindow {
        completed: own.completed,
        ok: own.good,
        units_per_s: own.units as f64 / width.as_secs_f64(),
        first_ms: values(&own.first, NANOS_PER_MS),
        gap_ms: values(&own.gap, NANOS_PER_MS),
        unit_ms: values(&own.unit, NANOS_PER_MS),
    }
}

/// Returns the measures of a window.
fn measures(own: &MeasureSet, names: &[&Measure]) -> Vec<MeasureWindow> {
    let known = names
        .iter()
        .filter_map(|measure| Some((measure, own.get(measure.number)?)));
    known
        .map(|(measure, figures)| {
            let (kind, count) = (measure.unit.kind(), figures.values.count());
            let per = kind.stored_per_reported();
            let total = figures.values.sum() as f64 / per;
            MeasureWindow {
                name: measure.name.to_string(),
                unit: kind.reported_unit().to_owned(),
                count,
                unread: figures.unread,
                value: kind
                    .is_spread()
                    .then(|| values(&figures.values, per))
                    .flatten(),
                share: (kind == MeasureKind::Share && count > 0).then(|| total / count as f64),
                total: (kind == MeasureKind::Total).then_some(total),
            }
        })
        .collect()
}

/// Returns the values of a track in a unit that is `per` times the recorded one, if it has any.
fn values(track: &Track, per: f64) -> Option<WindowValues> {
    let count = track.count();
    if count == 0 {
        return None;
    }
    let histogram = histogram::in_window(&track.histogram());
    let mean = track.sum() as f64 / count as f64 / per;
    let max = track.max().0 as f64 / per;
    Some(window_values(&histogram, mean, max, per))
}
