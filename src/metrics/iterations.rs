//! [`IterationFigures`]: the iterations of a part of the run, where they are asked for.

use super::{IterationSample, Stages, Tally, Track};
use crate::base::Nanos;

/// A part of a run that has iterations of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IterationPart {
    /// Those of a mix entry.
    Mix(u32),
    /// Those that are planned in a stage of the load.
    Stage(usize),
}

impl IterationPart {
    /// Whether an iteration of this mix entry that is planned at this moment belongs to it.
    pub(super) fn holds(self, stages: &Stages, mix: u32, intended: Nanos) -> bool {
        match self {
            Self::Mix(own) => own == mix,
            Self::Stage(own) => stages.place(intended) == Some(own),
        }
    }
}

/// Counts and durations of some iterations.
#[derive(Clone, Debug, Default)]
pub struct IterationFigures {
    /// Counts.
    pub tally: Tally,
    /// intended → the end of the flow.
    pub durations: Track,
}

impl IterationFigures {
    /// Takes one iteration.
    pub(super) fn record(&mut self, sample: &IterationSample) {
        self.tally.count(sample.outcome);
        if sample.outcome.is_timed() {
            self.durations.record(sample.completed - sample.intended);
        }
    }

    /// Forgets what they hold and keeps the room.
    pub(super) fn clear(&mut self) {
        self.tally = Tally::default();
        self.durations.clear();
    }

    /// Adds others.
    pub(super) fn add(&mut self, other: &Self) {
        self.tally.add(&other.tally);
        self.durations.add(&other.durations);
    }
}
