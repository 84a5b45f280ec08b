//! [`Limit`]: how many operations may be in flight and how often one may start, for the whole run.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::driver::Driver;
use crate::base::Nanos;
use crate::pacing::Bucket;
use crate::plan::Limits;

/// A concurrency cap and a token bucket. Both are first come, first served.
///
/// tokio's semaphore needs no runtime: it serves blocking threads, several event loops and virtual time
/// alike.
pub struct Limit {
    slots: Option<Semaphore>,
    bucket: Option<Mutex<Bucket>>,
    in_flight: AtomicU64,
    waiting: AtomicU64,
    peak_in_flight: AtomicU64,
    peak_queue: AtomicU64,
}

/// A place in flight; dropping it gives it back.
pub struct Permit<'a> {
    limit: &'a Limit,
    _slot: Option<SemaphorePermit<'a>>,
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.limit.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts one that waits, for as long as it does.
struct Waiting<'a>(&'a Limit);

impl<'a> Waiting<'a> {
    fn new(limit: &'a Limit) -> Self {
        let waiting = limit.waiting.fetch_add(1, Ordering::Relaxed) + 1;
        limit.peak_queue.fetch_max(waiting, Ordering::Relaxed);
        Self(limit)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Limit {
    /// The limit that a plan asks for; nothing where it asks for none.
    pub fn new(limits: &Limits) -> Option<Self> {
        (!limits.is_empty()).then(|| Self {
            slots: limits.concurrency.map(|n| Semaphore::new(n as usize)),
            bucket: limits.rate.map(|rate| Mutex::new(Bucket::new(rate, limits.burst))),
            in_flight: AtomicU64::new(0),
            waiting: AtomicU64::new(0),
            peak_in_flight: AtomicU64::new(0),
            peak_queue: AtomicU64::new(0),
        })
    }

    /// Waits for a slot, then for a token; returns the place with the moment from which it could be used.
    ///
    /// The slot comes first: a token taken early and used late would let more than a burst through.
    pub async fn enter<D: Driver>(&self, driver: &D) -> (Permit<'_>, Nanos) {
        let slot = match &self.slots {
            None => None,
            Some(slots) => match slots.try_acquire() {
                Ok(slot) => Some(slot),
                Err(_) => {
                    let _waiting = Waiting::new(self);
                    // It fails only where the semaphore is closed, and nobody closes it.
                    slots.acquire().await.ok()
                }
            },
        };
        let mut free = driver.now();
        if let Some(bucket) = &self.bucket {
            let at = bucket.lock().unwrap_or_else(PoisonError::into_inner).take(free);
            if at > free {
                let _waiting = Waiting::new(self);
                driver.sleep_until(at).await;
                free = at;
            }
        }
        let in_flight = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.peak_in_flight.fetch_max(in_flight, Ordering::Relaxed);
        (Permit { limit: self, _slot: slot }, free)
    }

    /// How many wait now.
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Most in flight at once.
    pub fn peak_in_flight(&self) -> u64 {
        self.peak_in_flight.load(Ordering::Relaxed)
    }

    /// Most waiting at once.
    pub fn peak_queue(&self) -> u64 {
        self.peak_queue.load(Ordering::Relaxed)
    }
}
