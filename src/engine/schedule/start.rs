//! [`StartLine`]: lets all threads of a run get ready first, and then share one clock that begins
//! at zero.

use std::sync::{Condvar, Mutex, PoisonError};

use crate::base::{Clock, Nanos};

/// Holds threads back until all have arrived. Starting a thousand threads takes tens of
/// milliseconds, none of which may be in anyone's figures.
pub(crate) struct StartLine {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    missing: usize,
    clock: Option<Clock>,
    cancelled_parker: bool,
}

impl StartLine {
    /// Creates a start line for this many threads.
    pub(crate) fn new(threads: usize) -> Self {
        Self {
            state: Mutex::new(State {
                missing: threads,
                clock: None,
                cancelled_parker: false,
            }),
            changed: Condvar::new(),
        }
    }

    /// Waits for all others; the last to arrive starts the clock. Returns `None` if the start was
    /// cancelled.
    pub(crate) fn arrive(&self) -> Option<Clock> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.missing = state.missing.saturating_sub(1);
        if state.missing == 0 && !state.cancelled_parker {
            state.clock = Some(Clock::new());
            self.changed.notify_all();
        }
        while state.clock.is_none() && !state.cancelled_parker {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.clock
    }

    /// Returns whether all threads but one have arrived.
    pub(crate) fn is_waiting_for_one(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.missing == 1 && !state.cancelled_parker
    }

    /// Returns the time on the shared clock, or `None` before the start.
    pub(crate) fn now(&self) -> Option<Nanos> {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clock
            .map(|clock| clock.now())
    }

    /// Cancels the start, because a thread will not arrive.
    pub(crate) fn call_off(&self) {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .cancelled_parker = true;
        self.changed.notify_all();
    }
}
