//! [`Summary`]: what is shown of a histogram.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// The percentiles that every summary carries, with their names in results.
pub const PERCENTILES: [(&str, f64); 7] =
    [("p50", 50.0), ("p75", 75.0), ("p90", 90.0), ("p95", 95.0), ("p99", 99.0), ("p999", 99.9), ("p9999", 99.99)];

/// Times in milliseconds. `min`, `mean`, `sd` and `max` are exact; percentiles are the histogram's, within
/// its three significant digits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// How many samples.
    pub count: u64,
    /// The shortest.
    pub min: f64,
    /// The mean.
    pub mean: f64,
    /// The standard deviation of the samples themselves (divided by n).
    pub sd: f64,
    /// The longest.
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
    /// 95 % intervals of the percentiles above, by their names; null where the sample can't carry one.
    #[serde(default)]
    pub ci95: BTreeMap<String, Option<[f64; 2]>>,
}

/// The value at a percentile of a histogram of nanoseconds, in milliseconds.
///
/// `percentile` is from 0 to 100. HdrHistogram answers with the highest value equivalent to the one
/// recorded; it is held to `max`, so that no percentile is above the exact maximum.
pub fn percentile_ms(histogram: &Histogram<u64>, percentile: f64, max_ms: f64) -> f64 {
    (histogram.value_at_percentile(percentile) as f64 / 1e6).min(max_ms)
}
