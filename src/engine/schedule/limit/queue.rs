//! [`Limit`]'s slots and tokens, with the queue of those who wait for them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use crate::base::Nanos;
use crate::engine::schedule::busy::Busy;
use crate::pacing::Bucket;
use crate::plan::{Limits, OnFull};

/// So many at the head of a queue know when their turn comes. With one alone each would have to be
/// woken by the one before it, and a high rate would be as slow as threads wake each other.
const HEAD: usize = 8;

/// A concurrency cap and a token bucket, with the queue of those who wait for them.
#[derive(Debug)]
pub struct Limit {
    /// What it limits, by the name that results use.
    pub scope: String,
    pub(super) state: Mutex<State>,
    /// Whether there is a cap at all.
    is_capped: bool,
    pub(super) busy: Arc<Busy>,
    /// How many may wait, where one more is refused.
    pub(super) room: Option<u64>,
    pub(super) dropped: AtomicU64,
    /// It counts connections, which every operation gives back without waiting for a limit.
    pub(super) of_connections: bool,
}

#[derive(Debug)]
pub(super) struct State {
    /// Slots that are free, where there is a cap; fewer than none where more were taken away than
    /// were free.
    pub(super) free: Option<i64>,
    pub(super) bucket: Option<Bucket>,
    /// By ticket.
    pub(super) queue: BTreeMap<u64, Waiter>,
}

#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) waker: Option<Waker>,
    /// It was told to look again, and has not done so yet.
    pub(super) called: bool,
    /// When it looks again without being called.
    pub(super) wakes_at: Nanos,
}

/// When somebody may go on, as far as one limit is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chance {
    /// When there is a token; there is a slot.
    At(Nanos),
    /// When others have had their tokens.
    ScheduledIteration,
    /// When there is a slot.
    Slot,
}

/// Refused: the queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl State {
    /// When whoever has this ticket may go on, who would take its token for `now`. Those ahead are
    /// left as many slots and tokens as they are.
    pub(super) fn chance(&self, ticket: u64, now: Nanos) -> Chance {
        let ahead = self.queue.range(..ticket).take(HEAD).count();
        if self.free.is_some_and(|free| free <= ahead as i64) {
            return Chance::Slot;
        }
        if ahead == HEAD {
            return if self.free.is_some() {
                Chance::Slot
            } else {
                Chance::ScheduledIteration
            };
        }
        Chance::At(
            self.bucket
                .as_ref()
                .map_or(Nanos::ZERO, |bucket| bucket.next(ahead as u64, now)),
        )
    }

    /// Calls those at the head of the queue for whom there is a slot, unless they look again by
    /// themselves when there is a token.
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

    /// How many who came before this ticket were called, or have come to the moment of their token,
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
    /// The limit that a plan asks for; nothing where it asks for none.
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

    /// A cap of connections, or of streams on them; those who use them are counted in `busy`.
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

    /// Does something to its state, and then wakes whoever has a chance now.
    pub(super) fn change(&self, change: impl FnOnce(&mut State)) {
        let mut wakers = Vec::new();
        let mut state = self.state();
        change(&mut state);
        state.call(&mut wakers);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Changes the number of slots, by fewer where it is negative: slots in use are then taken away
    /// as they come back.
    pub fn add_slots(&self, by: i64) {
        self.change(|state| state.free = state.free.map(|free| free + by));
    }

    /// Slots that nobody uses.
    pub fn free(&self) -> usize {
        self.state()
            .free
            .map_or(usize::MAX, |free| usize::try_from(free).unwrap_or(0))
    }

    /// Takes a slot, which has to be free.
    pub(super) fn take(&self, state: &mut State) {
        state.free = state.free.map(|free| free - 1);
        self.busy.enter();
    }

    /// Gives a slot back.
    pub(super) fn give_back(&self) {
        self.busy.leave();
        if self.is_capped {
            self.add_slots(1);
        }
    }

    /// How many use it and wait for it.
    pub fn busy(&self) -> &Busy {
        &self.busy
    }

    /// How many were refused.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}
