//! [`StartLine`]: lets all threads of a run get ready first, and then share one clock that begins
//! at zero.

use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::stop::Signal;
use crate::base::clock::unix_ns;
use crate::base::{Clock, Nanos};

/// How often a run that waits for its start looks for signals.
const LOOK: Duration = Duration::from_millis(20);

/// Why a run did not start at the time of day that it had to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissedStart {
    /// Not every thread was ready.
    Late,
    /// A signal ended the run before.
    Interrupted,
}

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

    /// Waits until `at`, the time of day of the start, if there is one: whoever does so is the last
    /// thread to arrive.
    ///
    /// # Errors
    /// If the other threads are not there by then, or a signal ends the run before.
    pub(crate) fn hold(
        &self,
        at: Option<u64>,
        signal: &dyn Fn() -> Option<Signal>,
    ) -> Result<(), MissedStart> {
        let Some(at) = at else { return Ok(()) };
        loop {
            let left = at.saturating_sub(unix_ns());
            if left == 0 {
                break;
            }
            if signal().is_some() {
                return Err(MissedStart::Interrupted);
            }
            thread::sleep(Duration::from_nanos(left).min(LOOK));
        }
        if self.is_waiting_for_one() {
            Ok(())
        } else {
            Err(MissedStart::Late)
        }
    }

    /// Returns whether all threads but one have arrived.
    fn is_waiting_for_one(&self) -> bool {
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
