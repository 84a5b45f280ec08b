//! [`Observations`]: what the observer saw of a run from outside, by stretches of time.

use std::collections::BTreeMap;

use crate::base::Nanos;
use crate::result::Resources;

/// Means of the gauges in a stretch of time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gauge {
    pub(super) looks: u64,
    pub(super) in_flight: u64,
    pub(super) active: u64,
    pub(super) waiting: u64,
    /// Processor time, and the time in which it was spent.
    pub(super) busy: Nanos,
    pub(super) weighed: Nanos,
    pub(super) rss_bytes: Option<u64>,
}

impl Gauge {
    /// Processors kept busy in the mean, where somebody looked.
    pub fn cores(&self) -> Option<f64> {
        (self.weighed > Nanos::ZERO).then(|| self.busy.as_secs_f64() / self.weighed.as_secs_f64())
    }

    /// The most memory that was seen.
    pub const fn rss_bytes(&self) -> Option<u64> {
        self.rss_bytes
    }

    /// Mean of operations in flight, of busy virtual users, and of operations that wait for the
    /// limit.
    pub fn means(&self) -> Option<(f64, f64, f64)> {
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
    pub fn add(&mut self, other: &Self) {
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
pub struct Observations {
    /// Gauges by stretches of `width`, counted from the epoch; at most 4,096, which grow wider
    /// instead.
    pub gauges: BTreeMap<i64, Gauge>,
    /// The width of those stretches.
    pub width: Nanos,
    /// What the run cost, from the epoch to its end.
    pub resources: Resources,
}
