//! Whether the target had settled: a run that is still warming up, or is drowning, has no percentiles of its own.
//!
//! Two methods look at the windows of the time line. MSER-5 (White, 1997) finds how much of the beginning is
//! start-up: it cuts where the rest, in batches of five windows, has the smallest standard error. Mann and Kendall's
//! test finds a trend of the medians. Both find the smallest drifts in long runs, so what they find must matter too:
//! a tenth of the level.

use statrs::distribution::{ContinuousCDF as _, Normal};

use crate::result::{ModeRun, Window};

/// Windows that a judgement needs.
const FEWEST: usize = 10;
/// Windows in a batch.
const BATCH: usize = 5;
/// Batches that MSER-5 needs.
const FEWEST_BATCHES: usize = 12;
/// The chance that the trend test finds one where there is none.
const ALPHA: f64 = 0.01;
/// A change by less than this share of the level is no matter.
const MATTERS: f64 = 0.10;

/// What is wrong, where the run has not settled; `Err` where it is too short to tell. In a closed model time goes through
/// the flow with the users: where each goes through it a few times only, a change over time is the flow's own.
pub fn unsettled(run: &ModeRun, is_closed: bool) -> Result<Option<String>, String> {
    let iterations = run.iterations.counts.started / u64::from(run.vus.max(1));
    if is_closed && iterations < FEWEST as u64 {
        return Err(format!("{iterations} iterations of each virtual user, and {FEWEST} are needed to tell the target from the flow"));
    }
    let windows: Vec<&Window> = run.series.iter().filter(|w| w.t_s >= 0.0 && w.t_s + w.window_s <= run.measured_s + 1e-9).collect();
    let means: Vec<f64> = windows.iter().filter_map(|w| w.mean_ms).collect();
    let medians: Vec<f64> = windows.iter().filter_map(|w| w.p50_ms).collect();
    if means.len() < FEWEST {
        return Err(format!("{} windows with responses, and {FEWEST} are needed to tell", means.len()));
    }
    if let Some(change) = trend(&medians) {
        let way = if change > 0.0 { "rose" } else { "fell" };
        return Ok(Some(format!("the median {way} by {:.0} % over the run", change.abs() * 100.0)));
    }
    Ok(start_up(&means).map(|share| format!("the first {:.0} % of the run differ from the rest", share * 100.0)))
}

/// The change over all values as a share of their median, where Mann and Kendall's test finds a trend that matters.
fn trend(values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    let mut rises = 0.0;
    let mut slopes = Vec::with_capacity(values.len() * (values.len() - 1) / 2);
    for (i, a) in values.iter().enumerate() {
        for (j, b) in values.iter().enumerate().skip(i + 1) {
            rises += (b - a).partial_cmp(&0.0).map_or(0.0, |order| f64::from(order as i8));
            slopes.push((b - a) / (j - i) as f64);
        }
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    // Ties make the sum vary less: each group of t equal values takes t(t−1)(2t+5) away.
    let ties: f64 = sorted.chunk_by(|a, b| a == b).map(|group| group.len() as f64).map(|t| t * (t - 1.0) * (2.0 * t + 5.0)).sum();
    let variance = (n * (n - 1.0) * (2.0 * n + 5.0) - ties) / 18.0;
    if variance <= 0.0 {
        return None;
    }
    let z = (rises - rises.signum()) / variance.sqrt();
    let found = z.abs() > Normal::standard().inverse_cdf(1.0 - ALPHA / 2.0);
    // Theil and Sen's slope: the median of all.
    slopes.sort_by(f64::total_cmp);
    let change = slopes[slopes.len() / 2] * (n - 1.0) / sorted[sorted.len() / 2];
    (found && change.abs() > MATTERS).then_some(change)
}

/// The share of the run that is start-up, where that is more than half of it and matters.
fn start_up(means: &[f64]) -> Option<f64> {
    let batches: Vec<f64> = means.chunks_exact(BATCH).map(|batch| batch.iter().sum::<f64>() / BATCH as f64).collect();
    if batches.len() < FEWEST_BATCHES {
        return None;
    }
    let error = |from: usize| {
        let rest = &batches[from..];
        let n = rest.len() as f64;
        let mean = rest.iter().sum::<f64>() / n;
        rest.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n * n)
    };
    let best = |cuts: std::ops::RangeInclusive<usize>| cuts.min_by(|a, b| error(*a).total_cmp(&error(*b)));
    let half = batches.len() / 2;
    // The last few batches agree by chance; and a later cut must be a good deal better than an early one.
    let (early, latest) = (best(0..=half)?, best(half + 1..=batches.len() - 5)?);
    let late = (half + 1..=latest).find(|cut| error(*cut) <= 4.0 * error(latest)).unwrap_or(latest);
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let (before, after) = batches.split_at(late);
    let found = error(late) < error(early) / 2.0 && (mean(before) - mean(after)).abs() > MATTERS * mean(after);
    found.then(|| late as f64 / batches.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt as _, SeedableRng as _};
    use rand_pcg::Pcg64Mcg;

    fn noise(count: usize, level: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut generator = Pcg64Mcg::seed_from_u64(3);
        (0..count).map(|i| level(i) * generator.random_range(0.9..1.1)).collect()
    }

    #[test]
    fn a_level_is_no_trend_and_a_rise_is_one() {
        assert_eq!(trend(&noise(60, |_| 5.0)), None);
        assert_eq!(trend(&[5.0; 60]), None);
        let rise = trend(&noise(60, |i| 5.0 + i as f64 / 10.0)).expect("a rise");
        assert!((0.6..0.9).contains(&rise), "from 5 to 11 is 75 % of 8: {rise}");
        assert!(trend(&noise(60, |i| 11.0 - i as f64 / 10.0)).is_some_and(|fall| fall < -0.5));
        // Significant in so many windows, and no matter.
        assert_eq!(trend(&noise(600, |i| 5.0 + i as f64 / 6000.0)), None);
    }

    #[test]
    fn a_start_up_of_more_than_half_is_found() {
        assert_eq!(start_up(&noise(200, |_| 5.0)), None);
        assert_eq!(start_up(&noise(200, |i| if i < 20 { 50.0 } else { 5.0 })), None, "a short one is cut by whoever reads on");
        let late = start_up(&noise(200, |i| if i < 140 { 50.0 } else { 5.0 })).expect("most of it is start-up");
        assert!((0.65..0.8).contains(&late), "{late}");
    }

    #[test]
    fn one_in_a_hundred_levels_at_most_looks_like_a_trend() {
        let found = (0..300u64).filter(|seed| {
            let mut generator = Pcg64Mcg::seed_from_u64(*seed);
            let values: Vec<f64> = (0..30).map(|_| generator.random_range(1.0..2.0)).collect();
            trend(&values).is_some()
        });
        assert!(found.count() <= 8, "α is 1 %");
    }
}
