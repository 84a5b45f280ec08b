//! Precise wake-ups. The system wakes a sleeping thread some tens of microseconds late, so a thread
//! asks to be woken early, by the lateness it has learned, and spins until the moment comes.
//!
//! Only planned starts and the tokens of a rate limit are met this way. Sleeps, pauses and timeouts
//! are numerous, and their lateness is part of the cost of a mode.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::base::Nanos;

/// The longest spin for one moment: a machine that wakes threads later than this is busy, and needs
/// its processors.
const MAX_LATENESS: Nanos = Nanos::from_micros(150);
/// The shortest spin.
const MIN_LATENESS: Nanos = Nanos::from_micros(2);
/// The lateness that a thread expects initially.
const INITIAL_LATENESS: Nanos = Nanos::from_micros(60);
/// The step by which the expectation falls; it rises by eight steps, so it settles where one
/// wake-up in nine is later.
const STEP: Nanos = Nanos(500);

/// How late a thread expects to be woken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lateness(Nanos);

impl Lateness {
    /// The expectation before any wake-up.
    pub(crate) const UNKNOWN: Self = Self(INITIAL_LATENESS);

    /// Returns when to ask to be woken in order to be ready at `at`.
    pub(crate) fn before(self, at: Nanos) -> Nanos {
        at - self.0
    }

    /// Learns from a wake-up that was this late.
    pub(crate) fn learn(&mut self, late: Nanos) {
        let next = if late > self.0 {
            self.0 + Nanos(8 * STEP.0)
        } else {
            self.0 - STEP
        };
        self.0 = next.clamp(MIN_LATENESS, MAX_LATENESS);
    }
}

/// The CPU time that all threads of this process have spent spinning.
static SPUN: AtomicU64 = AtomicU64::new(0);
/// The number of threads that are spinning.
static SPINNING: AtomicUsize = AtomicUsize::new(0);
/// The number of threads that may spin: half of the processors are left to the target.
static MAX_SPINNING: LazyLock<usize> =
    LazyLock::new(|| std::thread::available_parallelism().map_or(1, |n| (n.get() / 2).max(1)));

/// Returns the CPU time that all threads of this process have spent spinning, comparable with the
/// system's figures for the process.
pub(crate) fn spun() -> Nanos {
    Nanos(SPUN.load(Ordering::Relaxed))
}

/// The permit to spin. Few threads hold one at a time: if many spun at once, they would only keep
/// each other off the processors.
#[derive(Debug)]
pub(crate) struct SpinPermit(());

impl SpinPermit {
    /// Acquires a permit, if one is free.
    pub(crate) fn begin() -> Option<Self> {
        let one_more = |spinning| (spinning < *MAX_SPINNING).then_some(spinning + 1);
        SPINNING
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .ok()
            .map(|_| Self(()))
    }

    /// Adds time spent spinning.
    pub(crate) fn add(&self, time: Nanos) {
        SPUN.fetch_add(time.0, Ordering::Relaxed);
    }
}

impl Drop for SpinPermit {
    fn drop(&mut self) {
        SPINNING.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lateness_settles_high_in_what_was_seen() {
        let mut lateness = Lateness::UNKNOWN;
        // Nine of ten wake-ups are 20 µs late, one 45 µs.
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
