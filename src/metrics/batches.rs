//! [`Batches`]: the response times of some operations in batches by time, from which the
//! correlation of successive operations is estimated.
//!
//! The time line of a run ([`super::Windows`]) covers all operations together. The correlation of a
//! mixture says nothing about its parts: if a fast and a slow step alternate, the median of both
//! lies between them. So if there are several steps, each has batches of its own, as a small table
//! with a row for each bucket that has values and a column for each batch.

use serde::{Deserialize, Serialize};

use super::exact;
use super::interval::{Inflation, factor};
use super::percentiles::PERCENTILES;
use crate::base::Nanos;

/// The maximum number of batches. Beyond it, each becomes twice as long; longer batches capture
/// longer correlations.
const MAX_BATCHES: usize = 32;
/// The number of buckets per power of two, as a power of two itself: they are 3 % wide. They need
/// not be finer, because the correlation at neighbouring values is the same.
const BUCKET_BITS: u32 = 5;

/// Response times in batches, for [`Inflation`]. Its size depends on the spread of the times and
/// not on their number: an octave takes 4 KB.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Batches {
    #[serde(with = "exact::ns")]
    epoch: Nanos,
    #[serde(with = "exact::ns")]
    width: Nanos,
    /// The buckets that have values, in ascending order.
    buckets: Vec<u16>,
    /// For each bucket, the number of its values in each batch.
    counts: Vec<[u32; MAX_BATCHES]>,
}

impl Batches {
    /// Creates empty batches; the first one begins at `epoch`, and each is initially `width` long.
    pub fn new(epoch: Nanos, width: Nanos) -> Self {
        Self {
            epoch,
            width: Nanos(width.0.max(1)),
            buckets: Vec::new(),
            counts: Vec::new(),
        }
    }

    /// Records the response time of an operation that was planned at `intended`.
    pub fn record(&mut self, intended: Nanos, response: Nanos) {
        let since = intended.0.saturating_sub(self.epoch.0);
        let mut batch = since / self.width.0;
        while batch >= MAX_BATCHES as u64 {
            self.widen();
            batch = since / self.width.0;
        }
        let row = self.row(bucket(response.0));
        let count = &mut self.counts[row][batch as usize];
        *count = count.saturating_add(1);
    }

    /// Returns the row of a bucket, creating it if necessary.
    fn row(&mut self, bucket: u16) -> usize {
        self.buckets.binary_search(&bucket).unwrap_or_else(|row| {
            self.buckets.insert(row, bucket);
            self.counts.insert(row, [0; MAX_BATCHES]);
            row
        })
    }

    /// Doubles the length of every batch.
    fn widen(&mut self) {
        self.width = Nanos(self.width.0.saturating_mul(2));
        for row in &mut self.counts {
            let mut wide = [0; MAX_BATCHES];
            for (batch, count) in row.iter().enumerate() {
                wide[batch / 2] = count.saturating_add(wide[batch / 2]);
            }
            *row = wide;
        }
    }

    /// Returns whether these are batches of the same run as `other`, which are empty.
    pub(super) fn fits(&self, other: &Self) -> bool {
        self.epoch == other.epoch
            && is_doubled(self.width, other.width)
            && self.buckets.len() == self.counts.len()
            && self.buckets.is_sorted_by(|a, b| a < b)
    }

    /// Clears the values and keeps the capacity.
    pub fn clear(&mut self) {
        self.buckets.clear();
        self.counts.clear();
    }

    /// Adds other operations of the same run.
    pub fn add(&mut self, other: &Self) {
        let mut other = other.clone();
        while self.width < other.width {
            self.widen();
        }
        while other.width < self.width {
            other.widen();
        }
        for (bucket, counts) in other.buckets.iter().zip(&other.counts) {
            let row = self.row(*bucket);
            for (mine, theirs) in self.counts[row].iter_mut().zip(counts) {
                *mine = mine.saturating_add(*theirs);
            }
        }
    }

    /// Returns how much wider the intervals of these operations are than those of independent ones.
    pub fn inflation(&self) -> Inflation {
        let mut sizes = [0; MAX_BATCHES];
        self.counts
            .iter()
            .for_each(|row| accumulate(&mut sizes, row));
        let n: u64 = sizes.iter().sum();
        // From the slowest bucket down: the values above the lower end of each row.
        let mut above = [0; MAX_BATCHES];
        let mut best = PERCENTILES.map(|_| (f64::INFINITY, 1.0));
        for row in self.counts.iter().skip(1).rev() {
            accumulate(&mut above, row);
            let share = above.iter().sum::<u64>() as f64 / n as f64;
            let mut own = None;
            for ((distance, found), (_, percentile)) in best.iter_mut().zip(PERCENTILES) {
                // Compares odds and not differences: a share near p99.9 is not near p99.99.
                let away = (odds(share) - odds(1.0 - percentile / 100.0)).abs();
                if away < *distance {
                    *distance = away;
                    *found = *own.get_or_insert_with(|| {
                        factor(
                            sizes
                                .iter()
                                .zip(above)
                                .map(|(size, above)| (*size as f64, above as f64)),
                        )
                    });
                }
            }
        }
        Inflation::new(
            sizes.iter().filter(|size| **size > 0).count(),
            best.map(|(_, factor)| factor),
        )
    }
}

/// Returns whether a width is another one, doubled any number of times.
pub(super) const fn is_doubled(width: Nanos, narrow: Nanos) -> bool {
    narrow.0 > 0
        && width.0.is_multiple_of(narrow.0)
        && (width.0 / narrow.0).is_power_of_two()
        && width.0 <= i64::MAX as u64
}

fn accumulate(sums: &mut [u64; MAX_BATCHES], counts: &[u32; MAX_BATCHES]) {
    sums.iter_mut()
        .zip(counts)
        .for_each(|(sum, count)| *sum += u64::from(*count));
}

fn odds(share: f64) -> f64 {
    (share / (1.0 - share)).ln()
}

/// Returns the bucket of a value: 2^[`BUCKET_BITS`] for each power of two.
const fn bucket(value: u64) -> u16 {
    let shift = (u64::BITS - 1 - BUCKET_BITS).saturating_sub((value | 1).leading_zeros());
    ((shift as u64) << BUCKET_BITS) as u16 + (value >> shift) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng as _;
    use rand_pcg::Pcg64Mcg;

    use crate::metrics::Track;
    use crate::metrics::fixture::series;

    const EPOCH: Nanos = Nanos::from_secs(1);
    const WIDTH: Nanos = Nanos::from_millis(10);
    /// The logarithms of the values are normal: their median is 1 ms, and this is their p99.
    const MEDIAN: f64 = 1e6;
    const P99: f64 = 10.240_473e6;

    /// The time of a value: one per millisecond.
    fn at(number: usize) -> Nanos {
        EPOCH + Nanos::from_millis(number as u64)
    }

    fn batches_of(values: impl IntoIterator<Item = (usize, u64)>) -> (Batches, Track) {
        let (mut batches, mut track) = (Batches::new(EPOCH, WIDTH), Track::default());
        for (number, value) in values {
            batches.record(at(number), Nanos(value));
            track.record(Nanos(value));
        }
        (batches, track)
    }

    /// Counts how often the intervals of the median and of p99 contain the true value.
    fn covered(track: &Track, inflation: &Inflation, hits: &mut [f64; 2], trials: u32) {
        let summary = track.summary(inflation).expect("values");
        for ((name, truth), hits) in [("p50", MEDIAN), ("p99", P99)].into_iter().zip(hits) {
            let [low, high] =
                summary.ci95[name].unwrap_or_else(|| panic!("{name} of {}", summary.count));
            let held = (low..=high).contains(&(truth / 1e6));
            *hits += f64::from(u8::from(held)) / f64::from(trials);
        }
    }

    #[test]
    fn intervals_cover_the_truth_as_often_as_they_say_whatever_the_dependence() {
        const TRIALS: u32 = 200;
        let mut generator = Pcg64Mcg::seed_from_u64(11);
        for correlation in [0.0, 0.9] {
            let (mut own, mut thin, mut naive) = ([0.0; 2], [0.0; 2], [0.0; 2]);
            for _ in 0..TRIALS {
                let values = series(correlation, 16_000, &mut generator);
                let (batches, track) = batches_of(values.iter().copied().enumerate());
                covered(&track, &batches.inflation(), &mut own, TRIALS);
                covered(&track, &Inflation::NONE, &mut naive, TRIALS);
                // A random fifth of them, with the remaining part of the inflation of all.
                let some: Vec<(usize, u64)> = values
                    .into_iter()
                    .enumerate()
                    .filter(|_| generator.random_bool(0.2))
                    .collect();
                let (_, track) = batches_of(some);
                covered(&track, &batches.inflation().thinned(0.2), &mut thin, TRIALS);
            }
            assert!(
                own.iter()
                    .chain(&thin)
                    .all(|share| (0.92..=0.985).contains(share)),
                "{correlation}: {own:?} {thin:?}"
            );
            assert_eq!(
                naive[0] < 0.75,
                correlation > 0.5,
                "{correlation}: {naive:?}"
            );
        }
    }

    #[test]
    fn a_step_has_the_dependence_of_its_own() {
        // A slow drift of one step, over three decades, says nothing about the other.
        let drift = |number: usize| (1e6 * (number as f64 / 1300.0).sin().exp2().powi(5)) as u64;
        let (drifting, _) = batches_of((0..16_000).map(|number| (number, drift(number))));
        let mut generator = Pcg64Mcg::seed_from_u64(3);
        let rare = |number: usize| (number * 420, 0);
        let steady: Vec<(usize, u64)> = (0..38)
            .map(rare)
            .map(|(number, _)| (number, generator.random_range(21_000_000..23_000_000)))
            .collect();
        let (batches, track) = batches_of(steady);
        let median = |inflation: &Inflation| track.summary(inflation).expect("values").ci95["p50"];
        assert_eq!(
            median(&drifting.inflation()),
            None,
            "all of 38 samples lie within so wide an interval"
        );
        let [low, high] = median(&batches.inflation())
            .expect("38 independent samples have an interval of the median");
        assert!(
            (21.0..22.0).contains(&low) && (22.0..=23.0).contains(&high),
            "{low} {high}"
        );
    }

    #[test]
    fn few_batches_tell_nothing() {
        let (batches, _) = batches_of([(0, 5), (1, 7), (15, 9)]);
        assert_eq!(batches.inflation(), Inflation::NONE);
        assert_eq!(batches_of([]).0.inflation(), Inflation::NONE);
    }

    #[test]
    fn buckets_are_in_order_and_within_three_percent() {
        let mut last = 0;
        for value in (0..10_000).chain((14..52).map(|bits| 1 << bits)) {
            let bucket = bucket(value);
            assert!(
                bucket >= last && (value > 10_000 || bucket <= last + 1),
                "{value}"
            );
            last = bucket;
        }
        assert_eq!(bucket(1 << 20) + (1 << BUCKET_BITS), bucket(1 << 21));
    }

    proptest! {
        #[test]
        fn adding_equals_recording_everything_in_one(
            a in prop::collection::vec((0usize..1 << 16, 0u64..1 << 42), 0..60),
            b in prop::collection::vec((0usize..1 << 9, 0u64..1 << 42), 0..60),
        ) {
            let whole = batches_of(a.iter().chain(&b).copied()).0;
            for (first, second) in [(&a, &b), (&b, &a)] {
                let mut sum = batches_of(first.iter().copied()).0;
                sum.add(&batches_of(second.iter().copied()).0);
                prop_assert_eq!(&sum.buckets, &whole.buckets);
                prop_assert_eq!(&sum.counts, &whole.counts);
                prop_assert_eq!(sum.inflation(), whole.inflation());
            }
        }
    }
}
