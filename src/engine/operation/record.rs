//! [`Record`]: what is recorded of an operation, whatever happens to it.

use super::reading::Reading;
use super::trace::{Findings, Trace, Try};
use crate::base::Nanos;
use crate::engine::driver::Driver;
use crate::engine::schedule::scheduled_iteration::ScheduledIteration;
use crate::engine::world::worker::Worker;
use crate::metrics::{FailedTry, FailureKind, Held, Outcome, Sample};
use crate::transport::TransportError;

/// Records an operation on drop: as skipped if it never started; if it started and did not
/// complete, as unfinished at the end of the drain, and as cancelled before that.
pub struct Record<'a, 'w, D: Driver> {
    worker: &'a Worker<'w, D>,
    pub(super) sample: Sample,
    pub(super) trace: Trace,
    last_failure: Option<FailureKind>,
    started: bool,
    forgotten: bool,
}

impl<'a, 'w, D: Driver> Record<'a, 'w, D> {
    /// Creates the record of an operation planned at this moment.
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

    /// Discards the record of an operation that was not planned after all: its branch ended without
    /// reaching it.
    pub fn forget(mut self) {
        self.forgotten = true;
    }

    /// Returns the id of its operation.
    pub const fn operation(&self) -> u32 {
        self.sample.operation
    }

    /// Notes that the operation is due, with the time that its iteration has queued.
    pub(super) fn reach(&mut self, scheduled: ScheduledIteration) {
        self.sample.intended = scheduled.intended;
        self.sample.queue = scheduled.queue;
    }

    /// Notes that the first try begins.
    pub(super) fn start(&mut self, now: Nanos) {
        self.sample.started = now;
        self.sample.outcome = Outcome::Unfinished;
        self.started = true;
        self.worker.tape.sink().flight(1);
    }

    /// Notes that a try has succeeded.
    pub(super) fn succeed(&mut self, now: Nanos) -> Option<FailureKind> {
        self.sample.completed = now;
        self.sample.outcome = Outcome::Ok;
        None
    }

    /// Records a failed try, with its URL or address.
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

    /// Begins another try. Of the earlier ones, only the bytes passed over their connections are
    /// kept.
    pub(super) fn retry(&mut self, number: u32) {
        self.sample.retries = number;
        self.trace.last = Try::default();
    }

    /// Continues after a failed try.
    pub(super) fn reopen(&mut self, failure: FailureKind) {
        self.sample.outcome = Outcome::Unfinished;
        self.last_failure = Some(failure);
    }

    /// Ends with the last failure, because no further try could be made.
    pub(super) fn settle(&mut self, now: Nanos) -> Option<FailureKind> {
        self.sample.completed = now;
        let kind = self.last_failure?;
        self.sample.outcome = Outcome::Failed(kind);
        Some(kind)
    }
}

impl<D: Driver> Record<'_, '_, D> {
    /// Records what was found in the response, and its stream.
    fn record_findings(&self, found: Findings, stream: Option<Box<Reading>>) {
        let (tape, sample) = (&self.worker.tape, self.sample);
        let Findings {
            checks,
            tags,
            mut measures,
            ..
        } = found;
        let mut held = Held::default();
        if let Some(passed) = checks {
            held = Held::from_outcomes(&passed);
            tape.checks(sample.operation, sample.intended, passed);
        }
        let stream = stream.map(|reading| Box::new(reading.into_sample()));
        if sample.outcome != Outcome::Ok {
            measures.clear();
        }
        if !tags.is_empty() {
            tape.tags(sample, tags, held, stream.clone(), measures.clone());
        }
        if let Some(stream) = stream {
            tape.stream(sample, stream);
        }
        if !measures.is_empty() {
            tape.measures(sample.operation, sample.intended, measures);
        }
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
        self.trace.copy_to(&mut self.sample);
        if matches!(self.sample.outcome, Outcome::Ok | Outcome::Failed(_)) {
            let last = &self.trace.last;
            let (found, stream) = (last.take_findings(), last.stream.take());
            if found.is_some() || stream.is_some() {
                self.record_findings(*found.unwrap_or_default(), stream);
            }
        }
        self.worker.tape.operation(self.sample);
    }
}
