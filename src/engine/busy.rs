//! [`Busy`]: how many use something at once, and how many wait for it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many use something at once, and how many wait for it: of all parts of a run together.
#[derive(Debug, Default)]
pub struct Busy {
    what: OnceLock<&'static str>,
    in_use: AtomicU64,
    peak_in_use: AtomicU64,
    waiting: AtomicU64,
    peak_waiting: AtomicU64,
}

/// Counts one, for as long as it lasts.
pub struct Counted {
    busy: Arc<Busy>,
    of: fn(&Busy) -> &AtomicU64,
}

impl Drop for Counted {
    fn drop(&mut self) {
        (self.of)(&self.busy).fetch_sub(1, Ordering::Relaxed);
    }
}

impl Busy {
    /// Says what it is that is used.
    pub fn of(self: &Arc<Self>, what: &'static str) -> Arc<Self> {
        self.what.get_or_init(|| what);
        self.clone()
    }

    /// What it is that is used; nothing where nobody has asked for any.
    pub fn what(&self) -> Option<&'static str> {
        self.what.get().copied()
    }

    fn count(self: &Arc<Self>, of: fn(&Self) -> &AtomicU64, peak: fn(&Self) -> &AtomicU64) -> Counted {
        let now = of(self).fetch_add(1, Ordering::Relaxed) + 1;
        peak(self).fetch_max(now, Ordering::Relaxed);
        Counted { busy: self.clone(), of }
    }

    /// Takes one of the slots, and waits for it where all are taken; first come, first served. What is given with it
    /// counts it as in use.
    pub async fn enter(self: &Arc<Self>, slots: &Arc<Semaphore>) -> Option<(OwnedSemaphorePermit, Counted)> {
        let permit = match slots.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                let _waiting = self.count(|busy| &busy.waiting, |busy| &busy.peak_waiting);
                // It fails only where the semaphore is closed, and nobody closes it.
                slots.clone().acquire_owned().await.ok()?
            }
        };
        Some((permit, self.count(|busy| &busy.in_use, |busy| &busy.peak_in_use)))
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
