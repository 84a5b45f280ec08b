//! [`GroupFigures`]: counts and times of a group of steps that is measured as a whole.

use serde::{Deserialize, Serialize};

use super::{Batches, Figures, GroupSample, Track};
use crate::base::Nanos;

/// The figures of one timed group.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct GroupFigures {
    /// The counts and the response times. A group has no other figures.
    pub figures: Figures,
    /// The pauses in each.
    #[serde(default, skip_serializing_if = "Track::is_empty")]
    pub think: Track,
}

impl GroupFigures {
    /// Creates empty figures.
    pub(super) fn new(batches: Batches) -> Self {
        Self {
            figures: Figures::default().in_batches(batches),
            think: Track::default(),
        }
    }

    /// Records one pass. A successful completion before `window_end` counts as throughput.
    pub(super) fn record(&mut self, sample: &GroupSample, window_end: Nanos) {
        self.figures.record_whole(sample, window_end);
        if sample.outcome.is_timed() {
            self.think.record(sample.think);
        }
    }

    /// Packs the histograms until they are needed again.
    pub(super) fn pack(&mut self) {
        self.figures.pack();
        self.think.pack();
    }

    /// Clears the figures and keeps the capacity.
    pub(super) fn clear(&mut self) {
        self.figures.clear();
        self.think.clear();
    }

    /// Adds the figures of another group.
    pub fn add(&mut self, other: &Self) {
        self.figures.add(&other.figures);
        self.think.add(&other.think);
    }

    /// Returns whether its times agree with their histograms; see [`Track::is_consistent`].
    pub(super) fn is_consistent(&self) -> bool {
        self.figures.is_consistent() && self.think.is_consistent()
    }
}
