//! [`Stop`]: when a run takes no new work, and when work in flight is abandoned.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::base::Nanos;
use crate::result::StoppedBy;

/// A request to a run from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Start at this time of day, in nanoseconds since 1970, if the run waits to be told.
    Start(u64),
    /// Take no new work, for this reason, and let what is in flight end.
    Finish(StoppedBy),
    /// Stop now, and keep what was measured.
    GiveUp,
}

/// The end of a run in two steps: from `end` on no iteration is planned; when it is *over*,
/// everything still in flight is dropped. Shared by all threads of the run.
pub struct Stop {
    end: AtomicU64,
    graceful: Nanos,
    early: OnceLock<StoppedBy>,
    /// Whether a part of loadgen panicked.
    broken: AtomicBool,
    over: AtomicBool,
    /// Whether virtual users do not even run their teardowns.
    abandoned: AtomicBool,
    /// The callbacks to call once, when it is over.
    callers: Mutex<Vec<Box<dyn Fn() + Send>>>,
    /// The wakers to wake once, when the run is ended early or the iterations of a load are used up; by
    /// ticket, because a hundred thousand users may wait.
    waiting: Mutex<BTreeMap<u64, Waker>>,
    tickets: AtomicU64,
}

impl Stop {
    /// Creates a stop that plans no iteration after `end` ([`Nanos::MAX`] if only iterations bound
    /// the run) and then allows `graceful` for what is in flight.
    pub fn new(end: Nanos, graceful: Nanos) -> Self {
        Self {
            end: AtomicU64::new(end.0),
            graceful,
            early: OnceLock::new(),
            broken: AtomicBool::new(false),
            over: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
            callers: Mutex::default(),
            waiting: Mutex::default(),
            tickets: AtomicU64::new(0),
        }
    }

    /// Returns the moment from which no iteration is planned.
    pub fn end(&self) -> Nanos {
        Nanos(self.end.load(Ordering::Relaxed))
    }

    /// Returns the moment at which what is in flight is abandoned.
    pub fn drain_end(&self) -> Nanos {
        self.end() + self.graceful
    }

    /// Returns what ended the run early, if anything.
    pub fn early(&self) -> Option<StoppedBy> {
        if self.is_broken() {
            Some(StoppedBy::Panic)
        } else {
            self.early.get().copied()
        }
    }

    /// Returns whether everything still in flight is to be dropped.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// Returns whether a part of loadgen panicked.
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::SeqCst)
    }

    /// Ends everything at once, because a part of loadgen panicked. This overrides any earlier
    /// reason for the end.
    pub fn break_off(&self, now: Nanos) {
        self.broken.store(true, Ordering::SeqCst);
        self.finish(now, StoppedBy::Panic);
        self.abandon();
    }

    /// Abandons what is in flight, and lets no teardown of a user begin.
    pub fn abandon(&self) {
        self.abandoned.store(true, Ordering::SeqCst);
        self.give_up();
    }

    /// Returns whether virtual users do not even run their teardowns.
    pub fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::SeqCst)
    }

    /// Takes no new work from now on, and gives what is in flight its time to end. Only the first
    /// reason counts.
    pub fn finish(&self, now: Nanos, by: StoppedBy) {
        self.end.fetch_min(now.0, Ordering::SeqCst);
        let _ = self.early.set(by);
        self.wake();
    }

    /// Notes in `exhausted` that all iterations of a load are taken, so that nobody waits for one.
    pub fn exhaust(&self, exhausted: &AtomicBool) {
        if !exhausted.load(Ordering::Relaxed) && !exhausted.swap(true, Ordering::SeqCst) {
            self.wake();
        }
    }

    fn wake(&self) {
        let waiting =
            std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        waiting.into_values().for_each(Waker::wake);
    }

    /// Abandons what is in flight.
    pub fn give_up(&self) {
        self.over.store(true, Ordering::SeqCst);
        let callers =
            std::mem::take(&mut *self.callers.lock().unwrap_or_else(PoisonError::into_inner));
        for call in callers {
            call();
        }
    }

    /// Calls `call` when it is over; at once if it already is.
    pub fn when_over(&self, call: impl Fn() + Send + 'static) {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_over() {
            drop(callers);
            call();
        } else {
            callers.push(Box::new(call));
        }
    }

    /// Calls `call` when not even teardowns of users go on; at once if that is so already.
    pub fn when_abandoned(&self, call: impl Fn() + Send + 'static) {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_abandoned() {
            drop(callers);
            call();
        } else {
            callers.push(Box::new(call));
        }
    }

    /// Waits until something ends the run early, or the iterations of a load are used up, if
    /// `exhausted` says so.
    pub fn interruption<'a>(&'a self, exhausted: Option<&'a AtomicBool>) -> Interruption<'a> {
        Interruption {
            stop: self,
            exhausted,
            ticket: None,
        }
    }
}

/// Waits for the end of a run; see [`Stop::interruption`].
pub struct Interruption<'a> {
    stop: &'a Stop,
    exhausted: Option<&'a AtomicBool>,
    ticket: Option<u64>,
}

impl Future for Interruption<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let stop = self.stop;
        let mut waiting = stop.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let is_exhausted = self
            .exhausted
            .is_some_and(|exhausted| exhausted.load(Ordering::SeqCst));
        if stop.early().is_some() || is_exhausted {
            return Poll::Ready(());
        }
        let ticket = *self
            .ticket
            .get_or_insert_with(|| stop.tickets.fetch_add(1, Ordering::Relaxed));
        waiting.insert(ticket, cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Interruption<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.stop
                .waiting
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&ticket);
        }
    }
}
