//! [`Tally`]: counts by outcome.

use serde::{Deserialize, Serialize};

use crate::metrics::{FailureKind, Outcome, exact};

/// Counts of operations or iterations by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Due according to the plan.
    pub planned: u64,
    /// Started.
    pub started: u64,
    /// Succeeded.
    pub ok: u64,
    /// Failed, by kind.
    #[serde(with = "exact::by_kind")]
    pub failed: [u64; FailureKind::COUNT],
    /// Refused by a full limit.
    pub dropped: u64,
    /// Planned and never started.
    pub skipped: u64,
    /// Started and then cancelled.
    pub cancelled: u64,
    /// Started and never completed.
    pub unfinished: u64,
}

impl Tally {
    pub(crate) fn count(&mut self, outcome: Outcome) {
        self.planned += 1;
        self.started += u64::from(!matches!(outcome, Outcome::Skipped | Outcome::Dropped));
        match outcome {
            Outcome::Ok => self.ok += 1,
            Outcome::Dropped => self.dropped += 1,
            Outcome::Cancelled => self.cancelled += 1,
            Outcome::Failed(kind) => self.failed[kind as usize] += 1,
            Outcome::Skipped => self.skipped += 1,
            Outcome::Unfinished => self.unfinished += 1,
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.planned += other.planned;
        self.started += other.started;
        self.ok += other.ok;
        self.dropped += other.dropped;
        self.skipped += other.skipped;
        self.cancelled += other.cancelled;
        self.unfinished += other.unfinished;
        for (a, b) in self.failed.iter_mut().zip(other.failed) {
            *a += b;
        }
    }

    /// Returns the failures of all kinds.
    pub fn failures(&self) -> u64 {
        self.failed.iter().sum()
    }

    /// Returns the number of those that completed.
    pub fn completed(&self) -> u64 {
        self.ok + self.failures()
    }

    /// Returns the number of those that completed and have times: requests that could not be made
    /// do not.
    pub fn timed(&self) -> u64 {
        self.completed() - self.failed[FailureKind::Data as usize]
    }
}
