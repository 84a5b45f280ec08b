//! [`Cumulative`]: a histogram as scrapers want it, with few buckets of fixed bounds.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::{Track, exact};
use crate::base::Nanos;

/// The upper bounds of all buckets but the last, which has none: 10 µs to 100 s, five for each power
/// of ten, so that a quantile that is interpolated in a bucket is at most 60 % off.
pub const BOUNDS: [Nanos; 36] = bounds();

const fn bounds() -> [Nanos; 36] {
    let steps = [10, 16, 25, 40, 63];
    let mut bounds = [Nanos::ZERO; 36];
    let mut decade = 1_000;
    let mut i = 0;
    while i < bounds.len() {
        bounds[i] = Nanos(steps[i % steps.len()] * decade);
        i += 1;
        if i.is_multiple_of(steps.len()) {
            decade *= 10;
        }
    }
    bounds
}

/// Counts of times by [`BOUNDS`], with their exact sum. A time is at most 0.1 % above the bound of its
/// bucket, as exact as it was recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cumulative {
    /// The counts of the buckets; those after the last one with a time are missing.
    counts: Vec<u64>,
    /// The sum of the times, in nanoseconds.
    #[serde(with = "exact::text")]
    sum: u128,
}

impl Cumulative {
    /// Counts the times of a track.
    pub fn from_track(track: &Track) -> Self {
        Self::from_histogram(&track.histogram(), track.sum())
    }

    /// Counts the times of a histogram of nanoseconds with this sum.
    pub fn from_histogram(histogram: &Histogram<u64>, sum: u128) -> Self {
        let mut counts = Vec::new();
        for bucket in histogram.iter_recorded() {
            // Its lowest value: one that equals a bound is within it.
            let lowest = histogram.lowest_equivalent(bucket.value_iterated_to());
            let place = BOUNDS.partition_point(|bound| bound.0 < lowest);
            if counts.len() <= place {
                counts.resize(place + 1, 0);
            }
            counts[place] += bucket.count_at_value();
        }
        Self { counts, sum }
    }

    /// Adds the times of another one.
    pub fn add(&mut self, other: &Self) {
        let length = self.counts.len().max(other.counts.len());
        self.counts.resize(length, 0);
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.sum += other.sum;
    }

    /// Returns the number of times.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Returns the sum of the times, in nanoseconds.
    pub const fn sum(&self) -> u128 {
        self.sum
    }

    /// Returns each bound with the number of times that are not above it.
    pub fn up_to_bounds(&self) -> impl Iterator<Item = (Nanos, u64)> {
        let counts = self.counts.iter().copied().chain(std::iter::repeat(0));
        BOUNDS
            .into_iter()
            .zip(counts)
            .scan(0, |sum, (bound, count)| {
                *sum += count;
                Some((bound, *sum))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(times: &[Nanos]) -> Cumulative {
        let mut track = Track::default();
        times.iter().for_each(|time| track.record(*time));
        Cumulative::from_track(&track)
    }

    #[test]
    fn the_bounds_grow_from_ten_microseconds_to_a_hundred_seconds() {
        assert_eq!(
            (BOUNDS[0], BOUNDS[5], BOUNDS[35]),
            (
                Nanos::from_micros(10),
                Nanos::from_micros(100),
                Nanos::from_secs(100)
            )
        );
        for pair in BOUNDS.windows(2) {
            let ratio = pair[1].0 as f64 / pair[0].0 as f64;
            assert!((1.5..=1.61).contains(&ratio), "{pair:?}");
        }
    }

    #[test]
    fn a_time_is_in_the_first_bucket_whose_bound_it_does_not_exceed() {
        let own = of(&BOUNDS);
        let counts: Vec<u64> = own.up_to_bounds().map(|(_, count)| count).collect();
        assert_eq!(counts, (1..=36).collect::<Vec<u64>>());
        let above: Vec<Nanos> = BOUNDS
            .iter()
            .map(|bound| Nanos(bound.0 * 101 / 100))
            .collect();
        let counts: Vec<u64> = of(&above).up_to_bounds().map(|(_, n)| n).collect();
        assert_eq!(counts, (0..36).collect::<Vec<u64>>());
        assert_eq!((of(&above).count(), of(&[Nanos::ZERO]).count()), (36, 1));
    }

    #[test]
    fn sums_are_exact_and_add_up() {
        let (few, more) = (
            of(&[Nanos(1), Nanos::from_secs(2)]),
            of(&[Nanos::from_millis(5)]),
        );
        let mut sum = few;
        sum.add(&more);
        assert_eq!((sum.count(), sum.sum()), (3, 2_005_000_001));
        assert_eq!(
            sum,
            of(&[Nanos(1), Nanos::from_millis(5), Nanos::from_secs(2)])
        );
        let text = serde_json::to_string(&sum).expect("JSON");
        assert_eq!(
            serde_json::from_str::<Cumulative>(&text).expect("it is one"),
            sum
        );
    }
}
