//! [`SelfWake`]: prevents a task from waking itself.
//!
//! hyper passes a request to the connection, and the response back, as if each were polled by a
//! separate task, and wakes the other's. Here one task polls both in turn, so such a wake is
//! redundant; treated like an external one, it would cost another pass of the event loop for each
//! request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::task::{Seen, Task};

/// The task is not polling: a wake wakes the task.
const OUTSIDE: u8 = 0;
/// The task is polling, and will notice by itself.
const INSIDE: u8 = 1;
/// It was woken while polling, and polls again.
const AGAIN: u8 = 2;
/// The maximum number of immediate polls; after that, other tasks get a turn.
const TRIES: usize = 4;

#[derive(Debug)]
struct Inner {
    state: AtomicU8,
    task: Task,
}

impl Wake for Inner {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let seen = self
            .state
            .compare_exchange(INSIDE, AGAIN, Ordering::AcqRel, Ordering::Acquire);
        if seen == Err(OUTSIDE) {
            self.task.wake();
        }
    }
}

/// The waker of several futures that one task polls together.
#[derive(Debug)]
pub(crate) struct SelfWake {
    inner: Arc<Inner>,
    waker: Waker,
    seen: Seen,
}

/// Wakes are ignored while this exists.
#[must_use]
pub(crate) struct Hush<'a>(&'a Inner);

impl Drop for Hush<'_> {
    fn drop(&mut self) {
        self.0.state.store(OUTSIDE, Ordering::Release);
    }
}

impl Default for SelfWake {
    fn default() -> Self {
        let inner = Arc::new(Inner {
            state: AtomicU8::new(OUTSIDE),
            task: Task::default(),
        });
        Self {
            waker: Waker::from(inner.clone()),
            inner,
            seen: Seen::default(),
        }
    }
}

impl SelfWake {
    /// Ignores wakes until its result is dropped, after which the futures must be polled. It is not a
    /// function that takes a closure, because what that captures would be copied once more.
    pub(crate) fn hush(&self) -> Hush<'_> {
        self.inner.state.store(INSIDE, Ordering::Release);
        Hush(&self.inner)
    }

    /// Polls the futures, repeatedly while they wake each other.
    pub(crate) fn poll<T>(
        &mut self,
        cx: &Context<'_>,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        self.seen.polled_by(cx.waker(), &self.inner.task);
        for _ in 0..TRIES {
            self.inner.state.store(INSIDE, Ordering::Release);
            let polled = poll(&mut Context::from_waker(&self.waker));
            if self.inner.state.swap(OUTSIDE, Ordering::AcqRel) == INSIDE || polled.is_ready() {
                return polled;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Polls a future that wakes itself `wakes` times before it is `ready`, if ever. Returns the
    /// result, the number of polls, the number of wakes of the task, and the waker.
    fn polled(wakes: usize, ready: bool) -> (bool, usize, usize, Waker, Arc<Count>) {
        let task = Arc::new(Count::default());
        let mut selfwake = SelfWake::default();
        let (mut polls, mut inner) = (0, None);
        let result = selfwake.poll(&Context::from_waker(&Waker::from(task.clone())), |cx| {
            inner = Some(cx.waker().clone());
            polls += 1;
            if polls <= wakes {
                cx.waker().wake_by_ref();
            }
            if ready && polls > wakes {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        });
        let woken = task.0.load(Ordering::SeqCst);
        (
            result.is_ready(),
            polls,
            woken,
            inner.expect("it was polled"),
            task,
        )
    }

    #[test]
    fn what_wakes_itself_is_polled_again_and_its_task_left_alone() {
        for wakes in 0..TRIES {
            let (ready, polls, woken, ..) = polled(wakes, true);
            assert_eq!((ready, polls, woken), (true, wakes + 1, 0));
            let (ready, polls, woken, ..) = polled(wakes, false);
            assert_eq!((ready, polls, woken), (false, wakes + 1, 0));
        }
    }

    #[test]
    fn what_never_rests_gives_way() {
        let (ready, polls, woken, ..) = polled(usize::MAX, false);
        assert_eq!((ready, polls, woken), (false, TRIES, 1));
    }

    #[test]
    fn a_wake_from_outside_reaches_the_task() {
        let (.., waker, task) = polled(1, false);
        waker.wake_by_ref();
        waker.wake();
        assert_eq!(task.0.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn what_is_done_to_the_futures_wakes_nobody() {
        let task = Arc::new(Count::default());
        let mut selfwake = SelfWake::default();
        let mut inner = None;
        let _ = selfwake.poll(&Context::from_waker(&Waker::from(task.clone())), |cx| {
            inner = Some(cx.waker().clone());
            Poll::<()>::Pending
        });
        let inner = inner.expect("it was polled");
        {
            let _hush = selfwake.hush();
            inner.wake_by_ref();
        }
        assert_eq!(task.0.load(Ordering::SeqCst), 0);
        inner.wake_by_ref();
        assert_eq!(task.0.load(Ordering::SeqCst), 1);
    }
}
