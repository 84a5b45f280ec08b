//! [`Summary`]: the reported statistics of a histogram.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::interval::{Inflation, intervals, is_enough};
use super::percentiles::PERCENTILES;

/// The nanoseconds of a millisecond.
pub const NANOS_PER_MS: f64 = 1e6;

/// Times in milliseconds, or other values in a unit of their own. `min`, `mean`, `sd` and `max` are
/// exact; percentiles are the histogram's, within its three significant digits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The number of samples.
    pub count: u64,
    /// The minimum.
    pub min: f64,
    /// The mean.
    pub mean: f64,
    /// The standard deviation of the samples themselves (divided by n).
    pub sd: f64,
    /// The maximum.
    pub max: f64,
    /// The median.
    pub p50: f64,
    /// The third quartile.
    pub p75: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// 99.9th percentile.
    pub p999: f64,
    /// 99.99th percentile.
    pub p9999: f64,
    /// The 95 % intervals of the percentiles above, by their names; null if the samples do not
    /// support one.
    #[serde(default)]
    pub ci95: BTreeMap<String, Option<[f64; 2]>>,
    /// The percentiles that the scenario asks for, by names such as `p99.5`; null for those that
    /// there are too few samples for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub percentiles: BTreeMap<String, Option<f64>>,
}

/// The exact statistics of a set of values, in the unit of their summary.
#[derive(Clone, Copy, Debug)]
pub struct Moments {
    /// The number of values.
    pub count: u64,
    /// The minimum.
    pub min: f64,
    /// The mean.
    pub mean: f64,
    /// The standard deviation.
    pub sd: f64,
    /// The maximum.
    pub max: f64,
}

impl Summary {
    /// Summarizes values with these moments and this histogram, whose unit the moments' is `per`
    /// times: [`NANOS_PER_MS`] for times.
    pub fn new(
        moments: Moments,
        histogram: &Histogram<u64>,
        inflation: &Inflation,
        per: f64,
    ) -> Self {
        let Moments {
            count,
            min,
            mean,
            sd,
            max,
        } = moments;
        let at = |p: f64| percentile_in(histogram, p, max, per);
        Self {
            count,
            min,
            mean,
            sd,
            max,
            p50: at(50.0),
            p75: at(75.0),
            p90: at(90.0),
            p95: at(95.0),
            p99: at(99.0),
            p999: at(99.9),
            p9999: at(99.99),
            ci95: PERCENTILES
                .iter()
                .zip(intervals(histogram, inflation))
                // Like the percentiles, they are clamped to the exact extremes.
                .map(|((name, _), ends)| {
                    (
                        (*name).to_owned(),
                        ends.map(|ends| ends.map(|end| (end as f64 / per).clamp(min, max))),
                    )
                })
                .collect(),
            percentiles: BTreeMap::new(),
        }
    }

    /// Adds more percentiles by their names, from the histogram of these values.
    pub(crate) fn add(
        &mut self,
        percentiles: impl IntoIterator<Item = (String, f64)>,
        histogram: &Histogram<u64>,
        per: f64,
    ) {
        for (name, percentile) in percentiles {
            // Any sample has a median.
            let is_known = percentile == 50.0 || is_enough(self.count, percentile);
            let value = is_known.then(|| percentile_in(histogram, percentile, self.max, per));
            self.percentiles.insert(name, value);
        }
    }
}

impl Summary {
    /// Returns whether these samples are too correlated to support an interval of a percentile that
    /// as many independent ones would support. A percentile without a name is judged by the next
    /// one further out.
    pub fn depends_too_much(&self, percentile: f64) -> bool {
        let outward = percentile.max(100.0 - percentile);
        let (name, next) = PERCENTILES
            .iter()
            .find(|(_, known)| *known >= outward)
            .unwrap_or(&PERCENTILES[PERCENTILES.len() - 1]);
        percentile < 100.0
            && matches!(self.ci95.get(*name), Some(None))
            && is_enough(self.count, *next)
    }
}

/// Returns the value at a percentile of a histogram of nanoseconds, in milliseconds.
///
/// `percentile` is from 0 to 100. HdrHistogram returns the highest value equivalent to the recorded
/// one; it is clamped to `max`, so that no percentile exceeds the exact maximum.
pub fn percentile_ms(histogram: &Histogram<u64>, percentile: f64, max_ms: f64) -> f64 {
    percentile_in(histogram, percentile, max_ms, NANOS_PER_MS)
}

/// Like [`percentile_ms`], in a unit that is `per` times the histogram's.
pub fn percentile_in(histogram: &Histogram<u64>, percentile: f64, max: f64, per: f64) -> f64 {
    (histogram.value_at_percentile(percentile) as f64 / per).min(max)
}

/// Summarizes several parts whose histograms add up to `whole`. Moments are as exact as those of
/// the parts; returns `None` if there are no samples.
pub fn merged(
    parts: &[&Summary],
    whole: &Histogram<u64>,
    inflation: &Inflation,
) -> Option<Summary> {
    let count: u64 = parts.iter().map(|p| p.count).sum();
    if count == 0 {
        return None;
    }
    let n = count as f64;
    let weighted = |value: fn(&Summary) -> f64| {
        parts.iter().map(|p| value(p) * p.count as f64).sum::<f64>() / n
    };
    let mean = weighted(|p| p.mean);
    // Var = mean of the parts' variances + variance of their means.
    let variance = parts
        .iter()
        .map(|p| (p.sd.powi(2) + (p.mean - mean).powi(2)) * p.count as f64)
        .sum::<f64>()
        / n;
    let max = parts
        .iter()
        .map(|p| p.max)
        .fold(f64::NEG_INFINITY, f64::max);
    let min = parts.iter().map(|p| p.min).fold(f64::INFINITY, f64::min);
    let moments = Moments {
        count,
        min,
        mean,
        sd: variance.sqrt(),
        max,
    };
    Some(Summary::new(moments, whole, inflation, NANOS_PER_MS))
}

#[cfg(test)]
mod tests {
    use super::super::histogram;
    use super::*;

    #[test]
    fn what_dependence_takes_from_a_sample_is_told_from_what_its_size_does() {
        let of = |n: u64, without: &[&str]| {
            let mut histogram = histogram::empty();
            (1..=n).for_each(|value| histogram.saturating_record(value * 1000));
            let moments = Moments {
                count: n,
                min: 0.001,
                mean: 1.0,
                sd: 1.0,
                max: n as f64 / 1e3,
            };
            let mut summary = Summary::new(moments, &histogram, &Inflation::NONE, NANOS_PER_MS);
            summary
                .ci95
                .extend(without.iter().map(|name| ((*name).to_owned(), None)));
            summary
        };
        let depends = |summary: &Summary| {
            [50.0, 95.0, 97.0, 99.0, 99.5, 3.0, 100.0]
                .map(|percentile| summary.depends_too_much(percentile))
        };
        assert_eq!(depends(&of(10_000, &[])), [false; 7]);
        assert_eq!(
            depends(&of(10_000, &["p99", "p999"])),
            [false, false, true, true, true, true, false]
        );
        assert_eq!(
            depends(&of(200, &[])),
            [false; 7],
            "there are too few for p99, however independent"
        );
    }
}
