//! [`Cores`]: processors in virtual time, shared evenly by the tasks that compute.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::base::Nanos;

/// The units of work per nanosecond: counting in 2⁻³² ns means that sharing a nanosecond among
/// thousands loses nothing visible.
const UNIT: u128 = 1 << 32;

/// Processor sharing: with n tasks on c cores, each runs at the speed min(1, c/n).
///
/// The state is the work that a task present from the start would have done (its slope is that
/// speed). A task thus ends when this reaches a number fixed at its arrival, regardless of which
/// tasks come and go meanwhile.
pub(super) struct Cores {
    cores: u32,
    now: Rc<Cell<Nanos>>,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    updated: Nanos,
    done: u128,
    sequence: u64,
    tasks: BTreeMap<(u128, u64), Waker>,
}

impl Cores {
    /// Creates `cores` cores under this clock.
    pub(super) fn new(cores: u32, now: Rc<Cell<Nanos>>) -> Self {
        Self {
            cores: cores.max(1),
            now,
            state: RefCell::default(),
        }
    }

    /// Advances the work done to the present.
    fn update(&self, state: &mut State) {
        let passed = u128::from((self.now.get() - state.updated).0);
        state.updated = self.now.get();
        let (cores, tasks) = (u128::from(self.cores), state.tasks.len() as u128);
        state.done += if tasks <= cores {
            passed * UNIT
        } else {
            passed * UNIT * cores / tasks
        };
    }

    /// Returns when the next task ends if no other arrives before.
    pub(super) fn next(&self) -> Option<Nanos> {
        let state = self.state.borrow();
        let (goal, _) = *state.tasks.first_key_value()?.0;
        let (cores, tasks) = (u128::from(self.cores), state.tasks.len() as u128);
        let work = goal.saturating_sub(state.done);
        let ns = if tasks <= cores {
            work.div_ceil(UNIT)
        } else {
            (work * tasks).div_ceil(UNIT * cores)
        };
        Some(state.updated + Nanos(u64::try_from(ns).unwrap_or(u64::MAX)))
    }

    /// Wakes the tasks that end now.
    pub(super) fn fire(&self) {
        let mut over = Vec::new();
        {
            let mut state = self.state.borrow_mut();
            self.update(&mut state);
            let done = state.done;
            while let Some(entry) = state
                .tasks
                .first_entry()
                .filter(|task| task.key().0 <= done)
            {
                over.push(entry.remove());
            }
        }
        for waker in over {
            waker.wake();
        }
    }

    /// Computes for `amount`.
    pub(super) fn spend(self: &Rc<Self>, amount: Nanos) -> Task {
        Task {
            cores: self.clone(),
            amount,
            key: None,
        }
    }
}

/// A task that computes. Dropping it frees its share.
pub(super) struct Task {
    cores: Rc<Cores>,
    amount: Nanos,
    key: Option<(u128, u64)>,
}

impl Future for Task {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let cores = self.cores.clone();
        let mut state = cores.state.borrow_mut();
        let Some(key) = self.key else {
            cores.update(&mut state);
            let key = (
                state.done + u128::from(self.amount.0) * UNIT,
                state.sequence,
            );
            state.sequence += 1;
            state.tasks.insert(key, cx.waker().clone());
            self.key = Some(key);
            return Poll::Pending;
        };
        match state.tasks.get_mut(&key) {
            Some(waker) => {
                waker.clone_from(cx.waker());
                Poll::Pending
            }
            None => Poll::Ready(()),
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let mut state = self.cores.state.borrow_mut();
            self.cores.update(&mut state);
            state.tasks.remove(&key);
        }
    }
}
