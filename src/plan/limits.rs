//! Caps: how many at once, and how often.

use serde::{Deserialize, Serialize};

use crate::base::Rate;

/// Caps of the whole run, a target, an operation (these count operations) or a mix entry (this
/// counts iterations). They hold for the whole run, whatever the mode and the number of workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// At most this many in flight.
    pub concurrency: Option<u32>,
    /// At most this many starts in a stretch of time (token bucket).
    pub rate: Option<Rate>,
    /// How many tokens the bucket holds; it starts full.
    pub burst: u32,
    /// How many may wait.
    pub queue: u32,
    /// What happens to one more.
    pub on_full: OnFull,
}

/// What happens when the queue of a limit is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFull {
    /// It holds back whoever asks until the queue has room.
    #[default]
    Wait,
    /// It is refused, and counted as dropped.
    Drop,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrency: None,
            rate: None,
            burst: 1,
            queue: 0,
            on_full: OnFull::Wait,
        }
    }
}

impl Limits {
    /// Whether nothing is limited.
    pub const fn is_empty(&self) -> bool {
        self.concurrency.is_none() && self.rate.is_none()
    }
}
