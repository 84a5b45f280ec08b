//! [`series`]: the time line of a run, from what its recorders and its observer have seen.

use super::gauges::{Gauge, Observations};
use crate::base::Nanos;
use crate::metrics::summary::percentile_ms;
use crate::metrics::window::common;
use crate::metrics::{FailureKind, Windows};
use crate::plan::Plan;
use crate::result::{Window, codec};

/// The most windows in the result of a run shorter than a minute: they begin narrow and are merged
/// beyond that.
const WINDOWS_OF_A_SHORT_RUN: usize = 120;

/// Returns the time line of a run that took `wall_s` seconds.
pub(crate) fn series(
    windows: &Windows,
    seen: &Observations,
    wall_s: f64,
    plan: &Plan,
) -> Vec<Window> {
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
    let width = windows.width();
    windows
        .iter()
        .map(|(index, window)| {
            let mut gauge = Gauge::default();
            if seen.width > Nanos::ZERO {
                let stretch = |edge: i64| (edge * width.0 as i64).div_euclid(seen.width.0 as i64);
                // A window narrower than a stretch shows the stretch that it begins in.
                let range = stretch(index)..stretch(index + 1).max(stretch(index) + 1);
                seen.gauges.range(range).for_each(|(_, g)| gauge.add(g));
            }
            let means = gauge.means();
            let response = window.response();
            let max_ms = window.max.as_millis_f64();
            let percentile =
                |p| (!response.is_empty()).then(|| percentile_ms(&response, p, max_ms));
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
                cpu_cores: gauge.cores(),
                rss_bytes: gauge.rss_bytes(),
                failures: FailureKind::named(&window.failures),
                status_codes: window
                    .statuses
                    .iter()
                    .map(|(status, n)| (status.to_string(), n))
                    .collect(),
                response: (!response.is_empty()).then(|| codec::encode(&response)),
            }
        })
        .collect()
}
