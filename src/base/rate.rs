//! [`Rate`]: an exact number of events per time.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Nanos;

/// A number of events per time, as two integers, so that nothing is rounded before it has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Rate {
    /// The number of events; at least 1, unless the rate is zero.
    pub events: u64,
    /// The time in which they happen, in nanoseconds (at least 1).
    pub per: Nanos,
}

impl Rate {
    /// Creates a rate of `events` per second.
    pub const fn per_second(events: u64) -> Self {
        Self {
            events,
            per: Nanos::from_secs(1),
        }
    }

    /// Returns the events per second as a floating-point number.
    pub fn per_second_f64(self) -> f64 {
        self.events as f64 / self.per.as_secs_f64()
    }

    /// Returns the planned time of event `k`, counted from zero: `⌊k · per / events⌋`.
    ///
    /// It is computed from `k` in 128 bits each time, never by adding up a rounded period, so that
    /// the millionth event is as exact as the first.
    pub fn time_of(self, k: u64) -> Nanos {
        let ns = u128::from(k) * u128::from(self.per.0) / u128::from(self.events.max(1));
        Nanos(u64::try_from(ns).unwrap_or(u64::MAX))
    }

    /// Returns the number of events that are planned before `t`.
    pub fn events_before(self, t: Nanos) -> u64 {
        // The smallest k with ⌊k·per/events⌋ ≥ t is ⌈t·events/per⌉.
        let k = (u128::from(t.0) * u128::from(self.events)).div_ceil(u128::from(self.per.0.max(1)));
        u64::try_from(k).unwrap_or(u64::MAX)
    }
}

/// Formats the rate as in a scenario.
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

/// Files hold quantities as in a scenario; [`parse`](super::parse) reads them back.
impl From<Rate> for String {
    fn from(value: Rate) -> Self {
        value.to_string()
    }
}
