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

/// How often a run that waits to be told its start looks whether it was.
const SOON: Duration = Duration::from_millis(1);

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
    is_called_off: bool,
}

impl StartLine {
    /// Creates a start line for this many threads.
    pub(crate) fn new(threads: usize) -> Self {
        Self {
            state: Mutex::new(State {
                missing: threads,
                clock: None,
                is_called_off: false,
            }),
            changed: Condvar::new(),
        }
    }

    /// Waits for all others; the last to arrive starts the clock. Returns `None` if the start was
    /// cancelled.
    pub(crate) fn arrive(&self) -> Option<Clock> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.missing = state.missing.saturating_sub(1);
        if state.missing == 0 && !state.is_called_off {
            state.clock = Some(Clock::new());
            self.changed.notify_all();
        }
        while state.clock.is_none() && !state.is_called_off {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.clock
    }

    /// Waits until all other threads are there, reports it, and waits to be told the time of day of
    /// the start; then waits like [`Self::hold`].
    ///
    /// # Errors
    /// If another signal ends the run before.
    pub(crate) fn wait_to_be_told(
        &self,
        signal: &dyn Fn() -> Option<Signal>,
        ready: &dyn Fn(),
    ) -> Result<(), MissedStart> {
        let mut is_ready = false;
        loop {
            if !is_ready && self.is_waiting_for_one() {
                is_ready = true;
                ready();
            }
            match signal() {
                Some(Signal::Start(at)) => return self.hold(Some(at), signal),
                Some(_) => return Err(MissedStart::Interrupted),
                None if self.is_called_off() => return Ok(()),
                None => thread::sleep(SOON),
            }
        }
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
        state.missing == 1 && !state.is_called_off
    }

    fn is_called_off(&self) -> bool {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_called_off
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
            .is_called_off = true;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_SIGNAL: &dyn Fn() -> Option<Signal> = &|| None;

    #[test]
    fn a_start_that_came_before_every_thread_was_ready_is_missed() {
        let start = StartLine::new(2);
        // Long ago, and the other thread is not there.
        assert_eq!(start.hold(Some(1), NO_SIGNAL), Err(MissedStart::Late));
        let start = StartLine::new(1);
        assert_eq!(start.hold(Some(1), NO_SIGNAL), Ok(()));
        assert_eq!(StartLine::new(2).hold(None, NO_SIGNAL), Ok(()));
    }

    #[test]
    fn a_signal_ends_waiting_for_the_start() {
        let start = StartLine::new(1);
        let signal = || Some(Signal::GiveUp);
        let at = unix_ns() + 600_000_000_000;
        assert_eq!(start.hold(Some(at), &signal), Err(MissedStart::Interrupted));
        assert_eq!(
            start.wait_to_be_told(&signal, &|| {}),
            Err(MissedStart::Interrupted)
        );
    }

    #[test]
    fn a_run_is_told_its_start_once_every_thread_is_there() {
        let start = StartLine::new(2);
        let is_ready = std::sync::atomic::AtomicBool::new(false);
        let ready = || is_ready.store(true, std::sync::atomic::Ordering::SeqCst);
        let signal = || {
            let is_ready = is_ready.load(std::sync::atomic::Ordering::SeqCst);
            is_ready.then_some(Signal::Start(1))
        };
        thread::scope(|scope| {
            let waiting = scope.spawn(|| start.wait_to_be_told(&signal, &ready));
            let other = scope.spawn(|| start.arrive());
            assert_eq!(waiting.join().expect("no panic"), Ok(()));
            assert!(start.arrive().is_some());
            assert!(other.join().expect("no panic").is_some());
        });
        // A thread that will not arrive calls the start off.
        let start = StartLine::new(2);
        start.call_off();
        assert_eq!(start.wait_to_be_told(NO_SIGNAL, &|| {}), Ok(()));
        assert!(start.arrive().is_none());
    }
}
