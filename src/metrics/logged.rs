//! [`LoggedFigures`]: what a replayed log says of the requests that were sent.

use serde::{Deserialize, Serialize};

use super::{StatusCounts, Track};
use crate::base::Nanos;

/// What a log says of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoggedSample {
    /// The status of its response; 0 if it is not logged.
    pub status: u16,
    /// How long it took, if that is logged.
    pub duration: Option<Nanos>,
}

/// What a log says of a set of requests.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LoggedFigures {
    /// Responses by status.
    pub statuses: StatusCounts,
    /// How long the requests took.
    #[serde(default, skip_serializing_if = "Track::is_empty")]
    pub duration: Track,
}

impl LoggedFigures {
    /// Records one request.
    pub(super) fn record(&mut self, sample: &LoggedSample) {
        self.statuses.count(sample.status);
        if let Some(duration) = sample.duration {
            self.duration.record(duration);
        }
    }

    /// Adds the figures of other requests.
    pub(super) fn add(&mut self, other: &Self) {
        self.statuses.add(&other.statuses);
        self.duration.add(&other.duration);
    }

    /// Returns the largest of all counts.
    pub(super) fn largest_count(&self) -> u64 {
        let of_statuses = self.statuses.iter().map(|(_, n)| n);
        let all = of_statuses.chain([self.duration.count()]);
        all.max().unwrap_or(0)
    }
}
