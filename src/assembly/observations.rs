//! [`Observations`]: what the observer saw of a process from outside, by stretches of time.

use std::collections::BTreeMap;
use std::thread;

use serde::{Deserialize, Serialize};

use crate::base::Nanos;
use crate::metrics::{cgroup, exact};
use crate::result::{LimitPeak, Lookups, Resources};

/// Sums of the gauges in a stretch of time, to take means from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Gauge {
    /// The number of times that somebody looked.
    pub looks: u64,
    /// Operations in flight.
    pub in_flight: u64,
    /// Busy virtual users.
    pub active: u64,
    /// Operations waiting for a limit.
    pub waiting: u64,
    /// CPU time.
    #[serde(with = "exact::ns")]
    pub busy: Nanos,
    /// The time in which that was spent.
    #[serde(with = "exact::ns")]
    pub weighed: Nanos,
    /// The highest memory usage seen.
    pub rss_bytes: Option<u64>,
}

impl Gauge {
    /// Returns the mean number of busy processors, if it was sampled.
    pub fn cores(&self) -> Option<f64> {
        (self.weighed > Nanos::ZERO).then(|| self.busy.as_secs_f64() / self.weighed.as_secs_f64())
    }

    /// Returns the highest memory usage seen.
    pub const fn rss_bytes(&self) -> Option<u64> {
        self.rss_bytes
    }

    /// Returns the mean number of operations in flight.
    pub fn in_flight(&self) -> Option<f64> {
        self.mean(self.in_flight)
    }

    /// Returns the mean number of busy virtual users.
    pub fn active(&self) -> Option<f64> {
        self.mean(self.active)
    }

    /// Returns the mean number of operations waiting for a limit.
    pub fn waiting(&self) -> Option<f64> {
        self.mean(self.waiting)
    }

    fn mean(&self, sum: u64) -> Option<f64> {
        (self.looks > 0).then(|| sum as f64 / self.looks as f64)
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

/// The machine that a process runs on, as far as it limits it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The number of its processors.
    pub processors: u32,
    /// The processors' worth of time that control groups allow, if they limit it.
    pub quota: Option<f64>,
}

impl Machine {
    /// Returns the machine of this process.
    pub fn here() -> Self {
        Self {
            processors: thread::available_parallelism().map_or(1, |n| n.get() as u32),
            quota: cgroup::quota(),
        }
    }

    /// Returns the processors' worth of time that a process may use.
    pub fn allowed(self) -> f64 {
        let all = f64::from(self.processors.max(1));
        self.quota.map_or(all, |quota| quota.min(all))
    }
}

/// What was seen from outside of a process that ran workers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Observations {
    /// The number of its shard, counted from 0, if there are several.
    pub shard: u32,
    /// The machine that it ran on.
    pub machine: Machine,
    /// The number of threads that ran workers.
    pub workers: u32,
    /// The time of day at the epoch by the clock of the machine, in nanoseconds since 1970; unknown
    /// in virtual time.
    pub epoch: Option<u64>,
    /// Whether an arrival of the open model had to wait because every slot was busy.
    pub waited_for_slot: bool,
    /// How long it ran, from the epoch.
    #[serde(with = "exact::ns")]
    pub wall: Nanos,
    /// The gauges by stretches of `width`, counted from the epoch; beyond 4,096 stretches the width
    /// grows instead.
    pub gauges: BTreeMap<i64, Gauge>,
    /// The width of a stretch.
    #[serde(with = "exact::ns")]
    pub width: Nanos,
    /// The resources used from the epoch to the end.
    pub resources: Resources,
    /// How busy its limits were.
    pub limits: Vec<LimitPeak>,
    /// How names were looked up while it ran.
    #[serde(default)]
    pub lookups: Vec<Lookups>,
}

impl Observations {
    /// Returns the observations with the gauges of each of these windows together.
    #[must_use]
    pub fn in_windows(&self, indices: &[i64], width: Nanos) -> Self {
        let gauges = indices
            .iter()
            .map(|index| (*index, self.during(*index, width)))
            .filter(|(_, gauge)| *gauge != Gauge::default());
        let gauges: BTreeMap<i64, Gauge> = gauges.collect();
        Self {
            width: if gauges.is_empty() {
                Nanos::ZERO
            } else {
                width
            },
            gauges,
            ..self.clone()
        }
    }

    /// Returns the largest of all counts; bytes are taken in kilobytes.
    pub fn largest_count(&self) -> u64 {
        let gauges = self.gauges.values().flat_map(|gauge| {
            let rss = gauge.rss_bytes.unwrap_or(0) >> 10;
            [
                gauge.looks,
                gauge.in_flight,
                gauge.active,
                gauge.waiting,
                rss,
            ]
        });
        let limits = self
            .limits
            .iter()
            .flat_map(|limit| [limit.peak_in_flight, limit.peak_queue, limit.dropped]);
        let lookups = self
            .lookups
            .iter()
            .flat_map(|lookups| [lookups.made, lookups.failed, lookups.changes]);
        let resources = &self.resources;
        let resources = [
            resources.peak_rss_bytes.map(|bytes| bytes >> 10),
            resources.threads_peak,
            resources.ctx_voluntary,
            resources.ctx_involuntary,
            // A width beyond that is longer than four hours.
            Some(self.width.0),
        ];
        gauges
            .chain(limits)
            .chain(lookups)
            .chain(resources.into_iter().flatten())
            .max()
            .unwrap_or(0)
    }

    /// Returns the gauges of a window of the time line; one narrower than a stretch has those of
    /// the stretch that it begins in.
    pub fn during(&self, index: i64, width: Nanos) -> Gauge {
        let mut gauge = Gauge::default();
        if self.width > Nanos::ZERO {
            let stretch = |edge: i64| (edge * width.0 as i64).div_euclid(self.width.0 as i64);
            let range = stretch(index)..stretch(index + 1).max(stretch(index) + 1);
            self.gauges.range(range).for_each(|(_, g)| gauge.add(g));
        }
        gauge
    }
}
