//! Limits on concurrency and rate.

use serde::{Deserialize, Serialize};

use crate::base::Rate;

/// Limits of the whole run, a target or an operation, which count operations, or of a mix entry,
/// which count iterations. They apply to the whole run, regardless of mode and number of workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Maximum number in flight.
    pub concurrency: Option<u32>,
    /// Maximum rate of starts (token bucket).
    pub rate: Option<Rate>,
    /// Capacity of the token bucket, which starts full.
    pub burst: u32,
    /// Maximum number of waiters.
    pub queue: u32,
    /// What happens if the queue is full.
    pub on_full: OnFull,
}

/// What happens when the queue of a limit is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFull {
    /// Blocks the caller until the queue has room.
    #[default]
    Wait,
    /// Refuses the work and counts it as dropped.
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
    /// Returns whether nothing is limited.
    pub const fn is_empty(&self) -> bool {
        self.concurrency.is_none() && self.rate.is_none()
    }
}
