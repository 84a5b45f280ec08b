//! [`ExchangeLog`]: the exchanges recorded for people who debug, on their way to the observer.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::base::Nanos;
use crate::engine::job::Recorded;
use crate::plan::Plan;
use crate::result::{Exchange, ExchangeOutcome, Section};

/// The exchanges recorded and not taken yet. A run that records nothing has none.
pub struct ExchangeLog {
    /// The section that all of them belong to.
    pub section: Section,
    only_failures: bool,
    /// How many more are recorded.
    left: AtomicU32,
    done: Mutex<Vec<Exchange>>,
}

impl ExchangeLog {
    /// Creates the empty log of a section, if anything is to be recorded.
    pub fn new(recorded: Recorded, section: Section) -> Option<Self> {
        let (only_failures, most) = match recorded {
            Recorded::Nothing => return None,
            Recorded::Failures(most) => (true, most),
            Recorded::All => (false, u32::MAX),
        };
        Some(Self {
            section,
            only_failures,
            left: most.into(),
            done: Mutex::default(),
        })
    }

    /// Returns whether it still takes exchanges.
    pub fn is_open(&self) -> bool {
        self.left.load(Ordering::Relaxed) > 0
    }

    /// Creates the record of an exchange that begins now: a try of this operation.
    pub fn begin(&self, plan: &Plan, operation: u32, iteration: u64, now: Nanos) -> Exchange {
        let found = plan.operations().nth(operation as usize);
        Exchange {
            section: self.section,
            mix: found.map_or_else(String::new, |(mix, ..)| plan.mix[mix].name.clone()),
            step: found.map_or_else(String::new, |(_, name, _)| name.to_owned()),
            operation,
            iteration,
            attempt: 1,
            attempts: 1,
            started_ms: now.as_millis_f64(),
            ..Exchange::default()
        }
    }

    /// Adds an exchange that has ended, if it is one of those to be kept.
    pub fn push(&self, exchange: Exchange) {
        if self.only_failures && exchange.outcome != ExchangeOutcome::Failed {
            return;
        }
        let take_one = |left: u32| left.checked_sub(1);
        let taken = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take_one);
        if taken.is_ok() {
            self.done().push(exchange);
        }
    }

    /// Removes the exchanges recorded since the last call, in the order in which they ended.
    pub fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut *self.done())
    }

    fn done(&self) -> MutexGuard<'_, Vec<Exchange>> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
