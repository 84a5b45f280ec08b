//! [`Claim`]: somebody who wants a place under several limits at once, and waits in one queue at a time.

use std::sync::MutexGuard;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;

use super::queue::{Chance, Full, Limit, State, Waiter};
use crate::base::Nanos;

/// After so many moves from queue to queue a connection is kept while its operation waits for the
/// rest; see [`Claim::keep`].
const MAX_MOVES: u32 = 64;

/// Numbers those who wait, in the order in which they came.
static TICKETS: AtomicU64 = AtomicU64::new(0);

/// What a look at all limits has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// There was a place under each since this moment, and they are taken.
    Granted(Nanos),
    /// One has none. Look again at this moment, or when called.
    Blocked(Nanos),
}

/// Somebody who wants a place under each of some limits. Dropping it gives up.
pub(super) struct Claim<'a, const N: usize> {
    limits: [Option<&'a Limit>; N],
    /// Higher than all others before it first has to wait.
    ticket: u64,
    /// The limit in whose queue it waits.
    queue: Option<usize>,
    /// Since when it has waited for nothing but tokens.
    since: Option<Nanos>,
    /// How often it went from one queue to another.
    moves: u32,
    /// The connections of which it keeps one.
    kept: Option<usize>,
}

impl<'a, const N: usize> Claim<'a, N> {
    /// For a place under each of these limits, since this moment.
    pub(super) fn new(limits: [Option<&'a Limit>; N], asked: Nanos) -> Self {
        Self {
            limits,
            ticket: u64::MAX,
            queue: None,
            since: Some(asked),
            moves: 0,
            kept: None,
        }
    }

    /// Takes all places, or waits where the first one is missing.
    pub(super) fn look(&mut self, now: Nanos) -> Result<Look, Full> {
        let mut wakers = Vec::new();
        let look = self.decide(now, &mut wakers);
        wakers.into_iter().for_each(Waker::wake);
        look
    }

    fn decide(&mut self, now: Nanos, wakers: &mut Vec<Waker>) -> Result<Look, Full> {
        // Everybody locks the narrow ones first, so that nobody waits for each other.
        let mut states = self.limits.map(|limit| limit.map(Limit::state));
        let buckets = states
            .iter()
            .flatten()
            .filter_map(|state| state.bucket.as_ref());
        let free = buckets
            .map(|bucket| bucket.next(0, now))
            .fold(self.since.unwrap_or(now), Nanos::max);
        let mut blocked = None;
        for (index, state) in states.iter().enumerate() {
            let Some(state) = state.as_ref().filter(|_| self.kept != Some(index)) else {
                continue;
            };
            let chance = state.chance(self.ticket, free.min(now));
            if !matches!(chance, Chance::At(due) if due <= now) {
                blocked = Some((index, chance));
                break;
            }
        }
        let blocked = blocked.or_else(|| {
            self.called_before(now, &states)
                .map(|index| (index, Chance::Slot))
        });
        let Some((index, chance)) = blocked else {
            let left = self.leave(&mut states);
            for (index, state) in states.iter_mut().enumerate() {
                if let (Some(limit), Some(state)) = (self.limits[index], state.as_mut()) {
                    if self.kept != Some(index) {
                        limit.take(state);
                    }
                    if let Some(bucket) = &mut state.bucket {
                        bucket.take(free);
                    }
                }
            }
            self.kept = None;
            // Not before: the next one has no chance at what was taken.
            left.and_then(|index| states[index].as_mut())
                .into_iter()
                .for_each(|state| state.call(wakers));
            return Ok(Look::Granted(free));
        };
        self.since = if chance == Chance::Slot {
            None
        } else {
            self.since.or(Some(now))
        };
        let wakes_at = if let Chance::At(due) = chance {
            due
        } else {
            Nanos::MAX
        };
        self.queue_up(index, wakes_at, now, &mut states, wakers)?;
        self.keep(now, &mut states);
        Ok(Look::Blocked(wakes_at))
    }

    /// The queue in which somebody who came before was called and has not looked yet.
    ///
    /// There may be a place for both in that queue's limit, but the other limits do not know of
    /// whoever waits there: without this, a latecomer would take the last token of the run from
    /// somebody who has just got a slot of the step.
    fn called_before(
        &self,
        now: Nanos,
        states: &[Option<MutexGuard<'_, State>>; N],
    ) -> Option<usize> {
        let has_several = self.limits.iter().flatten().count() > 1;
        let somebody_was = |state: &MutexGuard<'_, State>| state.called(self.ticket, now) > 0;
        if has_several {
            states
                .iter()
                .position(|state| state.as_ref().is_some_and(somebody_was))
        } else {
            None
        }
    }

    /// Waits at this limit from now on.
    fn queue_up(
        &mut self,
        index: usize,
        wakes_at: Nanos,
        now: Nanos,
        states: &mut [Option<MutexGuard<'_, State>>; N],
        wakers: &mut Vec<Waker>,
    ) -> Result<(), Full> {
        let waiter = Waiter {
            waker: None,
            called: false,
            wakes_at,
        };
        if self.queue != Some(index) {
            let Some(limit) = self.limits[index] else {
                return Ok(());
            };
            // A slot or a token is theirs: they only have to come for it.
            let called = states[index]
                .as_ref()
                .map_or(0, |state| state.called(self.ticket, now)) as u64;
            if limit
                .room
                .is_some_and(|room| limit.busy.waiting().saturating_sub(called) >= room)
            {
                limit.dropped.fetch_add(1, Ordering::Relaxed);
                return Err(Full);
            }
            let left = self.leave(states);
            left.and_then(|index| states[index].as_mut())
                .into_iter()
                .for_each(|state| state.call(wakers));
            self.queue = Some(index);
            self.moves += 1;
            if self.ticket == u64::MAX {
                self.ticket = TICKETS.fetch_add(1, Ordering::Relaxed);
            }
            limit.busy.wait(called);
        }
        if let Some(state) = &mut states[index] {
            state.queue.insert(self.ticket, waiter);
        }
        Ok(())
    }

    /// Leaves the queue that it waits in, and tells which.
    fn leave(&mut self, states: &mut [Option<MutexGuard<'_, State>>; N]) -> Option<usize> {
        let index = self.queue.take()?;
        self.limits[index]?.busy.wait_no_more();
        states[index].as_mut()?.queue.remove(&self.ticket);
        Some(index)
    }

    /// Keeps a connection that is free while it waits for a limit, where it has gone from queue to
    /// queue for long.
    ///
    /// Limits are one inside the other, and whoever came first finds all places sooner or later.
    /// Connections of one event loop and a limit of all loops cross each other: where both are
    /// always in use, they may never be free at one moment.
    fn keep(&mut self, now: Nanos, states: &mut [Option<MutexGuard<'_, State>>; N]) {
        if self.moves < MAX_MOVES || self.kept.is_some() {
            return;
        }
        // Whoever came before would be overtaken: it has gone from queue to queue for longer.
        if states
            .iter()
            .flatten()
            .any(|state| state.queue.range(..self.ticket).next().is_some())
        {
            return;
        }
        for (index, state) in states.iter_mut().enumerate() {
            if let (Some(limit), Some(state)) = (
                self.limits[index].filter(|limit| limit.of_connections),
                state,
            ) && self.queue != Some(index)
                && matches!(state.chance(self.ticket, now), Chance::At(_))
            {
                limit.take(state);
                self.kept = Some(index);
            }
        }
    }

    /// Whether it was called. If not, it will be woken when it is.
    pub(super) fn is_called(&self, waker: &Waker) -> bool {
        let Some(limit) = self.queue.and_then(|index| self.limits[index]) else {
            return true;
        };
        let mut state = limit.state();
        let Some(waiter) = state.queue.get_mut(&self.ticket) else {
            return true;
        };
        if !waiter.called {
            waiter.waker = Some(waker.clone());
        }
        waiter.called
    }
}

impl<const N: usize> Drop for Claim<'_, N> {
    fn drop(&mut self) {
        if let Some(limit) = self.queue.and_then(|index| self.limits[index]) {
            limit.busy.wait_no_more();
            limit.change(|state| drop(state.queue.remove(&self.ticket)));
        }
        if let Some(limit) = self.kept.and_then(|index| self.limits[index]) {
            limit.give_back();
        }
    }
}
