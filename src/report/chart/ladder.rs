//! [`Ladder`]: a histogram prepared for many lookups, each of which would otherwise iterate over
//! the whole histogram.

use hdrhistogram::Histogram;

use crate::metrics::summary::NANOS_PER_MS;

/// The values of a histogram with their cumulative counts, in ascending order.
#[derive(Clone, Debug, PartialEq)]
pub struct Ladder {
    /// Milliseconds and cumulative count.
    rungs: Vec<(f64, u64)>,
}

impl Ladder {
    /// Creates a ladder from a histogram of nanoseconds; returns `None` if it is empty.
    pub fn from_histogram(histogram: &Histogram<u64>) -> Option<Self> {
        Self::scaled(histogram, NANOS_PER_MS)
    }

    /// Creates a ladder whose values are those of a histogram divided by `unit`, in place of
    /// milliseconds; returns `None` if it is empty.
    pub fn scaled(histogram: &Histogram<u64>, unit: f64) -> Option<Self> {
        let mut below = 0;
        let rungs: Vec<(f64, u64)> = histogram
            .iter_recorded()
            .map(|v| {
                below += v.count_at_value();
                (v.value_iterated_to() as f64 / unit, below)
            })
            .collect();
        (!rungs.is_empty()).then_some(Self { rungs })
    }

    /// Returns the number of values.
    pub fn count(&self) -> u64 {
        self.rungs.last().map_or(0, |(_, count)| *count)
    }

    /// Returns the value in milliseconds that this share of all values does not exceed, by
    /// HdrHistogram's own rule.
    pub fn at(&self, quantile: f64) -> f64 {
        let wanted = ((quantile.clamp(0.0, 1.0) * self.count() as f64).ceil() as u64).max(1);
        let place = self.rungs.partition_point(|(_, below)| *below < wanted);
        self.rungs[place.min(self.rungs.len() - 1)].0
    }

    /// Returns the share of all values that do not exceed this one, in milliseconds.
    pub fn share(&self, ms: f64) -> f64 {
        let place = self.rungs.partition_point(|(value, _)| *value <= ms);
        place
            .checked_sub(1)
            .map_or(0.0, |last| self.rungs[last].1 as f64 / self.count() as f64)
    }

    /// Returns the values with their counts.
    pub fn values(&self) -> impl Iterator<Item = (f64, u64)> {
        let before = std::iter::once(0).chain(self.rungs.iter().map(|(_, below)| *below));
        self.rungs
            .iter()
            .zip(before)
            .map(|((ms, below), before)| (*ms, below - before))
    }

    /// Returns the lowest value.
    pub fn min(&self) -> f64 {
        self.rungs[0].0
    }

    /// Returns the highest value.
    pub fn max(&self) -> f64 {
        self.rungs[self.rungs.len() - 1].0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metrics::histogram;

    proptest! {
        #[test]
        fn says_what_the_histogram_says(values in prop::collection::vec(1_u64..10_000_000_000, 1..200), quantile in 0.0..=1.0_f64) {
            let mut whole = histogram::empty();
            values.iter().for_each(|v| whole.saturating_record(*v));
            let ladder = Ladder::from_histogram(&whole).expect("it has values");
            prop_assert_eq!(ladder.at(quantile), whole.value_at_quantile(quantile) as f64 / 1e6);
            prop_assert_eq!((ladder.count(), ladder.max()), (whole.len(), whole.max() as f64 / 1e6));
            prop_assert_eq!(ladder.values().map(|(_, n)| n).sum::<u64>(), whole.len());
            prop_assert!(ladder.share(ladder.at(quantile)) >= quantile - 1e-12);
        }
    }

    #[test]
    fn nothing_has_no_ladder() {
        assert_eq!(Ladder::from_histogram(&histogram::empty()), None);
    }
}
