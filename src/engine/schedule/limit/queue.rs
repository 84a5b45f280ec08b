//! [`Limit`]'s slots and tokens, with the queue of their waiters.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use crate::base::Nanos;
use crate::engine::schedule::busy::Busy;
use crate::pacing::Bucket;
use crate::plan::{Limits, OnFull};

/// The number of waiters at the head of a queue that know when their turn comes. If it were only
/// one, each would have to be woken by the one before it, and a high rate would be limited by how
/// fast threads wake each other.
const HEAD: usize = 8;

/// A concurrency cap and a token bucket, with the queue of their waiters.
#[derive(Debug)]
pub struct Limit {
    /// What it limits, as named in results.
    pub scope: String,
    pub(super) state: Mutex<State>,
    /// Whether there is a cap.
    is_capped: bool,
    pub(super) busy: Arc<Busy>,
    /// The number of waiters allowed, if further ones are refused.
    pub(super) room: Option<u64>,
    pub(super) dropped: AtomicU64,
    /// Whether it counts connections, which every operation releases without waiting for a limit.
    pub(super) of_connections: bool,
}

#[derive(Debug)]
pub(super) struct State {
    /// The number of free slots, if there is a cap; negative if more were removed than were free.
    pub(super) free: Option<i64>,
    pub(super) bucket: Option<Bucket>,
    /// The waiters by ticket.
    pub(super) queue: BTreeMap<u64, Waiter>,
}

#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) waker: Option<Waker>,
    /// Whether it was told to look again and has not done so yet.
    pub(super) called: bool,
    /// When it looks again without being called.
    pub(super) wakes_at: Nanos,
}

/// When a waiter may continue, as far as one limit is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Eligibility {
    /// At the time of its token; there is a slot.
    At(Nanos),
    /// After others have had their tokens.
    AfterOthers,
    /// When there is a slot.
    Slot,
}

/// The error that the queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl State {
    /// Returns when the waiter with this ticket may continue, if it would take its token at `now`.
    /// A slot and a token are reserved for each waiter ahead of it.
    pub(super) fn eligibility(&self, ticket: u64, now: Nanos) -> Eligibility {
        let ahead = self.queue.range(..ticket).take(HEAD).count();
        if self.free.is_some_and(|free| free <= ahead as i64) {
            return Eligibility::Slot;
        }
        if ahead == HEAD {
            return if self.free.is_some() {
                Eligibility::Slot
            } else {
                Eligibility::AfterOthers
            };
        }
        Eligibility::At(
            self.bucket
                .as_ref()
                .map_or(Nanos::ZERO, |bucket| bucket.next(ahead as u64, now)),
        )
    }

    /// Calls the waiters at the head of the queue for which there is a slot, except those that will
    /// look again by themselves when their token is available.
    pub(super) fn call(&mut self, wakers: &mut Vec<Waker>) {
        let slots = self
            .free
            .map_or(HEAD, |free| usize::try_from(free).unwrap_or(0))
            .min(HEAD);
        for (ahead, waiter) in self.queue.values_mut().take(slots).enumerate() {
            let due = self
                .bucket
                .as_ref()
                .map_or(Nanos::ZERO, |bucket| bucket.next(ahead as u64, Nanos::ZERO));
            if !waiter.called && waiter.wakes_at > due {
                waiter.called = true;
                wakers.extend(waiter.waker.take());
            }
        }
    }

    /// Returns how many waiters before this ticket have been called, or are due for their token,
    /// and have not looked yet.
    pub(super) fn called(&self, ticket: u64, now: Nanos) -> usize {
        self.queue
            .range(..ticket)
            .take(HEAD)
            .filter(|(_, waiter)| waiter.called || waiter.wakes_at <= now)
            .count()
    }
}

impl Limit {
    /// Creates the limit that a plan specifies, if any.
    pub fn new(scope: impl Into<String>, limits: &Limits) -> Option<Self> {
        let state = State {
            free: limits.concurrency.map(i64::from),
            bucket: limits.rate.map(|rate| Bucket::new(rate, limits.burst)),
            queue: BTreeMap::new(),
        };
        let room = (limits.on_full == OnFull::Drop).then_some(u64::from(limits.queue));
        (!limits.is_empty()).then(|| Self {
            scope: scope.into(),
            state: Mutex::new(state),
            is_capped: limits.concurrency.is_some(),
            busy: Arc::default(),
            room,
            dropped: AtomicU64::new(0),
            of_connections: false,
        })
    }

    /// Creates a cap on connections, or on streams of them; those in use are counted in `busy`.
    pub fn of_connections(slots: usize, busy: Arc<Busy>) -> Self {
        let state = State {
            free: Some(slots as i64),
            bucket: None,
            queue: BTreeMap::new(),
        };
        Self {
            scope: String::new(),
            state: Mutex::new(state),
            is_capped: true,
            busy,
            room: None,
            dropped: AtomicU64::new(0),
            of_connections: true,
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes its state, and then wakes every waiter that may now continue.
    pub(super) fn change(&self, change: impl FnOnce(&mut State)) {
        let mut wakers = Vec::new();
        let mut state = self.state();
        change(&mut state);
        state.call(&mut wakers);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Adds slots, or removes them if `by` is negative: slots in use are then removed when they are
    /// released.
    pub fn add_slots(&self, by: i64) {
        self.change(|state| state.free = state.free.map(|free| free + by));
    }

    /// Returns the number of free slots.
    pub fn free(&self) -> usize {
        self.state()
            .free
            .map_or(usize::MAX, |free| usize::try_from(free).unwrap_or(0))
    }

    /// Takes a slot, which must be free.
    pub(super) fn take(&self, state: &mut State) {
        state.free = state.free.map(|free| free - 1);
        self.busy.enter();
    }

    /// Releases a slot.
    pub(super) fn release(&self) {
        self.busy.leave();
        if self.is_capped {
            self.add_slots(1);
        }
    }

    /// Returns its numbers in use and waiting.
    pub fn busy(&self) -> &Busy {
        &self.busy
    }

    /// Returns how many waiters were refused.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}
