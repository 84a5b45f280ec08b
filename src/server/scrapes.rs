//! [`Scrapes`]: how often somebody reads the metrics.

use std::sync::{Mutex, PoisonError};

use crate::base::{Clock, Nanos};

/// How much later than usual a scrape may come.
const LATE: Nanos = Nanos::from_secs(1);
/// The longest time that is waited for a scrape.
const MAX_WAIT: Nanos = Nanos::from_secs(60);

/// When the metrics were read.
#[derive(Debug)]
pub(super) struct Scrapes {
    clock: Clock,
    seen: Mutex<Seen>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    count: u64,
    last: Nanos,
    /// The time between the last two.
    interval: Option<Nanos>,
}

impl Scrapes {
    pub(super) fn new() -> Self {
        Self {
            clock: Clock::new(),
            seen: Mutex::default(),
        }
    }

    /// Notes that they are read now.
    pub(super) fn note(&self) {
        let now = self.clock.now();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        *seen = Seen {
            count: seen.count + 1,
            last: now,
            interval: (seen.count > 0).then(|| now - seen.last),
        };
    }

    /// Returns how often they were read.
    pub(super) fn count(&self) -> u64 {
        self.seen().count
    }

    /// Returns how long the next scrape may take to come; `None` if nobody reads them regularly.
    pub(super) fn next_within(&self) -> Option<Nanos> {
        let seen = self.seen();
        let due = seen.last + seen.interval?;
        Some((due + LATE - self.clock.now()).min(MAX_WAIT))
    }

    fn seen(&self) -> Seen {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_twice_is_expected_again() {
        let scrapes = Scrapes::new();
        assert_eq!((scrapes.count(), scrapes.next_within()), (0, None));
        scrapes.note();
        assert_eq!((scrapes.count(), scrapes.next_within()), (1, None));
        scrapes.note();
        let within = scrapes.next_within().expect("it came twice");
        assert!(within <= MAX_WAIT && within > Nanos::ZERO, "{within:?}");
        let seen = Seen {
            count: 2,
            last: scrapes.clock.now(),
            interval: Some(Nanos::from_secs(900)),
        };
        *scrapes.seen.lock().expect("no panic") = seen;
        assert_eq!(scrapes.next_within(), Some(MAX_WAIT));
    }
}
