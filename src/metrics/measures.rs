//! [`MeasureFigures`]: the values of a figure that a scenario defines.

use serde::{Deserialize, Serialize};

use super::Track;
use crate::base::Nanos;

/// The values of one measure of an operation, in the integers that their unit is stored in; see
/// [`crate::plan::MeasureKind::stored_per_reported`].
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct MeasureFigures {
    /// The values; a track stores integers, whatever they stand for.
    #[serde(default, skip_serializing_if = "Track::is_empty")]
    pub values: Track,
    /// Successful responses whose value could not be read.
    pub unread: u64,
}

impl MeasureFigures {
    /// Records the value of one response, or that it could not be read.
    pub(super) fn record(&mut self, value: Option<u64>) {
        match value {
            Some(value) => self.values.record(Nanos(value)),
            None => self.unread += 1,
        }
    }

    /// Clears the figures and keeps the capacity.
    pub(super) fn clear(&mut self) {
        self.values.clear();
        self.unread = 0;
    }

    /// Adds the values of others.
    pub fn add(&mut self, other: &Self) {
        self.values.add(&other.values);
        self.unread += other.unread;
    }
}
