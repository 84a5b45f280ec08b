//! [`trend`]: whether times rise or fall over a run, by the Mann–Kendall test, and by how much, by
//! the Theil–Sen slope. Both compare pairs, so a few outliers do no harm.

use statrs::distribution::{ContinuousCDF as _, Normal};

/// The probability of finding a trend where there is none.
const ALPHA: f64 = 0.01;

/// The shortest time that a clock measures, in milliseconds.
const SHORTEST_MS: f64 = 1e-6;

/// The change from the first value to the last.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Trend {
    /// The change in milliseconds.
    pub change: f64,
    /// The change as a share of the initial value. It follows from the slope of the logarithms,
    /// which never leads below zero, so nothing falls by more than 100 %.
    pub share: f64,
}

/// Returns the trend of times in milliseconds, if there is one. It may be too small to matter: many
/// values reveal the slightest drift.
pub(crate) fn trend(values: &[f64]) -> Option<Trend> {
    let n = values.len() as f64;
    let mut rises = 0.0;
    let pairs = values.len() * values.len().saturating_sub(1) / 2;
    let (mut slopes, mut growths) = (Vec::with_capacity(pairs), Vec::with_capacity(pairs));
    let logarithms: Vec<f64> = values
        .iter()
        .map(|value| value.max(SHORTEST_MS).ln())
        .collect();
    for (i, a) in values.iter().enumerate() {
        for (j, b) in values.iter().enumerate().skip(i + 1) {
            rises += (b - a)
                .partial_cmp(&0.0)
                .map_or(0.0, |order| f64::from(order as i8));
            slopes.push((b - a) / (j - i) as f64);
            growths.push((logarithms[j] - logarithms[i]) / (j - i) as f64);
        }
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    // Ties reduce the variance of the sum: each group of t equal values subtracts t(t−1)(2t+5).
    let ties: f64 = sorted
        .chunk_by(|a, b| a == b)
        .map(|group| group.len() as f64)
        .map(|t| t * (t - 1.0) * (2.0 * t + 5.0))
        .sum();
    let variance = (n * (n - 1.0) * (2.0 * n + 5.0) - ties) / 18.0;
    if variance <= 0.0 {
        return None;
    }
    let z = (rises - rises.signum()) / variance.sqrt();
    let found = z.abs() > Normal::standard().inverse_cdf(1.0 - ALPHA / 2.0);
    let over_all = |slopes: &mut Vec<f64>| {
        slopes.sort_by(f64::total_cmp);
        slopes[slopes.len() / 2] * (n - 1.0)
    };
    found.then(|| Trend {
        change: over_all(&mut slopes),
        share: over_all(&mut growths).exp_m1(),
    })
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
    fn a_level_is_no_trend_and_a_rise_is_one() {
        assert_eq!(trend(&noise(60, |_| 5.0)), None);
        assert_eq!(trend(&[5.0; 60]), None);
        assert_eq!((trend(&[]), trend(&[5.0])), (None, None));
        let rise = trend(&noise(60, |i| 5.0 + i as f64 / 10.0)).expect("a rise");
        assert!(
            (1.0..1.5).contains(&rise.share),
            "from 5 to 11 is 120 % of 5: {rise:?}"
        );
        assert!(
            (5.0..7.0).contains(&rise.change),
            "from 5 to 11 is 6: {rise:?}"
        );
        assert!(
            trend(&noise(60, |i| 11.0 - i as f64 / 10.0)).is_some_and(|fall| fall.share < -0.5)
        );
        // Significant with this many windows; whether it matters is for the caller to decide.
        assert!(
            trend(&noise(600, |i| 5.0 + i as f64 / 600.0)).is_some_and(|drift| drift.share < 0.3)
        );
    }

    #[test]
    fn nothing_falls_by_more_than_there_was() {
        // Most of it is a steep fall: a straight line through it leads far below zero.
        let fall = trend(&noise(60, |i| {
            if i < 50 { 100.0 - 2.0 * i as f64 } else { 0.2 }
        }))
        .expect("a fall");
        assert!(fall.change < -100.0, "{fall:?}");
        assert!(
            (-1.0..-0.8).contains(&fall.share),
            "from 100 to next to nothing: {fall:?}"
        );
        let halved = trend(&noise(60, |i| 10.0 * 0.5_f64.powf(i as f64 / 59.0))).expect("a fall");
        assert!((-0.6..-0.4).contains(&halved.share), "{halved:?}");
        assert!(
            trend(&[vec![1.0; 20], vec![0.0; 20]].concat()).is_none_or(|fall| fall.share >= -1.0),
            "not even to nothing"
        );
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
