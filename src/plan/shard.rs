//! [`Shard`]: which share of a run's work a process does.

use serde::{Deserialize, Serialize};

/// The iterations and virtual users whose number is `index` modulo `count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Its number, counted from 0.
    pub index: u32,
    /// The number of shards; at least 1.
    pub count: u32,
}

impl Shard {
    /// All of the work.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    /// Returns its `n`-th number, counted from 0.
    pub const fn nth(self, n: u64) -> u64 {
        n * self.count as u64 + self.index as u64
    }

    /// Returns how many of the numbers below `total` belong to it.
    pub const fn share_of(self, total: u64) -> u64 {
        let count = self.count as u64;
        total / count + ((self.index as u64) < total % count) as u64
    }
}

/// The place of a plan in the one that it is a slice of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// Its share.
    pub shard: Shard,
    /// The number of virtual users, or slots of the open model, of the whole.
    pub slots: u32,
    /// The fingerprint of the whole.
    pub fingerprint: String,
}
