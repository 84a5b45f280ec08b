//! [`Task`]: the task to wake, for wakers that act before waking it; and a pause of the current one.

use std::future::poll_fn;
use std::sync::{Mutex, PoisonError};
use std::task::{Poll, Waker};

/// The task to wake, as its wakers know it.
#[derive(Debug, Default)]
pub(crate) struct Task(Mutex<Option<Waker>>);

impl Task {
    /// Wakes the task, if there is one.
    pub(crate) fn wake(&self) {
        if let Some(task) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            task.wake_by_ref();
        }
    }
}

/// The same task, as last seen by the code that it polls: while it does not change, nothing is
/// locked.
#[derive(Debug, Default)]
pub(crate) struct Seen(Option<Waker>);

impl Seen {
    /// Sets the polling task as the one to wake.
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

/// Suspends the current task once, after handing its waker to whoever will wake it.
pub(crate) async fn suspend(hand_over: impl FnOnce(&Waker)) {
    let mut hand_over = Some(hand_over);
    poll_fn(|cx| match hand_over.take() {
        Some(hand_over) => {
            hand_over(cx.waker());
            Poll::Pending
        }
        None => Poll::Ready(()),
    })
    .await;
}
