//! Which lag is too much, and how it is read from a sample.

use crate::metrics::Summary;
use crate::metrics::interval::at_least;
use crate::result::codec;

/// The smallest p99 of lag that makes a run invalid.
pub(super) const LAG_FLOOR_MS: f64 = 1.0;
/// The share of the median response time that the p99 of lag may reach.
pub(super) const LAG_SHARE: f64 = 0.05;
/// The share of the shortest time in a threshold that the p99 of lag may reach.
pub(super) const LAG_SHARE_OF_LIMIT: f64 = 0.10;

/// Returns the 99th percentile of a time in milliseconds, or what it reliably exceeds if its sample
/// is small.
pub(super) fn p99(summary: &Summary, histogram: &str) -> (f64, &'static str) {
    match (summary.ci95.get("p99"), codec::decode(histogram)) {
        (Some(None), Ok(histogram)) => (at_least(&histogram, 99.0) as f64 / 1e6, "at least "),
        _ => (summary.p99, ""),
    }
}
