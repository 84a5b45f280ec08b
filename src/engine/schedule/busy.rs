//! [`Busy`]: how many use something at once, and how many wait for it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// How many use something at once, and how many wait for it: of all parts of a run together.
#[derive(Debug, Default)]
pub struct Busy {
    what: OnceLock<&'static str>,
    in_use: AtomicU64,
    peak_in_use: AtomicU64,
    waiting: AtomicU64,
    peak_waiting: AtomicU64,
}

impl Busy {
    /// Says what it is that is used.
    pub fn counting(self: &Arc<Self>, what: &'static str) -> Arc<Self> {
        self.what.get_or_init(|| what);
        self.clone()
    }

    /// What it is that is used; nothing where nobody has asked for any.
    pub fn what(&self) -> Option<&'static str> {
        self.what.get().copied()
    }

    /// One more uses it.
    pub fn enter(&self) {
        let in_use = self.in_use.fetch_add(1, Ordering::Relaxed) + 1;
        self.peak_in_use.fetch_max(in_use, Ordering::Relaxed);
    }

    /// One uses it no more.
    pub fn leave(&self) {
        self.in_use.fetch_sub(1, Ordering::Relaxed);
    }

    /// One more waits for it, beside all others but those that are called and about to leave.
    pub fn wait(&self, called: u64) {
        let waiting = self.waiting.fetch_add(1, Ordering::Relaxed) + 1;
        self.peak_waiting
            .fetch_max(waiting.saturating_sub(called), Ordering::Relaxed);
    }

    /// One waits for it no more.
    pub fn wait_no_more(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many wait now.
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// The most that were in use at once.
    pub fn peak_in_use(&self) -> u64 {
        self.peak_in_use.load(Ordering::Relaxed)
    }

    /// The most that waited at once.
    pub fn peak_waiting(&self) -> u64 {
        self.peak_waiting.load(Ordering::Relaxed)
    }
}
