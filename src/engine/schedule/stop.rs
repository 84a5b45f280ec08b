//! [`Stop`]: when a run takes no new work, and when what is still under way is given up.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::base::Nanos;
use crate::result::StoppedBy;

/// What a user can tell a run from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Take no new work, for this reason, and let what is in flight end.
    Finish(StoppedBy),
    /// Stop now, and keep what was measured.
    GiveUp,
}

/// The end of a run, in its two steps: from `end` no iteration is planned any more; when it is
/// *over*, everything still in flight is dropped. Shared by all threads of the run.
pub struct Stop {
    end: AtomicU64,
    graceful: Nanos,
    early: OnceLock<StoppedBy>,
    /// A part of loadgen panicked.
    broken: AtomicBool,
    exhausted: AtomicBool,
    over: AtomicBool,
    /// Called once, when it is over.
    callers: Mutex<Vec<Box<dyn Fn() + Send>>>,
    /// Woken once, when it is ended early or its iterations are used up; by ticket, since a hundred
    /// thousand users may wait.
    waiting: Mutex<BTreeMap<u64, Waker>>,
    tickets: AtomicU64,
}

impl Stop {
    /// No new iteration after `end` ([`Nanos::MAX`] where only iterations bound the run);
    /// `graceful` for what is in flight then.
    pub fn new(end: Nanos, graceful: Nanos) -> Self {
        Self {
            end: AtomicU64::new(end.0),
            graceful,
            early: OnceLock::new(),
            broken: AtomicBool::new(false),
            exhausted: AtomicBool::new(false),
            over: AtomicBool::new(false),
            callers: Mutex::default(),
            waiting: Mutex::default(),
            tickets: AtomicU64::new(0),
        }
    }

    /// No iteration is planned from this moment on.
    pub fn end(&self) -> Nanos {
        Nanos(self.end.load(Ordering::Relaxed))
    }

    /// What is in flight at this moment is given up.
    pub fn drain_end(&self) -> Nanos {
        self.end() + self.graceful
    }

    /// What ended it before its time, where something did.
    pub fn early(&self) -> Option<StoppedBy> {
        if self.is_broken() {
            Some(StoppedBy::Panic)
        } else {
            self.early.get().copied()
        }
    }

    /// Whether everything still in flight is to be dropped.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// Whether a part of loadgen panicked.
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::SeqCst)
    }

    /// A part of loadgen panicked: ends everything at once. Whatever else ended the run before,
    /// this is the reason.
    pub fn break_off(&self, now: Nanos) {
        self.broken.store(true, Ordering::SeqCst);
        self.finish(now, StoppedBy::Panic);
        self.give_up();
    }

    /// Takes no new work from now on, and gives what is in flight its time to end.
    /// Only the first reason counts.
    pub fn finish(&self, now: Nanos, by: StoppedBy) {
        self.end.fetch_min(now.0, Ordering::SeqCst);
        let _ = self.early.set(by);
        self.wake();
    }

    /// There are no more iterations: nobody needs to wait for one.
    pub fn exhaust(&self) {
        if !self.exhausted.load(Ordering::Relaxed) && !self.exhausted.swap(true, Ordering::SeqCst) {
            self.wake();
        }
    }

    fn wake(&self) {
        let waiting =
            std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        waiting.into_values().for_each(Waker::wake);
    }

    /// Gives up what is in flight.
    pub fn give_up(&self) {
        self.over.store(true, Ordering::SeqCst);
        let callers =
            std::mem::take(&mut *self.callers.lock().unwrap_or_else(PoisonError::into_inner));
        for call in callers {
            call();
        }
    }

    /// Has `call` called when it is over; at once where it is.
    pub fn when_over(&self, call: impl Fn() + Send + 'static) {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_over() {
            drop(callers);
            call();
        } else {
            callers.push(Box::new(call));
        }
    }

    /// Waits until something ends the run early, or its iterations are used up.
    pub fn interruption(&self) -> Interruption<'_> {
        Interruption {
            stop: self,
            ticket: None,
        }
    }
}

/// Waits until nothing more is to be waited for; see [`Stop::interruption`].
pub struct Interruption<'a> {
    stop: &'a Stop,
    ticket: Option<u64>,
}

impl Future for Interruption<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let stop = self.stop;
        let mut waiting = stop.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if stop.early().is_some() || stop.exhausted.load(Ordering::SeqCst) {
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
