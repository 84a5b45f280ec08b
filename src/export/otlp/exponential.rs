//! An exponential histogram of OpenTelemetry, of one of loadgen's.
//!
//! Bucket `i` holds the values `v` with `base^i < v ≤ base^(i+1)`, where `base` is `2^(2^-scale)`
//! (OpenTelemetry, metrics data model, "ExponentialHistogram").

use hdrhistogram::Histogram;

/// The most buckets of a histogram, as the SDKs of OpenTelemetry have it.
const MAX_BUCKETS: i64 = 160;
/// The finest scale. Its buckets are half a percent wide; those of loadgen, a tenth.
const MAX_SCALE: i32 = 7;
/// Nanoseconds in a second, which is the unit of times there.
const SECOND: f64 = 1e9;

/// The buckets of a histogram, in seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Exponential {
    pub(super) scale: i32,
    /// The number of values that are zero.
    pub(super) zeros: u64,
    /// The index of the first bucket.
    pub(super) offset: i32,
    pub(super) counts: Vec<u64>,
}

impl Exponential {
    /// Converts a histogram of nanoseconds, at the finest scale at which it has few enough buckets.
    pub(super) fn from_nanos(of: &Histogram<u64>) -> Self {
        let values = || {
            of.iter_recorded()
                .map(|step| (step.value_iterated_to(), step.count_at_value()))
        };
        let zeros = values().filter(|(ns, _)| *ns == 0).map(|(_, n)| n).sum();
        let positive = || values().filter(|(ns, _)| *ns > 0);
        let (Some(first), Some(last)) = (positive().next(), positive().last()) else {
            return Self {
                zeros,
                ..Self::default()
            };
        };
        let index = |ns: u64, scale| bucket(seconds(ns), scale);
        let is_narrow = |scale: &i32| {
            i64::from(index(last.0, *scale)) - i64::from(index(first.0, *scale)) < MAX_BUCKETS
        };
        let scales = (0..=MAX_SCALE).rev();
        let scale = scales.into_iter().find(is_narrow).unwrap_or(0);
        let offset = index(first.0, scale);
        let mut counts = Vec::new();
        for (ns, count) in positive() {
            let place = (index(ns, scale) - offset) as usize;
            if counts.len() <= place {
                counts.resize(place + 1, 0);
            }
            counts[place] += count;
        }
        Self {
            scale,
            zeros,
            offset,
            counts,
        }
    }
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / SECOND
}

/// Returns the lower bound of a bucket, which belongs to the one below.
fn lower_bound(index: i32, scale: i32) -> f64 {
    (f64::from(index) / f64::from(1 << scale)).exp2()
}

/// Returns the index of the bucket of a positive value, at a scale that is not negative.
fn bucket(value: f64, scale: i32) -> i32 {
    let mut index = (value.log2() * f64::from(1 << scale)).ceil() as i32 - 1;
    // The logarithm may be off by its last digit, next to a bound.
    while lower_bound(index, scale) >= value {
        index -= 1;
    }
    while lower_bound(index + 1, scale) < value {
        index += 1;
    }
    index
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metrics::histogram;

    #[test]
    fn a_power_of_two_belongs_to_the_bucket_below_it() {
        for scale in 0..=MAX_SCALE {
            for power in -20..=20 {
                let (value, width) = (f64::from(power).exp2(), 1 << scale);
                assert_eq!(bucket(value, scale), power * width - 1, "{scale} {power}");
                assert_eq!(bucket(value * 1.000_001, scale), power * width);
            }
        }
    }

    #[test]
    fn a_narrow_histogram_is_fine_and_a_wide_one_has_few_buckets() {
        let of = |values: &[u64]| {
            let mut histogram = histogram::empty();
            values
                .iter()
                .for_each(|ns| histogram.record(*ns).expect("in its bounds"));
            Exponential::from_nanos(&histogram)
        };
        assert_eq!(of(&[]), Exponential::default());
        assert_eq!(of(&[1_000_000, 1_100_000]).scale, MAX_SCALE);
        let wide = of(&[1, 3_600_000_000_000]);
        assert!(
            wide.scale >= 1 && wide.counts.len() as i64 <= MAX_BUCKETS,
            "{wide:?}"
        );
    }

    proptest! {
        #[test]
        fn every_value_is_in_its_bucket(values in prop::collection::vec(
            (0_u32..42, 0_u64..1 << 42).prop_map(|(bits, ns)| ns >> bits), 1..200))
        {
            let mut histogram = histogram::empty();
            for ns in &values {
                histogram.record((*ns).min(3_600_000_000_000)).expect("in its bounds");
            }
            let made = Exponential::from_nanos(&histogram);
            prop_assert_eq!(made.counts.iter().sum::<u64>() + made.zeros, values.len() as u64);
            prop_assert!(made.counts.len() as i64 <= MAX_BUCKETS);
            // Counted by the definition, bucket by bucket.
            let recorded: Vec<(f64, u64)> = histogram
                .iter_recorded()
                .map(|step| (seconds(step.value_iterated_to()), step.count_at_value()))
                .collect();
            for (place, count) in made.counts.iter().enumerate() {
                let index = made.offset + place as i32;
                let (above, up_to) = (lower_bound(index, made.scale), lower_bound(index + 1, made.scale));
                let inside = recorded.iter().filter(|(value, _)| above < *value && *value <= up_to);
                prop_assert_eq!(inside.map(|(_, count)| count).sum::<u64>(), *count);
            }
            // What was recorded is within the precision of loadgen's histogram of its bucket.
            for ns in values.iter().map(|ns| (*ns).min(3_600_000_000_000)).filter(|ns| *ns > 0) {
                let known = histogram.highest_equivalent(ns);
                let place = bucket(seconds(known), made.scale) - made.offset;
                prop_assert!(made.counts[place as usize] > 0);
                prop_assert!(seconds(known) <= seconds(ns) * 1.001 + 1e-9);
            }
        }
    }
}
