//! Being there exactly at a moment. The system wakes a sleeping thread some ten microseconds late;
//! so a thread asks to be woken a little early, by as much as it has learnt to be late, and turns
//! until the moment comes.
//!
//! Only planned starts and tokens of a rate are met like this. Sleeps, pauses and timeouts are many
//! at once, and what they are late is part of what a mode costs.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::base::Nanos;

/// Longest turning for one moment: a machine that wakes later than this is busy, and needs its
/// processors.
const MAX_LATENESS: Nanos = Nanos::from_micros(150);
/// Shortest turning.
const LEAST: Nanos = Nanos::from_micros(2);
/// What a thread expects before it knows better.
const FIRST: Nanos = Nanos::from_micros(60);
/// How fast an expectation falls; it rises eight times as fast, so that it settles where one wake
/// in nine is later.
const STEP: Nanos = Nanos(500);

/// How late a thread expects to be woken.
#[derive(Clone, Copy, Debug)]
pub struct Lateness(Nanos);

impl Lateness {
    /// What is expected before anything is known.
    pub const UNKNOWN: Self = Self(FIRST);

    /// When to ask to be woken, in order to be there at `at`.
    pub fn before(self, at: Nanos) -> Nanos {
        at - self.0
    }

    /// A wake was so late.
    pub fn learn(&mut self, late: Nanos) {
        let next = if late > self.0 {
            self.0 + Nanos(8 * STEP.0)
        } else {
            self.0 - STEP
        };
        self.0 = next.clamp(LEAST, MAX_LATENESS);
    }
}

/// Processor time that all threads of this process have spent turning.
static SPUN: AtomicU64 = AtomicU64::new(0);
/// How many of them do now.
static TURNING: AtomicUsize = AtomicUsize::new(0);
/// How many may: the other half of the processors is for those who answer.
static ROOM: LazyLock<usize> =
    LazyLock::new(|| std::thread::available_parallelism().map_or(1, |n| (n.get() / 2).max(1)));

/// Processor time that this process has spent on being exact, as the system's own figures are: of
/// all threads.
pub fn spun() -> Nanos {
    Nanos(SPUN.load(Ordering::Relaxed))
}

/// The right to turn. Few threads have it at a time: where many wait at once, they would only keep
/// each other from the processors.
#[derive(Debug)]
pub struct SpinPermit(());

impl SpinPermit {
    /// Takes the right, where there is room.
    pub fn begin() -> Option<Self> {
        let one_more = |turning| (turning < *ROOM).then_some(turning + 1);
        TURNING
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .ok()
            .map(|_| Self(()))
    }

    /// So much time went by in turning.
    pub fn add(&self, time: Nanos) {
        SPUN.fetch_add(time.0, Ordering::Relaxed);
    }
}

impl Drop for SpinPermit {
    fn drop(&mut self) {
        TURNING.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lateness_settles_high_in_what_was_seen() {
        let mut lateness = Lateness::UNKNOWN;
        // Nine of ten wakes are 20 µs late, one 45.
        for turn in 0..10_000 {
            lateness.learn(Nanos::from_micros(if turn % 10 == 0 { 45 } else { 20 }));
        }
        let lead = Nanos::from_millis(1) - lateness.before(Nanos::from_millis(1));
        assert!(
            (Nanos::from_micros(18)..=Nanos::from_micros(26)).contains(&lead),
            "{lead:?}"
        );
    }

    #[test]
    fn a_busy_machine_is_not_turned_on_for_long() {
        let mut lateness = Lateness::UNKNOWN;
        (0..1_000).for_each(|_| lateness.learn(Nanos::from_millis(20)));
        assert_eq!(
            Nanos::from_millis(1) - lateness.before(Nanos::from_millis(1)),
            MAX_LATENESS
        );
        assert_eq!(lateness.before(Nanos::ZERO), Nanos::ZERO);
    }
}
