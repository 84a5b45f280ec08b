//! [`Rate`]: events in a stretch of time, kept exact.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Nanos;

/// So many events in so much time, as two whole numbers, so that nothing is rounded before it has
/// to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Rate {
    /// How many events (at least 1, for a rate that is above zero).
    pub events: u64,
    /// In how many nanoseconds (at least 1).
    pub per: Nanos,
}

impl Rate {
    /// `events` in each second.
    pub const fn per_second(events: u64) -> Self {
        Self {
            events,
            per: Nanos::from_secs(1),
        }
    }

    /// Events a second, rounded to a real number.
    pub fn per_second_f64(self) -> f64 {
        self.events as f64 / self.per.as_secs_f64()
    }

    /// The planned time of event `k`, counted from zero: `⌊k · per / events⌋`.
    ///
    /// Computed from `k` in 128 bits each time, never by adding up a rounded period, so that the
    /// millionth event is as exact as the first.
    pub fn time_of(self, k: u64) -> Nanos {
        let ns = u128::from(k) * u128::from(self.per.0) / u128::from(self.events.max(1));
        Nanos(u64::try_from(ns).unwrap_or(u64::MAX))
    }

    /// How many events have a planned time before `t`.
    pub fn events_before(self, t: Nanos) -> u64 {
        // The smallest k with ⌊k·per/events⌋ ≥ t is ⌈t·events/per⌉.
        let k = (u128::from(t.0) * u128::from(self.events)).div_ceil(u128::from(self.per.0.max(1)));
        u64::try_from(k).unwrap_or(u64::MAX)
    }
}

/// As a scenario would write it.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.per.0 {
            1_000_000_000 => write!(f, "{}/s", self.events),
            60_000_000_000 => write!(f, "{}/min", self.events),
            3_600_000_000_000 => write!(f, "{}/h", self.events),
            _ => write!(f, "{}/{}", self.events, self.per),
        }
    }
}

/// In files a quantity stands as a scenario would write it; [`parse`](super::parse) reads it back.
impl From<Rate> for String {
    fn from(value: Rate) -> Self {
        value.to_string()
    }
}
