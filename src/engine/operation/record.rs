//! [`Record`]: what is written down of an operation, whatever happens to it.

use super::trace::{Trace, Try};
use crate::base::Nanos;
use crate::engine::driver::Driver;
use crate::engine::schedule::scheduled_iteration::ScheduledIteration;
use crate::engine::world::worker::Worker;
use crate::metrics::{FailedTry, FailureKind, Held, Outcome, Sample};
use crate::transport::TransportError;

/// Writes an operation down when it is dropped: skipped where it had not started; where it had
/// started and not completed, unfinished at the end of the drain, and cancelled before.
pub struct Record<'a, 'w, D: Driver> {
    worker: &'a Worker<'w, D>,
    pub(super) sample: Sample,
    pub(super) trace: Trace,
    last_failure: Option<FailureKind>,
    started: bool,
    forgotten: bool,
}

impl<'a, 'w, D: Driver> Record<'a, 'w, D> {
    /// An operation that is planned at this moment.
    pub fn new(worker: &'a Worker<'w, D>, operation: u32, now: Nanos) -> Self {
        let sample = Sample::planned(operation, now);
        Self {
            worker,
            sample,
            trace: Trace::default(),
            last_failure: None,
            started: false,
            forgotten: false,
        }
    }

    /// It was not planned after all: its branch ended without coming to it.
    pub fn forget(mut self) {
        self.forgotten = true;
    }

    /// The operation that it is about.
    pub const fn operation(&self) -> u32 {
        self.sample.operation
    }

    /// Its time has come, with what its iteration has waited for.
    pub(super) fn reach(&mut self, scheduled: ScheduledIteration) {
        self.sample.intended = scheduled.intended;
        self.sample.queue = scheduled.queue;
    }

    /// Its first try begins.
    pub(super) fn start(&mut self, now: Nanos) {
        self.sample.started = now;
        self.sample.outcome = Outcome::Unfinished;
        self.started = true;
        self.worker.tape.sink().flight(1);
    }

    /// A try has gone well.
    pub(super) fn succeed(&mut self, now: Nanos) -> Option<FailureKind> {
        self.sample.completed = now;
        self.sample.outcome = Outcome::Ok;
        None
    }

    /// Writes down a failed try, with the URL or address that it was about.
    pub(super) fn fail(
        &mut self,
        now: Nanos,
        error: TransportError,
        url: Option<String>,
    ) -> Option<FailureKind> {
        let TransportError { kind, message } = error;
        self.sample.completed = now;
        self.sample.outcome = Outcome::Failed(kind);
        let Sample {
            operation,
            intended,
            ..
        } = self.sample;
        self.worker.tape.error(FailedTry {
            kind,
            message,
            operation,
            intended,
            at: now,
            url,
        });
        Some(kind)
    }

    /// Begins one more try. Nothing but what passed over its connections is left of those before
    /// it.
    pub(super) fn retry(&mut self, number: u32) {
        self.sample.retries = number;
        self.trace.last = Try::default();
    }

    /// Goes on after a failed try.
    pub(super) fn reopen(&mut self, failure: FailureKind) {
        self.sample.outcome = Outcome::Unfinished;
        self.last_failure = Some(failure);
    }

    /// Ends with the last failure, where no further try could be made.
    pub(super) fn settle(&mut self, now: Nanos) -> Option<FailureKind> {
        self.sample.completed = now;
        let kind = self.last_failure?;
        self.sample.outcome = Outcome::Failed(kind);
        Some(kind)
    }
}

impl<D: Driver> Drop for Record<'_, '_, D> {
    fn drop(&mut self) {
        if self.started {
            self.worker.tape.sink().flight(-1);
        }
        if self.forgotten {
            return;
        }
        if self.sample.outcome == Outcome::Unfinished {
            if self.worker.world.stop.is_over() {
                self.sample.completed = self.worker.driver.now();
            } else {
                self.sample.outcome = Outcome::Cancelled;
            }
        }
        self.trace.tell(&mut self.sample);
        if matches!(self.sample.outcome, Outcome::Ok | Outcome::Failed(_)) {
            let mut held = Held::default();
            if let Some(passed) = self.trace.last.checks.take() {
                held = Held::from_outcomes(&passed);
                self.worker
                    .tape
                    .checks(self.sample.operation, self.sample.intended, passed);
            }
            let tags = self.trace.last.tags.take();
            if !tags.is_empty() {
                self.worker.tape.tags(self.sample, tags, held);
            }
        }
        self.worker.tape.operation(self.sample);
    }
}
