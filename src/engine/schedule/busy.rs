//! [`Busy`]: how many connections or slots are in use, and how many operations wait for one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// The numbers in use and waiting, over all parts of a run.
#[derive(Debug, Default)]
pub struct Busy {
    what: OnceLock<&'static str>,
    in_use: AtomicU64,
    peak_in_use: AtomicU64,
    waiting: AtomicU64,
    peak_waiting: AtomicU64,
}

impl Busy {
    /// Names what is counted, and returns another handle to the counts.
    pub fn counting(self: &Arc<Self>, what: &'static str) -> Arc<Self> {
        self.what.get_or_init(|| what);
        self.clone()
    }

    /// Returns what is counted, or `None` if nothing has been named.
    pub fn what(&self) -> Option<&'static str> {
        self.what.get().copied()
    }

    /// Counts one more in use.
    pub fn enter(&self) {
        let in_use = self.in_use.fetch_add(1, Ordering::Relaxed) + 1;
        self.peak_in_use.fetch_max(in_use, Ordering::Relaxed);
    }

    /// Counts one fewer in use.
    pub fn leave(&self) {
        self.in_use.fetch_sub(1, Ordering::Relaxed);
    }

    /// Counts one more waiter; `called` waiters have been called and are about to leave, so they do
    /// not count toward the peak.
    pub fn wait(&self, called: u64) {
        let waiting = self.waiting.fetch_add(1, Ordering::Relaxed) + 1;
        self.peak_waiting
            .fetch_max(waiting.saturating_sub(called), Ordering::Relaxed);
    }

    /// Counts one waiter fewer.
    pub fn wait_no_more(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// Returns the number of waiters.
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Returns the highest number in use at once.
    pub fn peak_in_use(&self) -> u64 {
        self.peak_in_use.load(Ordering::Relaxed)
    }

    /// Returns the highest number of waiters at once.
    pub fn peak_waiting(&self) -> u64 {
        self.peak_waiting.load(Ordering::Relaxed)
    }
}
