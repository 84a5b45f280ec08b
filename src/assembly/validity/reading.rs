//! Whether streams were read as their events came.

use super::judged::judged;
use super::lag::{LAG_FLOOR_MS, LAG_SHARE, LAG_SHARE_OF_LIMIT, p99};
use crate::metrics::Summary;
use crate::plan::Plan;
use crate::result::{Check, ModeRun, Verdict};

/// How far beyond the limit figures are no longer those of the target.
const FAR: f64 = 5.0;

/// Checks how late workers woke up while streams were open, if there were any.
pub(super) fn check(run: &ModeRun, plan: &Plan) -> Option<Check> {
    let lag = run.streaming.stream_lag_ms.as_ref()?;
    let (late, least) = p99(
        lag,
        run.histograms.stream_lag.as_deref().unwrap_or_default(),
    );
    let limit = limit_ms(run, plan);
    let verdict = match late {
        _ if late > limit * FAR => Verdict::Invalid,
        _ if late > limit => Verdict::Degraded,
        _ => Verdict::Valid,
    };
    Some(judged(
        "reading",
        verdict,
        format!("p99 of lag while streams were open {least}{late:.3} ms"),
        format!("{limit:.3} ms, {:.3} ms at most", limit * FAR),
        "the generator itself read events late: their times and the gaps between them describe loadgen, not the target; use more workers, fewer streams, or a quieter machine",
    ))
}

/// Returns how late events may be read, in milliseconds: little compared to the shortest of what is
/// measured by them, or to the shortest limit of a threshold.
fn limit_ms(run: &ModeRun, plan: &Plan) -> f64 {
    let own = &run.streaming;
    let medians = [&own.stream_first_ms, &own.stream_gap_ms];
    let medians = medians
        .into_iter()
        .flatten()
        .map(|times: &Summary| times.p50);
    let of_median = medians.reduce(f64::min).unwrap_or(0.0) * LAG_SHARE;
    let thresholds = plan.thresholds.iter();
    let thresholds = thresholds.filter(|threshold| {
        threshold.selector.is_about(run.mode) && threshold.check.metric.is_of_streams()
    });
    let tightest = thresholds
        .filter_map(|threshold| threshold.check.longest_ms())
        .reduce(f64::min);
    LAG_FLOOR_MS
        .max(of_median)
        .max(tightest.unwrap_or(0.0) * LAG_SHARE_OF_LIMIT)
}
