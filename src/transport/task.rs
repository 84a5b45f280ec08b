//! [`Task`]: the task that is to be woken, for wakers that do something of their own first.

use std::sync::{Mutex, PoisonError};
use std::task::Waker;

/// The task to be woken, as whoever wakes it knows it.
#[derive(Debug, Default)]
pub(crate) struct Task(Mutex<Option<Waker>>);

impl Task {
    /// Wakes it, where there is one.
    pub(crate) fn wake(&self) {
        if let Some(task) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            task.wake_by_ref();
        }
    }
}

/// The same task, as whoever is polled by it has seen it last: where it stays the same, nothing is
/// locked.
#[derive(Debug, Default)]
pub(crate) struct Seen(Option<Waker>);

impl Seen {
    /// It is this task that polls: it is to be woken.
    // Inlined up to here: it is asked several times for each request, and always the same task.
    #[inline]
    pub(crate) fn polled_by(&mut self, waker: &Waker, task: &Task) {
        if !self.0.as_ref().is_some_and(|known| known.will_wake(waker)) {
            self.remember(waker, task);
        }
    }

    #[cold]
    fn remember(&mut self, waker: &Waker, task: &Task) {
        self.0 = Some(waker.clone());
        *task.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker.clone());
    }
}
