//! [`Counts`]: how many of something ended in which way.

use serde::{Deserialize, Serialize};

/// Counts by outcome. Three identities always hold: `planned = started + dropped + skipped`,
/// `started = completed + cancelled + unfinished`, `completed = ok + failed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Due according to the plan.
    pub planned: u64,
    /// Started.
    pub started: u64,
    /// Completed, successfully or not.
    pub completed: u64,
    /// Succeeded.
    pub ok: u64,
    /// Failed.
    pub failed: u64,
    /// Refused by a full queue or limit.
    pub dropped: u64,
    /// Planned, but their iteration or group ended before they started.
    pub skipped: u64,
    /// Started, then cancelled because of a race's winner or a failed sibling.
    pub cancelled: u64,
    /// In flight when the drain ended.
    pub unfinished: u64,
    /// Tries after the first one.
    #[serde(default)]
    pub retries: u64,
}

impl Counts {
    /// Returns the outcomes, each with its name and count; their sum is `planned`.
    pub const fn by_outcome(&self) -> [(&'static str, u64); 6] {
        [
            ("ok", self.ok),
            ("failed", self.failed),
            ("dropped", self.dropped),
            ("skipped", self.skipped),
            ("cancelled", self.cancelled),
            ("unfinished", self.unfinished),
        ]
    }

    /// Returns whether the three identities hold.
    pub const fn hold(&self) -> bool {
        self.planned == self.started + self.dropped + self.skipped
            && self.started == self.completed + self.cancelled + self.unfinished
            && self.completed == self.ok + self.failed
    }

    /// Adds the counts of another part.
    pub const fn add(&mut self, other: &Self) {
        self.planned += other.planned;
        self.started += other.started;
        self.completed += other.completed;
        self.ok += other.ok;
        self.failed += other.failed;
        self.dropped += other.dropped;
        self.skipped += other.skipped;
        self.cancelled += other.cancelled;
        self.unfinished += other.unfinished;
        self.retries += other.retries;
    }
}
