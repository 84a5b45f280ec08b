//! [`Claim`]: a waiter that needs permits of several limits at once, and waits in one queue at a
//! time.

use std::sync::MutexGuard;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;

use super::queue::{Eligibility, Full, Limit, State, Waiter};
use crate::base::Nanos;

/// The number of moves between queues after which a connection is kept while its operation waits
/// for the rest; see [`Claim::keep`].
const MAX_MOVES: u32 = 64;

/// The number of the next ticket; tickets order waiters by their arrival.
static TICKETS: AtomicU64 = AtomicU64::new(0);

/// The result of looking at all limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// All permits have been taken; they had been available since this moment.
    Granted(Nanos),
    /// A limit has no permit. Ask again at this moment, or when called.
    Blocked(Nanos),
}

/// A waiter that needs a permit of each of several limits. Dropping it gives up.
pub(super) struct Claim<'a, const N: usize> {
    limits: [Option<&'a Limit>; N],
    /// Its position among all waiters; the highest number until it first has to wait.
    ticket: u64,
    /// The limit whose queue this claim waits in.
    queue: Option<usize>,
    /// The moment since which it has waited only for tokens.
    since: Option<Nanos>,
    /// How often it has moved between queues.
    moves: u32,
    /// The connection limit of which it keeps a permit.
    kept: Option<usize>,
}

impl<'a, const N: usize> Claim<'a, N> {
    /// Creates a claim on these limits, made at `asked`.
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

    /// Takes all permits, or waits at the first limit that has none.
    pub(super) fn look(&mut self, now: Nanos) -> Result<Decision, Full> {
        let mut wakers = Vec::new();
        let look = self.decide(now, &mut wakers);
        wakers.into_iter().for_each(Waker::wake);
        look
    }

    fn decide(&mut self, now: Nanos, wakers: &mut Vec<Waker>) -> Result<Decision, Full> {
        // All claims lock the narrow limits first, which prevents deadlock.
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
            let chance = state.eligibility(self.ticket, free.min(now));
            if !matches!(chance, Eligibility::At(due) if due <= now) {
                blocked = Some((index, chance));
                break;
            }
        }
        let blocked = blocked.or_else(|| {
            self.called_before(now, &states)
                .map(|index| (index, Eligibility::Slot))
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
            // Called only now, because the next waiter has no chance at what was just taken.
            left.and_then(|index| states[index].as_mut())
                .into_iter()
                .for_each(|state| state.call(wakers));
            return Ok(Decision::Granted(free));
        };
        self.since = if chance == Eligibility::Slot {
            None
        } else {
            self.since.or(Some(now))
        };
        let wakes_at = if let Eligibility::At(due) = chance {
            due
        } else {
            Nanos::MAX
        };
        self.queue_up(index, wakes_at, now, &mut states, wakers)?;
        self.keep(now, &mut states);
        Ok(Decision::Blocked(wakes_at))
    }

    /// Returns a limit in whose queue an earlier waiter was called and has not looked yet.
    ///
    /// That limit may have permits for both, but the other limits do not know of its waiters:
    /// without this check, a latecomer would take the run's last token from a waiter that has just
    /// got a slot of the step.
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

    /// Enters the queue of this limit.
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
            // A slot or a token is reserved for those called, so they no longer count as waiting.
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

    /// Leaves the queue that it waits in, and returns its index.
    fn leave(&mut self, states: &mut [Option<MutexGuard<'_, State>>; N]) -> Option<usize> {
        let index = self.queue.take()?;
        self.limits[index]?.busy.wait_no_more();
        states[index].as_mut()?.queue.remove(&self.ticket);
        Some(index)
    }

    /// Keeps a free connection while waiting for a limit, if the claim has moved between queues for
    /// long.
    ///
    /// Limits are nested, and the earliest waiter finds permits of all of them eventually. But the
    /// connections of one event loop and a limit of all loops overlap only partly: if both are
    /// always in use, they may never be free at the same moment.
    fn keep(&mut self, now: Nanos, states: &mut [Option<MutexGuard<'_, State>>; N]) {
        if self.moves < MAX_MOVES || self.kept.is_some() {
            return;
        }
        // Must not overtake an earlier waiter, which has moved between queues for longer.
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
                && matches!(state.eligibility(self.ticket, now), Eligibility::At(_))
            {
                limit.take(state);
                self.kept = Some(index);
            }
        }
    }

    /// Returns whether the claim was called; if not, it will be woken when it is.
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
            limit.release();
        }
    }
}
