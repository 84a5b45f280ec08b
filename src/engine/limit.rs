//! [`Limit`]: how many may be in flight and how often one may start, for the whole run.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::driver::Driver;
use crate::base::Nanos;
use crate::pacing::Bucket;
use crate::plan::{Limits, OnFull};

/// Limits that can hold for one operation: its own, its target's, and the run's.
const MOST: usize = 3;

/// A concurrency cap and a token bucket. Both are first come, first served.
///
/// tokio's semaphore needs no runtime: it serves blocking threads, several event loops and virtual time
/// alike.
pub struct Limit {
    /// What it limits, by the name that results use.
    pub scope: String,
    slots: Option<Semaphore>,
    bucket: Option<Mutex<Bucket>>,
    /// How many may wait, where one more is refused.
    room: Option<u64>,
    in_flight: AtomicU64,
    waiting: AtomicU64,
    peak_in_flight: AtomicU64,
    peak_queue: AtomicU64,
    dropped: AtomicU64,
}

/// Refused: the queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// Places in flight under some limits; dropping it gives them back. Boxed, so that it doesn't make every virtual user
/// larger: most have no limits.
#[derive(Default)]
pub struct Permit<'a>(Box<[Option<Place<'a>>; MOST]>);

struct Place<'a> {
    limit: &'a Limit,
    _slot: Option<SemaphorePermit<'a>>,
    counted: bool,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if self.counted {
            self.limit.in_flight.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Counts one that waits, for as long as it does.
struct Waiting<'a>(&'a Limit);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Limit {
    /// The limit that a plan asks for; nothing where it asks for none.
    pub fn new(scope: impl Into<String>, limits: &Limits) -> Option<Self> {
        (!limits.is_empty()).then(|| Self {
            scope: scope.into(),
            slots: limits.concurrency.map(|n| Semaphore::new(n as usize)),
            bucket: limits.rate.map(|rate| Mutex::new(Bucket::new(rate, limits.burst))),
            room: (limits.on_full == OnFull::Drop).then_some(u64::from(limits.queue)),
            in_flight: AtomicU64::new(0),
            waiting: AtomicU64::new(0),
            peak_in_flight: AtomicU64::new(0),
            peak_queue: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        })
    }

    /// Takes a place in the queue.
    fn queue(&self) -> Result<Waiting<'_>, Full> {
        let waiting = self.waiting.fetch_add(1, Ordering::Relaxed) + 1;
        let place = Waiting(self);
        if self.room.is_some_and(|room| waiting > room) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return Err(Full);
        }
        self.peak_queue.fetch_max(waiting, Ordering::Relaxed);
        Ok(place)
    }

    async fn slot(&self) -> Result<Option<SemaphorePermit<'_>>, Full> {
        let Some(slots) = &self.slots else { return Ok(None) };
        if let Ok(slot) = slots.try_acquire() {
            return Ok(Some(slot));
        }
        let _waiting = self.queue()?;
        // It fails only where the semaphore is closed, and nobody closes it.
        Ok(slots.acquire().await.ok())
    }

    fn bucket(&self) -> Option<MutexGuard<'_, Bucket>> {
        Some(self.bucket.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner))
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

    /// How many were refused.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// Waits for a slot of every limit, then for a token of every one; returns the places with the moment from
/// which they could be used. The narrowest limit comes first, so that who waits there holds no place of a
/// wider one.
///
/// Slots come before tokens: a token taken early and used late would let more than a burst through. Tokens
/// of several buckets are taken for one and the same moment, for the same reason.
///
/// # Errors
/// When a queue is full that refuses what comes on top.
pub async fn enter<'a, D: Driver>(limits: [Option<&'a Limit>; MOST], driver: &D) -> Result<(Permit<'a>, Nanos), Full> {
    let mut permit = Permit::default();
    for (place, limit) in permit.0.iter_mut().zip(limits) {
        if let Some(limit) = limit {
            *place = Some(Place { limit, _slot: limit.slot().await?, counted: false });
        }
    }
    let now = driver.now();
    let (at, _waiting) = tokens(limits, now)?;
    if at > now {
        driver.be_there_at(at).await;
    }
    for place in permit.0.iter_mut().flatten() {
        let in_flight = place.limit.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        place.counted = true;
        place.limit.peak_in_flight.fetch_max(in_flight, Ordering::Relaxed);
    }
    Ok((permit, at))
}

/// Takes a token of every bucket for the first moment at which all have one.
fn tokens<'a>(limits: [Option<&'a Limit>; MOST], now: Nanos) -> Result<(Nanos, [Option<Waiting<'a>>; MOST]), Full> {
    let mut waiting = [const { None }; MOST];
    // Everybody locks in the order of narrow to wide, so nobody waits for each other.
    let mut buckets = limits.map(|limit| limit.and_then(Limit::bucket));
    let at = buckets.iter().flatten().fold(now, |at, bucket| bucket.next(at));
    for ((limit, bucket), waiting) in limits.iter().zip(&buckets).zip(&mut waiting) {
        if let (Some(limit), Some(bucket)) = (limit, bucket)
            && bucket.next(now) > now
        {
            *waiting = Some(limit.queue()?);
        }
    }
    buckets.iter_mut().flatten().for_each(|bucket| bucket.take(at));
    Ok((at, waiting))
}
