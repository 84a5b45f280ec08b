//! [`Timers`]: due times with the wakers that wait for them, for drivers that keep their own time.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::base::Nanos;

/// Due times in order. Equal times are woken in the order in which they were asked for.
#[derive(Debug, Default)]
pub struct Timers {
    due: RefCell<BTreeMap<(Nanos, u64), Waker>>,
    sequence: Cell<u64>,
}

impl Timers {
    /// The earliest due time.
    pub fn next(&self) -> Option<Nanos> {
        self.due.borrow().first_key_value().map(|((at, _), _)| *at)
    }

    /// Wakes everything that is due at `now`; true where there was something.
    pub fn fire(&self, now: Nanos) -> bool {
        let mut any = false;
        loop {
            // The borrow must end before a waker runs: it may well ask for a timer.
            let Some(waker) = self.pop(now) else { return any };
            waker.wake();
            any = true;
        }
    }

    fn pop(&self, now: Nanos) -> Option<Waker> {
        let mut due = self.due.borrow_mut();
        let entry = due.first_entry().filter(|e| e.key().0 <= now)?;
        Some(entry.remove())
    }
}

/// Waits for a moment; `now` is asked at every poll. Takes its timer with it when it is dropped, or virtual
/// time would jump to moments that nobody waits for any more.
pub struct Sleep<F> {
    timers: Rc<Timers>,
    now: F,
    at: Nanos,
    key: Option<(Nanos, u64)>,
}

impl<F: Fn() -> Nanos + Unpin> Sleep<F> {
    /// Waits until `now()` is `at`.
    pub const fn new(timers: Rc<Timers>, now: F, at: Nanos) -> Self {
        Self { timers, now, at, key: None }
    }
}

impl<F> Sleep<F> {
    fn forget(&mut self) {
        if let Some(key) = self.key.take() {
            self.timers.due.borrow_mut().remove(&key);
        }
    }
}

impl<F: Fn() -> Nanos + Unpin> Future for Sleep<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if (self.now)() >= self.at {
            self.forget();
            return Poll::Ready(());
        }
        let timers = self.timers.clone();
        let at = self.at;
        let key = *self.key.get_or_insert_with(|| {
            let sequence = timers.sequence.get();
            timers.sequence.set(sequence + 1);
            (at, sequence)
        });
        let mut due = timers.due.borrow_mut();
        match due.get_mut(&key) {
            Some(waker) => waker.clone_from(cx.waker()),
            None => {
                due.insert(key, cx.waker().clone());
            }
        }
        Poll::Pending
    }
}

impl<F> Drop for Sleep<F> {
    fn drop(&mut self) {
        self.forget();
    }
}
