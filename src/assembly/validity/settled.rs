//! Whether the target had settled: a run that is still warming up, or is overloaded, has no
//! percentiles of its own.
//!
//! Two methods examine the windows of the time line. MSER-5 (White, 1997) finds how much of the
//! beginning is start-up: it truncates where the rest, in batches of five windows, has the smallest
//! standard error. The Mann–Kendall test finds a trend of the medians. Both detect the smallest
//! drifts in long runs, so a finding must also matter: a tenth of the level, and more than the
//! drift of the machine itself. If a request takes a tenth of a millisecond, clocks, caches and the
//! choice of processor make its time drift by as much again.

use crate::metrics::trend::{Trend, trend};
use crate::result::{ModeRun, Window};

/// The number of windows needed for a verdict.
const FEWEST: usize = 10;
/// The number of windows in a batch.
const BATCH: usize = 5;
/// The number of batches that MSER-5 needs.
const FEWEST_BATCHES: usize = 12;
/// The smallest change that matters, as a share of the level.
const MATTERS: f64 = 0.10;
/// The smallest change that matters, in milliseconds.
const MATTERS_MS: f64 = 0.25;

/// Describes why a run has not settled, if it has not; returns `Err` if it is too short to tell. In
/// a closed model, users go through the flow in step with time: if each runs it only a few times, a
/// change over time is caused by the flow.
pub(super) fn unsettled(run: &ModeRun, is_closed: bool) -> Result<Option<String>, String> {
    let iterations = run.iterations.counts.started / u64::from(run.vus.max(1));
    if is_closed && iterations < FEWEST as u64 {
        return Err(format!(
            "iterations per virtual user: {iterations}, and {FEWEST} are needed to tell the target from the flow"
        ));
    }
    let windows: Vec<&Window> = run
        .series
        .iter()
        .filter(|w| w.t_s >= 0.0 && w.t_s + w.window_s <= run.measured_s + 1e-9)
        .collect();
    let means: Vec<f64> = windows.iter().filter_map(|w| w.mean_ms).collect();
    let medians: Vec<f64> = windows.iter().filter_map(|w| w.p50_ms).collect();
    if means.len() < FEWEST {
        return Err(format!(
            "only {} windows with responses; {FEWEST} are needed",
            means.len()
        ));
    }
    let matters = |trend: &Trend| trend.share.abs() > MATTERS && trend.change.abs() > MATTERS_MS;
    if let Some(Trend { share, .. }) = trend(&medians).filter(matters) {
        let way = if share > 0.0 { "rose" } else { "fell" };
        return Ok(Some(format!(
            "the median {way} by {:.0} % over the run",
            share.abs() * 100.0
        )));
    }
    Ok(start_up(&means).map(|share| {
        format!(
            "the first {:.0} % of the run differs from the rest",
            share * 100.0
        )
    }))
}

/// Returns the share of the run that is start-up, if it is more than half of it and matters.
fn start_up(means: &[f64]) -> Option<f64> {
    let batches: Vec<f64> = means
        .chunks_exact(BATCH)
        .map(|batch| batch.iter().sum::<f64>() / BATCH as f64)
        .collect();
    if batches.len() < FEWEST_BATCHES {
        return None;
    }
    let error = |from: usize| {
        let rest = &batches[from..];
        let n = rest.len() as f64;
        let mean = rest.iter().sum::<f64>() / n;
        rest.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n * n)
    };
    let best =
        |cuts: std::ops::RangeInclusive<usize>| cuts.min_by(|a, b| error(*a).total_cmp(&error(*b)));
    let half = batches.len() / 2;
    // The last few batches agree by chance; and a later cut must be considerably better than an
    // early one.
    let (early, latest) = (best(0..=half)?, best(half + 1..=batches.len() - 5)?);
    let late = (half + 1..=latest)
        .find(|cut| error(*cut) <= 4.0 * error(latest))
        .unwrap_or(latest);
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let (before, after) = batches.split_at(late);
    let change = (mean(before) - mean(after)).abs();
    let found =
        error(late) < error(early) / 2.0 && change > MATTERS * mean(after) && change > MATTERS_MS;
    found.then(|| late as f64 / batches.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt as _, SeedableRng as _};
    use rand_pcg::Pcg64Mcg;

    fn noise(count: usize, level: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut generator = Pcg64Mcg::seed_from_u64(3);
        (0..count)
            .map(|i| level(i) * generator.random_range(0.9..1.1))
            .collect()
    }

    #[test]
    fn a_start_up_of_more_than_half_is_found() {
        assert_eq!(start_up(&noise(200, |_| 5.0)), None);
        assert_eq!(
            start_up(&noise(200, |i| if i < 20 { 50.0 } else { 5.0 })),
            None,
            "a short one is cut by whoever reads on"
        );
        let late = start_up(&noise(200, |i| if i < 140 { 50.0 } else { 5.0 }))
            .expect("most of it is start-up");
        assert!((0.65..0.8).contains(&late), "{late}");
        assert_eq!(
            start_up(&noise(200, |i| if i < 140 { 0.2 } else { 0.1 })),
            None,
            "so little is the machine's own"
        );
    }
}
