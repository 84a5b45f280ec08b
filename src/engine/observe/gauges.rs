//! [`Observations`]: what the observer saw of a run from outside, by stretches of time.

use std::collections::BTreeMap;

use crate::base::Nanos;
use crate::result::Resources;

/// Sums of the gauges in a stretch of time, to take means from.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Gauge {
    pub(super) looks: u64,
    pub(super) in_flight: u64,
    pub(super) active: u64,
    pub(super) waiting: u64,
    /// CPU time, and in `weighed` the time in which it was spent.
    pub(super) busy: Nanos,
    pub(super) weighed: Nanos,
    pub(super) rss_bytes: Option<u64>,
}

impl Gauge {
    /// Returns the mean number of busy processors, if it was sampled.
    pub(crate) fn cores(&self) -> Option<f64> {
        (self.weighed > Nanos::ZERO).then(|| self.busy.as_secs_f64() / self.weighed.as_secs_f64())
    }

    /// Returns the highest memory usage seen.
    pub(crate) const fn rss_bytes(&self) -> Option<u64> {
        self.rss_bytes
    }

    /// Returns the means of operations in flight, busy virtual users, and operations waiting for a
    /// limit.
    pub(crate) fn means(&self) -> Option<(f64, f64, f64)> {
        let n = self.looks as f64;
        (self.looks > 0).then(|| {
            (
                self.in_flight as f64 / n,
                self.active as f64 / n,
                self.waiting as f64 / n,
            )
        })
    }

    /// Adds another stretch.
    pub(crate) fn add(&mut self, other: &Self) {
        self.looks += other.looks;
        self.in_flight += other.in_flight;
        self.active += other.active;
        self.waiting += other.waiting;
        self.busy += other.busy;
        self.weighed += other.weighed;
        self.rss_bytes = self.rss_bytes.max(other.rss_bytes);
    }
}

/// What the observer has seen.
#[derive(Debug, Default)]
pub(crate) struct Observations {
    /// The gauges by stretches of `width`, counted from the epoch; beyond 4,096 stretches the width
    /// grows instead.
    pub gauges: BTreeMap<i64, Gauge>,
    /// The width of a stretch.
    pub width: Nanos,
    /// The resources used from the epoch to the end.
    pub resources: Resources,
}
