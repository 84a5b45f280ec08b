//! [`PERCENTILES`]: the points of a distribution that loadgen reports.

/// The percentiles in every summary, with their names in results.
pub(crate) const PERCENTILES: [(&str, f64); 7] = [
    ("p50", 50.0),
    ("p75", 75.0),
    ("p90", 90.0),
    ("p95", 95.0),
    ("p99", 99.0),
    ("p999", 99.9),
    ("p9999", 99.99),
];
