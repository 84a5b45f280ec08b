//! Whether the target had settled: a run that is still warming up, or is drowning, has no
//! percentiles of its own.
//!
//! Two methods look at the windows of the time line. MSER-5 (White, 1997) finds how much of the
//! beginning is start-up: it cuts where the rest, in batches of five windows, has the smallest
//! standard error. Mann and Kendall's test finds a trend of the medians. Both find the smallest
//! drifts in long runs, so what they find must matter too: a tenth of the level, and more than what
//! machines do by themselves: where a request takes a tenth of a millisecond, clocks, caches and
//! the processor that a thread happens to be on make its time drift by as much again.

use crate::metrics::trend::{Trend, trend};
use crate::result::{ModeRun, Window};

/// Windows that a judgement needs.
const FEWEST: usize = 10;
/// Windows in a batch.
const BATCH: usize = 5;
/// Batches that MSER-5 needs.
const FEWEST_BATCHES: usize = 12;
/// A change by less than this share of the level is no matter.
const MATTERS: f64 = 0.10;
/// And one of fewer milliseconds.
const MATTERS_MS: f64 = 0.25;

/// What is wrong, where the run has not settled; `Err` where it is too short to tell. In a closed
/// model time goes through the flow with the users: where each goes through it a few times only, a
/// change over time is the flow's own.
pub fn unsettled(run: &ModeRun, is_closed: bool) -> Result<Option<String>, String> {
    let iterations = run.iterations.counts.started / u64::from(run.vus.max(1));
    if is_closed && iterations < FEWEST as u64 {
        return Err(format!(
            "{iterations} iterations of each virtual user, and {FEWEST} are needed to tell the target from the flow"
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
            "{} windows with responses, and {FEWEST} are needed to tell",
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
            "the first {:.0} % of the run differ from the rest",
            share * 100.0
        )
    }))
}

/// The share of the run that is start-up, where that is more than half of it and matters.
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
    // The last few batches agree by chance; and a later cut must be a good deal better than an
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
