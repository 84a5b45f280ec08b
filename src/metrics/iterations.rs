//! [`IterationFigures`]: the iterations of a part of the run, if requested.

use serde::{Deserialize, Serialize};

use super::{IterationSample, PaceTally, Stages, Tally, Track};
use crate::base::Nanos;

/// A part of a run with iterations of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IterationPart {
    /// The iterations of a mix entry.
    Mix(u32),
    /// The iterations planned in a stage of the load.
    Stage(usize),
}

impl IterationPart {
    /// Returns whether an iteration of this mix entry planned at `intended` belongs to the part.
    pub(super) fn holds(self, stages: &Stages, mix: u32, intended: Nanos) -> bool {
        match self {
            Self::Mix(own) => own == mix,
            Self::Stage(own) => stages.place(intended) == Some(own),
        }
    }
}

/// Counts and durations of a set of iterations.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct IterationFigures {
    /// The counts.
    pub tally: Tally,
    /// From the intended start to the end of the flow.
    #[serde(default, skip_serializing_if = "Track::is_empty")]
    pub durations: Track,
    /// How many started when the pace of their user said.
    #[serde(default, skip_serializing_if = "PaceTally::is_empty")]
    pub pace: PaceTally,
}

impl IterationFigures {
    /// Records one iteration.
    pub(super) fn record(&mut self, sample: &IterationSample) {
        self.tally.count(sample.outcome);
        self.pace.count(sample.pace);
        if sample.outcome.is_timed() {
            self.durations.record(sample.completed - sample.intended);
        }
    }

    /// Clears the figures and keeps the capacity.
    pub(super) fn clear(&mut self) {
        self.tally = Tally::default();
        self.durations.clear();
        self.pace = PaceTally::default();
    }

    /// Adds other figures.
    pub(super) fn add(&mut self, other: &Self) {
        self.tally.add(&other.tally);
        self.durations.add(&other.durations);
        self.pace.add(other.pace);
    }
}
