//! [`Track`]: one measured quantity, as a histogram with exact moments.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::buckets::Buckets;
use super::exact;
use super::histogram::{HIGHEST, SIGNIFICANT_DIGITS};
use super::interval::Inflation;
use super::summary::{Moments, NANOS_PER_MS, Summary};
use crate::base::Nanos;

/// A histogram of nanoseconds with exact count, minimum, maximum, sum and sum of squares.
///
/// Adding two tracks is exact and associative, because everything in them is an integer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Track {
    buckets: Buckets<SIGNIFICANT_DIGITS>,
    count: u64,
    min: u64,
    max: u64,
    #[serde(with = "exact::text")]
    sum: u128,
    #[serde(with = "exact::text")]
    squares: u128,
    clamped: u64,
}

impl Default for Track {
    fn default() -> Self {
        Self {
            buckets: Buckets::default(),
            count: 0,
            min: u64::MAX,
            max: 0,
            sum: 0,
            squares: 0,
            clamped: 0,
        }
    }
}

impl Track {
    /// Creates an empty track with a capacity of `pages` of buckets.
    pub fn ready(pages: usize) -> Self {
        Self {
            buckets: Buckets::ready(pages),
            ..Self::default()
        }
    }

    /// Records one value. Values above the histogram's highest are counted there, and as clamped.
    pub fn record(&mut self, value: Nanos) {
        let ns = value.0;
        self.count += 1;
        self.buckets.record(ns);
        // Often nothing was late, nothing queued, and a body came with its head.
        if ns == 0 {
            if self.min > 0 {
                self.min = 0;
            }
            return;
        }
        self.sum += u128::from(ns);
        self.squares += u128::from(ns) * u128::from(ns);
        if ns < self.min || ns > self.max {
            self.stretch(ns);
        }
        if ns > HIGHEST {
            self.clamped += 1;
        }
    }

    /// Separate, because new extremes are rare: most values then need not write to their cache
    /// line.
    #[cold]
    fn stretch(&mut self, ns: u64) {
        self.min = self.min.min(ns);
        self.max = self.max.max(ns);
    }

    /// Packs the track until the next value is recorded.
    pub fn pack(&mut self) {
        self.buckets.pack(&mut Vec::new());
    }

    /// Clears the values and keeps the capacity.
    pub fn clear(&mut self) {
        self.buckets.clear();
        *self = Self {
            buckets: std::mem::take(&mut self.buckets),
            ..Self::default()
        };
    }

    /// Adds another track's values.
    pub fn add(&mut self, other: &Self) {
        if other.is_empty() {
            return;
        }
        self.buckets.add(&other.buckets);
        self.count += other.count;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.sum += other.sum;
        self.squares += other.squares;
        self.clamped += other.clamped;
    }

    /// Returns whether its moments can be those of its histogram: those of a track always are, unless
    /// it was read from a damaged file.
    pub fn is_consistent(&self) -> bool {
        let (n, min, max) = (
            u128::from(self.count),
            u128::from(self.min),
            u128::from(self.max),
        );
        let histogram = self.histogram();
        let between = |sum: u128, low: u128, high: u128| {
            n.checked_mul(low).is_some_and(|low| low <= sum)
                && n.checked_mul(high).is_none_or(|high| sum <= high)
        };
        histogram.len() == self.count
            && self.clamped <= self.count
            && (self.count == 0 || self.min <= self.max)
            && (self.count == 0 || histogram.max() >= self.max.min(HIGHEST))
            && (self.count == 0 || histogram.min() <= self.min)
            && (self.count == 0 && self.sum == 0 && self.squares == 0
                || between(self.sum, min, max) && between(self.squares, min * min, max * max))
    }

    /// Returns whether it has no values.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns the number of values.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Returns the number of values above the histogram's highest.
    pub const fn clamped(&self) -> u64 {
        self.clamped
    }

    /// Returns the largest value.
    pub const fn max(&self) -> Nanos {
        Nanos(self.max)
    }

    /// Returns the sum of the values.
    pub const fn sum(&self) -> u128 {
        self.sum
    }

    /// Returns the mean in milliseconds, if there are values.
    pub fn mean_ms(&self) -> Option<f64> {
        let n = self.count();
        (n > 0).then(|| self.sum as f64 / n as f64 / 1e6)
    }

    /// Returns the histogram.
    pub fn histogram(&self) -> Histogram<u64> {
        self.buckets.histogram()
    }

    /// Returns the bytes on the heap.
    #[cfg(test)]
    pub fn held(&self) -> usize {
        self.buckets.held()
    }

    /// Returns the summary in milliseconds; `None` if there are no values.
    pub fn summary(&self, inflation: &Inflation) -> Option<Summary> {
        self.summary_in(inflation, NANOS_PER_MS)
    }

    /// Returns the summary in a unit that is `per` times the recorded one; `None` if there are no
    /// values.
    pub fn summary_in(&self, inflation: &Inflation, per: f64) -> Option<Summary> {
        let n = self.count();
        if n == 0 {
            return None;
        }
        let mean = self.sum as f64 / n as f64;
        // Var = E[x²] − E[x]², with the difference taken in integers: n·Σx² − (Σx)², which may be
        // zero but is never negative, and does not cancel.
        let spread = (u128::from(n))
            .checked_mul(self.squares)
            .zip(self.sum.checked_mul(self.sum))
            .map_or_else(
                || {
                    (self.squares as f64 / n as f64 - mean * mean)
                        .max(0.0)
                        .sqrt()
                },
                |(a, b)| (a.saturating_sub(b) as f64).sqrt() / n as f64,
            );
        let moments = Moments {
            count: n,
            min: self.min as f64 / per,
            mean: mean / per,
            sd: spread / per,
            max: self.max as f64 / per,
        };
        Some(Summary::new(moments, &self.histogram(), inflation, per))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn track_of(values: &[u64]) -> Track {
        let mut track = Track::default();
        for v in values {
            track.record(Nanos(*v));
        }
        track
    }

    #[test]
    fn moments_are_exact() {
        let s = track_of(&[
            2_000_000, 4_000_000, 4_000_000, 4_000_000, 5_000_000, 5_000_000, 7_000_000, 9_000_000,
        ])
        .summary(&Inflation::NONE)
        .expect("values");
        assert_eq!(
            (s.count, s.min, s.mean, s.sd, s.max),
            (8, 2.0, 5.0, 2.0, 9.0)
        );
        assert!((s.p50 - 4.0).abs() < 0.01, "{}", s.p50);
        assert_eq!(s.p9999, 9.0, "no percentile is above the exact maximum");
        assert!(Track::default().summary(&Inflation::NONE).is_none());
    }

    #[test]
    fn what_is_longer_than_an_hour_is_counted_as_clamped() {
        let track = track_of(&[HIGHEST + 1, 5]);
        assert_eq!((track.clamped(), track.max().0), (1, HIGHEST + 1));
    }

    proptest! {
        #[test]
        fn adding_equals_recording_everything_in_one(a in prop::collection::vec(0u64..1 << 42, 0..50), b in prop::collection::vec(0u64..1 << 42, 0..50)) {
            let mut sum = track_of(&a);
            sum.add(&track_of(&b));
            let one = track_of(&[&a[..], &b].concat());
            prop_assert_eq!(sum.summary(&Inflation::NONE), one.summary(&Inflation::NONE));
            let mut packed = track_of(&a);
            packed.pack();
            b.iter().for_each(|v| packed.record(Nanos(*v)));
            packed.pack();
            prop_assert_eq!(packed.summary(&Inflation::NONE), one.summary(&Inflation::NONE));
            prop_assert_eq!(sum.histogram(), one.histogram());
            sum.clear();
            prop_assert!(sum.is_empty() && sum.histogram().is_empty());
            sum.add(&one);
            prop_assert_eq!(sum.summary(&Inflation::NONE), one.summary(&Inflation::NONE));
        }
    }
}
