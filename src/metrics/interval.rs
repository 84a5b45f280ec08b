//! Confidence intervals of percentiles: how far the true value may be from the observed one.
//!
//! A percentile of n samples is the value at some rank; its interval lies between two other ranks.
//! If the samples were independent, these would follow from the binomial distribution. Successive
//! requests are not: a slow moment slows down many of them. So the interval is widened by how much
//! more the share of samples above the percentile varies from window to window than it would for
//! independent samples ([`Inflation`]): on autoregressive data with a correlation of 0.9, the naive
//! 95 % interval of p99 covers the true value in only 58 % of cases.

use hdrhistogram::Histogram;
use statrs::distribution::{Binomial, ContinuousCDF as _, DiscreteCDF as _, Normal, StudentsT};

use super::histogram;
use super::percentiles::PERCENTILES;

/// The probability that an interval misses the true value.
const ALPHA: f64 = 0.05;
/// The maximum number of windows; they are joined until there are no more, because longer ones
/// capture longer correlations.
const MAX_JOINED_WINDOWS: usize = 32;
/// The minimum number of windows from which their variance can be estimated.
const MIN_WINDOWS: usize = 4;
/// Above this many samples the normal distribution approximates the binomial one well enough.
const MANY: u64 = 10_000;

/// How much wider the intervals of [`PERCENTILES`] are than those of independent samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Inflation {
    /// The number of windows used for the estimate; 0 if the correlation is unknown and samples are
    /// treated as independent.
    windows: usize,
    /// The variance of the share above each percentile, as a multiple of that of independent
    /// samples; at least 1.
    factors: [f64; PERCENTILES.len()],
}

impl Inflation {
    /// The inflation of samples that are independent, or of unknown correlation.
    pub const NONE: Self = Self {
        windows: 0,
        factors: [1.0; PERCENTILES.len()],
    };

    /// Estimates it from the samples of windows of equal length in the order of time. The iterator
    /// yields one at a time, because hundreds of them take much memory.
    pub fn from_windows(windows: impl ExactSizeIterator<Item = Histogram<u64>>) -> Self {
        let given = windows.len();
        let count = given.min(MAX_JOINED_WINDOWS);
        let mut joined: Vec<Histogram<u64>> = Vec::with_capacity(count);
        for (index, window) in windows.enumerate() {
            // The parts are as equal as possible.
            match joined.get_mut(((index + 1) * count - 1) / given) {
                Some(sum) => histogram::add(sum, &window),
                None => joined.push(window),
            }
        }
        joined.retain(|window| !window.is_empty());
        let mut whole = histogram::window();
        joined
            .iter()
            .for_each(|window| histogram::add(&mut whole, window));
        let limits = PERCENTILES.map(|(_, percentile)| {
            whole.next_non_equivalent(whole.value_at_percentile(percentile))
        });
        // One walk through each window for all percentiles: the walk is what takes time.
        let counts: Vec<_> = joined
            .iter()
            .map(|window| (window.len() as f64, count_from(window, limits)))
            .collect();
        let factors = std::array::from_fn(|percentile| {
            factor(counts.iter().map(|(n, above)| (*n, above[percentile])))
        });
        Self::new(joined.len(), factors)
    }

    /// Creates an inflation estimated from this many windows with samples; returns [`Self::NONE`]
    /// if they are too few.
    pub(super) fn new(windows: usize, factors: [f64; PERCENTILES.len()]) -> Self {
        if windows < MIN_WINDOWS {
            Self::NONE
        } else {
            Self { windows, factors }
        }
    }

    /// Returns the inflation of a random part of these samples: a moment that makes all of them
    /// slow makes fewer of the part slow. To the variance of the number above a percentile in a
    /// window, correlation contributes with the square of the number of samples, and chance in
    /// proportion to it.
    #[must_use]
    pub fn thinned(&self, share: f64) -> Self {
        let share = share.clamp(0.0, 1.0);
        Self {
            windows: self.windows,
            factors: self.factors.map(|factor| 1.0 + share * (factor - 1.0)),
        }
    }
}

/// Returns the number of samples from each of these values on.
fn count_from<const N: usize>(window: &Histogram<u64>, limits: [u64; N]) -> [f64; N] {
    let mut counts = [0; N];
    for value in window.iter_recorded() {
        for (count, limit) in counts.iter_mut().zip(limits) {
            if value.value_iterated_to() >= limit {
                *count += value.count_at_value();
            }
        }
    }
    counts.map(|count| count as f64)
}

/// Returns the variance of the number above a value from window to window, as a multiple of the
/// binomial one; at least one. This is the ratio estimator of cluster sampling, which for windows
/// of L samples each is `L · Var(f) / (p · (1 − p))`, with the windows' shares f. Each window is
/// the number of its samples and of those above the value.
pub(super) fn factor(windows: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let windows = windows.filter(|(samples, _)| *samples > 0.0);
    let [n, above, count] = windows.clone().fold([0.0; 3], |sum, (samples, above)| {
        [sum[0] + samples, sum[1] + above, sum[2] + 1.0]
    });
    let share = above / n;
    let variance = n * share * (1.0 - share);
    // Also true if there are no samples at all.
    if !(variance > 0.0 && count > 1.0) {
        return 1.0;
    }
    let seen: f64 = windows
        .map(|(samples, above)| (above - share * samples).powi(2))
        .sum();
    (seen * count / (count - 1.0) / variance).max(1.0)
}

/// Returns the 95 % intervals of [`PERCENTILES`] in the histogram's unit; `None` for those that the
/// samples do not support.
pub(crate) fn intervals(
    histogram: &Histogram<u64>,
    inflation: &Inflation,
) -> [Option<[u64; 2]>; PERCENTILES.len()] {
    let n = histogram.len();
    let ranks: Vec<Option<(u64, u64)>> = PERCENTILES
        .iter()
        .zip(inflation.factors)
        .map(|((_, percentile), factor)| ranks(n, percentile / 100.0, factor, inflation.windows))
        .collect();
    let mut found = [None; PERCENTILES.len()];
    let mut seen = 0;
    // A single pass over the histogram finds all of them.
    for step in histogram.iter_recorded() {
        let before = seen;
        seen += step.count_at_value();
        for (ends, ranks) in found.iter_mut().zip(&ranks) {
            let Some((low, high)) = *ranks else { continue };
            let ends: &mut [u64; 2] = ends.get_or_insert([0, 0]);
            let here = |rank: u64| before < rank && rank <= seen;
            if here(low) {
                ends[0] = histogram.lowest_equivalent(step.value_iterated_to());
            }
            if here(high) {
                ends[1] = histogram.highest_equivalent(step.value_iterated_to());
            }
        }
    }
    found
}

/// Returns the value that a percentile exceeds with a confidence of 97.5 %: for few samples, one
/// well below the largest.
pub(crate) fn at_least(histogram: &Histogram<u64>, percentile: f64) -> u64 {
    let n = histogram.len();
    let rank = Binomial::new(percentile / 100.0, n)
        .map_or(0, |binomial| binomial.inverse_cdf(ALPHA / 2.0));
    if rank == 0 {
        0
    } else {
        histogram.value_at_quantile(rank as f64 / n as f64)
    }
}

/// Returns whether this many independent samples support an interval of a percentile. The maximum
/// is always known.
pub(crate) fn is_enough(samples: u64, percentile: f64) -> bool {
    percentile >= 100.0 || ranks(samples, percentile / 100.0, 1.0, 0).is_some()
}

/// Returns the ranks, from 1, between which the p-quantile of n samples lies; `None` if one is
/// beyond the sample.
fn ranks(n: u64, p: f64, factor: f64, windows: usize) -> Option<(u64, u64)> {
    let count = n as f64;
    let (low, high) = if windows == 0 && n <= MANY {
        let binomial = Binomial::new(p, n).ok()?;
        (
            binomial.inverse_cdf(ALPHA / 2.0) as f64,
            binomial.inverse_cdf(1.0 - ALPHA / 2.0) as f64 + 1.0,
        )
    } else {
        let width = match windows {
            0 => Normal::standard().inverse_cdf(1.0 - ALPHA / 2.0),
            _ => StudentsT::new(0.0, 1.0, (windows - 1) as f64)
                .ok()?
                .inverse_cdf(1.0 - ALPHA / 2.0),
        };
        let half = width * (count * p * (1.0 - p) * factor).sqrt();
        ((count * p - half).floor(), (count * p + half).ceil() + 1.0)
    };
    (low >= 1.0 && high <= count).then_some((low as u64, high as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;
    use rand_pcg::Pcg64Mcg;

    use crate::metrics::fixture::series;

    const P99: usize = 4;

    fn cover(correlation: f64, corrected: bool) -> f64 {
        const TRIALS: usize = 200;
        const WINDOWS: usize = 32;
        let truth = 2.326_347_874_f64.exp() * 1e6;
        let mut generator = Pcg64Mcg::seed_from_u64(5);
        let mut hits = 0;
        for _ in 0..TRIALS {
            let values = series(correlation, 16_000, &mut generator);
            let mut whole = histogram::empty();
            let windows: Vec<Histogram<u64>> = values
                .chunks(values.len() / WINDOWS)
                .map(|chunk| {
                    let mut window = histogram::window();
                    chunk
                        .iter()
                        .for_each(|value| window.saturating_record(*value));
                    window
                })
                .collect();
            values
                .iter()
                .for_each(|value| whole.saturating_record(*value));
            let inflation = if corrected {
                Inflation::from_windows(windows.into_iter())
            } else {
                Inflation::NONE
            };
            let [low, high] = intervals(&whole, &inflation)[P99].expect("enough samples");
            hits += usize::from((low as f64..=high as f64).contains(&truth));
        }
        hits as f64 / TRIALS as f64
    }

    #[test]
    fn intervals_cover_the_truth_as_often_as_they_say_though_samples_depend_on_each_other() {
        for correlation in [0.0, 0.9] {
            let covered = cover(correlation, true);
            assert!(
                (0.92..=0.98).contains(&covered),
                "correlation {correlation}: {covered}"
            );
        }
        let naive = cover(0.9, false);
        assert!(
            naive < 0.75,
            "without the correction the interval is too narrow: {naive}"
        );
    }

    #[test]
    fn one_late_moment_condemns_no_small_sample() {
        let of = |small: usize, large: usize| {
            let mut histogram = histogram::empty();
            histogram.saturating_record_n(1_000, small as u64);
            histogram.saturating_record_n(1_000_000, large as u64);
            at_least(&histogram, 99.0) >= 1_000_000
        };
        // If one value in a hundred is large, two or more of thirty are large in 3.6 % of cases and
        // three or more in 0.3 %.
        assert_eq!(
            [of(30, 0), of(29, 1), of(28, 2), of(27, 3)],
            [false, false, false, true]
        );
        assert_eq!(
            [of(0, 1), of(1, 1)],
            [true, true],
            "half of all is more than one in a hundred"
        );
        assert_eq!([of(995, 5), of(985, 15), of(970, 30)], [false, false, true]);
        assert_eq!(at_least(&histogram::empty(), 99.0), 0);
    }

    #[test]
    fn a_percentile_that_the_sample_can_not_carry_has_no_interval() {
        let of = |n: u64| {
            let mut histogram = histogram::empty();
            (1..=n).for_each(|value| histogram.saturating_record(value * 1000));
            intervals(&histogram, &Inflation::NONE).map(|ends| ends.is_some())
        };
        assert_eq!(of(1), [false; 7]);
        assert_eq!(of(20), [true, true, false, false, false, false, false]);
        assert_eq!(of(1000), [true, true, true, true, true, false, false]);
        assert_eq!(of(100_000), [true; 7]);
        assert!(
            intervals(&histogram::empty(), &Inflation::NONE)
                .iter()
                .all(Option::is_none)
        );
    }

    #[test]
    fn an_interval_holds_its_percentile() {
        let mut histogram = histogram::empty();
        (1..=10_000u64).for_each(|value| histogram.saturating_record(value * 1000));
        for ((name, percentile), ends) in PERCENTILES
            .into_iter()
            .zip(intervals(&histogram, &Inflation::NONE))
        {
            let Some([low, high]) = ends else { continue };
            let value = histogram.value_at_percentile(percentile);
            assert!(
                low <= value && value <= high,
                "{name}: {low} {value} {high}"
            );
        }
        // B(61; 100, 0.5) − B(39; 100, 0.5) = 0.9648: the median lies between ranks 40 and 61 of
        // 100 samples.
        assert_eq!(ranks(100, 0.5, 1.0, 0), Some((40, 61)));
    }
}
