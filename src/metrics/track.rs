//! [`Track`]: one measured quantity, as a histogram with exact moments beside it.

use std::borrow::Cow;

use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2Serializer};

use super::histogram::{self, HIGHEST};
use super::interval::Inflation;
use super::summary::{Moments, Summary};
use crate::base::Nanos;

/// A histogram of nanoseconds with exact count, minimum, maximum, sum and sum of squares beside it.
///
/// Adding two tracks is exact and associative, because everything in them is a whole number.
#[derive(Clone, Debug)]
pub struct Track {
    /// Made when the first value comes: a quarter of a megabyte is much for something that stays empty.
    histogram: Option<Histogram<u64>>,
    /// The histogram, where it was packed; there is never one beside it.
    packed: Vec<u8>,
    /// Zeros are counted here and join the histogram when it is asked for: waits that did not happen are
    /// the most frequent value of all, and need no bucket search.
    zeros: u64,
    min: u64,
    max: u64,
    sum: u128,
    squares: u128,
    clamped: u64,
}

impl Default for Track {
    fn default() -> Self {
        Self { histogram: None, packed: Vec::new(), zeros: 0, min: u64::MAX, max: 0, sum: 0, squares: 0, clamped: 0 }
    }
}

impl Track {
    /// An empty track that is ready: its first value finds the memory there. Making a histogram takes a fifth
    /// of a millisecond, which would be lateness in the middle of a run.
    pub fn ready() -> Self {
        Self { histogram: Some(histogram::empty()), ..Self::default() }
    }

    /// Takes one value.
    pub fn record(&mut self, value: Nanos) {
        let ns = value.0;
        if ns == 0 {
            self.zeros += 1;
            self.min = 0;
            return;
        }
        self.min = self.min.min(ns);
        self.max = self.max.max(ns);
        self.sum += u128::from(ns);
        self.squares += u128::from(ns) * u128::from(ns);
        self.clamped += u64::from(ns > HIGHEST);
        // The histogram would accept a longer value silently; the clamp above has counted it.
        self.open().saturating_record(ns.min(HIGHEST));
    }

    fn open(&mut self) -> &mut Histogram<u64> {
        let packed = &mut self.packed;
        self.histogram.get_or_insert_with(|| read(&std::mem::take(packed)))
    }

    /// The histogram without its zeros, where there is one.
    fn values(&self) -> Option<Cow<'_, Histogram<u64>>> {
        match &self.histogram {
            Some(histogram) => Some(Cow::Borrowed(histogram)),
            None => (!self.packed.is_empty()).then(|| Cow::Owned(read(&self.packed))),
        }
    }

    /// Makes it small until the next value comes.
    pub fn pack(&mut self) {
        if let Some(histogram) = self.histogram.take() {
            V2Serializer::new().serialize(&histogram, &mut self.packed).expect("memory takes any bytes, and the bounds are ours");
            self.packed.shrink_to_fit();
        }
    }

    /// Adds another track's values.
    pub fn add(&mut self, other: &Self) {
        if let Some(theirs) = other.values().filter(|theirs| !theirs.is_empty()) {
            if self.histogram.is_none() && self.packed.is_empty() {
                self.histogram = Some(theirs.into_owned());
            } else {
                histogram::add(self.open(), &theirs);
            }
        }
        self.zeros += other.zeros;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.sum += other.sum;
        self.squares += other.squares;
        self.clamped += other.clamped;
    }

    /// Whether it has no values.
    pub const fn is_empty(&self) -> bool {
        self.max == 0 && self.zeros == 0
    }

    /// How many values.
    pub fn count(&self) -> u64 {
        self.values().map_or(0, |histogram| histogram.len()) + self.zeros
    }

    /// How many values were longer than the histogram's highest.
    pub const fn clamped(&self) -> u64 {
        self.clamped
    }

    /// The largest value.
    pub const fn max(&self) -> Nanos {
        Nanos(self.max)
    }

    /// The mean in milliseconds, where there are values.
    pub fn mean_ms(&self) -> Option<f64> {
        let n = self.count();
        (n > 0).then(|| self.sum as f64 / n as f64 / 1e6)
    }

    /// The histogram, zeros included: itself where there are none, since a copy is a quarter of a megabyte.
    pub fn histogram(&self) -> Cow<'_, Histogram<u64>> {
        let mut whole = self.values().unwrap_or_else(|| Cow::Owned(histogram::empty()));
        if self.zeros > 0 {
            whole.to_mut().saturating_record_n(0, self.zeros);
        }
        whole
    }

    /// What is shown of it; nothing where there are no values.
    pub fn summary(&self, inflation: &Inflation) -> Option<Summary> {
        let n = self.count();
        if n == 0 {
            return None;
        }
        let mean = self.sum as f64 / n as f64;
        // Var = E[x²] − E[x]², with the difference taken in whole numbers: n·Σx² − (Σx)², which may be
        // zero but is never negative, and does not cancel.
        let spread = (u128::from(n)).checked_mul(self.squares).zip(self.sum.checked_mul(self.sum)).map_or_else(
            || (self.squares as f64 / n as f64 - mean * mean).max(0.0).sqrt(),
            |(a, b)| (a.saturating_sub(b) as f64).sqrt() / n as f64,
        );
        let moments = Moments { count: n, min: self.min as f64 / 1e6, mean: mean / 1e6, sd: spread / 1e6, max: self.max as f64 / 1e6 };
        Some(Summary::new(moments, &self.histogram(), inflation))
    }
}

/// A histogram as it was packed; nothing is an empty one.
fn read(packed: &[u8]) -> Histogram<u64> {
    if packed.is_empty() {
        return histogram::empty();
    }
    Deserializer::new().deserialize(&mut &*packed).expect("these bytes were written by `pack`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[u64]) -> Track {
        let mut track = Track::default();
        for v in values {
            track.record(Nanos(*v));
        }
        track
    }

    #[test]
    fn moments_are_exact() {
        let s = of(&[2_000_000, 4_000_000, 4_000_000, 4_000_000, 5_000_000, 5_000_000, 7_000_000, 9_000_000])
            .summary(&Inflation::NONE)
            .expect("values");
        assert_eq!((s.count, s.min, s.mean, s.sd, s.max), (8, 2.0, 5.0, 2.0, 9.0));
        assert!((s.p50 - 4.0).abs() < 0.01, "{}", s.p50);
        assert_eq!(s.p9999, 9.0, "no percentile is above the exact maximum");
        assert!(Track::default().summary(&Inflation::NONE).is_none());
    }

    #[test]
    fn what_is_longer_than_an_hour_is_counted_as_clamped() {
        let track = of(&[HIGHEST + 1, 5]);
        assert_eq!((track.clamped(), track.max().0), (1, HIGHEST + 1));
    }

    proptest! {
        #[test]
        fn adding_equals_recording_everything_in_one(a in prop::collection::vec(0u64..1 << 42, 0..50), b in prop::collection::vec(0u64..1 << 42, 0..50)) {
            let mut sum = of(&a);
            sum.add(&of(&b));
            let one = of(&[&a[..], &b].concat());
            prop_assert_eq!(sum.summary(&Inflation::NONE), one.summary(&Inflation::NONE));
            let mut packed = of(&a);
            packed.pack();
            b.iter().for_each(|v| packed.record(Nanos(*v)));
            packed.pack();
            prop_assert_eq!(packed.summary(&Inflation::NONE), one.summary(&Inflation::NONE));
            prop_assert_eq!(sum.histogram(), one.histogram());
        }
    }
}
