//! [`StartPace`] and [`PaceTally`]: whether iterations started when the pace of their user said.

use serde::{Deserialize, Serialize};

/// Whether an iteration started when the pace of its virtual user said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartPace {
    /// Nothing said when: the load has no pace, or it is the first iteration of its user.
    #[default]
    Free,
    /// It did.
    Held,
    /// It started later, because its user was still busy with the previous one.
    Missed,
}

/// How many iterations started when the pace of their user said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaceTally {
    /// Iterations that did.
    pub held: u64,
    /// Iterations that started later, because their user was still busy with the previous one.
    pub missed: u64,
}

impl PaceTally {
    /// Counts an iteration.
    pub(super) fn count(&mut self, pace: StartPace) {
        match pace {
            StartPace::Free => {}
            StartPace::Held => self.held += 1,
            StartPace::Missed => self.missed += 1,
        }
    }

    /// Adds other counts.
    pub(super) const fn add(&mut self, other: Self) {
        self.held += other.held;
        self.missed += other.missed;
    }

    /// Returns whether no iteration had a pace.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
