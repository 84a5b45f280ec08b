//! One operation: waits for its limits, tries its work as often as it may, and is written down
//! whatever happens.

pub mod attempt;
pub mod body;
pub mod redirect;
pub mod retry;
mod stream;
mod tcp;
pub mod trace;
mod websocket;

use std::cell::Cell;
use std::pin::pin;

use self::attempt::Attempt;
use self::trace::{Trace, Try};
use super::connection::user::User;
use super::draw::Place;
use super::driver::Driver;
use super::schedule::limit::{Full, Permit, enter};
use super::schedule::scheduled_iteration::ScheduledIteration;
use super::world::worker::Worker;
use crate::base::Nanos;
use crate::metrics::{FailedTry, FailureKind, Held, Outcome, Sample};
use crate::plan::Operation;
use crate::transport::TransportError;
use crate::value::Scope;

/// Where an operation stands.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// The iteration, when the plan has the operation, how long it has waited deliberately, and
    /// when it was reached.
    pub turn: ScheduledIteration,
    /// Where its draws are made.
    pub place: Place,
}

/// Runs one operation that is written down in `record`; tells its failure, where there was one, and
/// when it was completed, where it was.
pub async fn run<D: Driver>(
    worker: &Worker<'_, D>,
    user: &mut User<D::Io>,
    operation: &Operation,
    call: &Call,
    scope: &mut Scope,
    record: &mut Record<'_, '_, D>,
) -> (Option<FailureKind>, Option<Nanos>) {
    let world = worker.world;
    record.reach(*call);
    let check = &world.checks[operation.id as usize];
    let attempts = operation.retry.as_ref().map_or(1, |retry| retry.attempts);
    let mut number = 0;
    // As long as it has not waited for anything, the clock need not be read again.
    let mut started = call.turn.begun;
    loop {
        // A connection that it has to wait for is one more limit.
        let connections = user.connection_limit(operation);
        let limits = world.limits_of(operation, connections.as_deref());
        let mut permit = if limits.iter().any(Option::is_some) {
            let asked = worker.driver.now();
            match enter(limits, &worker.driver, asked).await {
                Ok((permit, at)) => {
                    if number == 0 {
                        record.sample.queue += at.free - asked;
                    }
                    started = at.now;
                    permit
                }
                Err(Full) if number == 0 => {
                    record.sample.outcome = Outcome::Dropped;
                    return (Some(FailureKind::Dropped), None);
                }
                // A retry that finds the queue full leaves the failure before it as it stands.
                Err(Full) => {
                    let now = worker.driver.now();
                    return (record.settle(now), Some(now));
                }
            }
        } else {
            Permit::NONE
        };
        if number == 0 {
            record.start(started);
        } else {
            record.retry(number);
        }
        let connection = connections.clone().and_then(|limit| permit.detach(limit));
        let (iteration, place) = (call.turn.number, call.place.attempt(number));
        let attempt = Attempt {
            worker,
            operation,
            iteration,
            place,
            started,
            connection: Cell::new(connection),
        };
        let result = pin!(attempt.run(user, scope, &mut record.trace)).await;
        attempt.give_back();
        drop(permit);
        // What has been done with a response since it was read is not the server's.
        let now = record
            .trace
            .last
            .hop
            .ended
            .get()
            .unwrap_or_else(|| worker.driver.now());
        let result = check.time(
            now - call.turn.intended,
            &mut record.trace.last.checks.borrow_mut(),
            result,
        );
        let failure = match result {
            Ok(()) => record.succeed(now),
            Err(error) => record.fail(now, error, attempt.url(scope)),
        };
        let (Some(kind), Some(retry)) = (failure, &operation.retry) else {
            return (failure, Some(now));
        };
        if number + 1 == attempts || !retry::wanted(retry, kind, record.trace.last.hop.status.get())
        {
            return (failure, Some(now));
        }
        record.reopen(kind);
        number += 1;
        let wait = retry::wait(
            retry.backoff,
            number,
            world.plan.seed,
            call.turn.number,
            call.place,
        );
        worker.driver.sleep_until(now + wait).await;
        started = worker.driver.now();
    }
}

/// Writes an operation down when it is dropped: skipped where it had not started; where it had
/// started and not completed, unfinished at the end of the drain, and cancelled before.
pub struct Record<'a, 'w, D: Driver> {
    worker: &'a Worker<'w, D>,
    sample: Sample,
    trace: Trace,
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

    fn reach(&mut self, call: Call) {
        self.sample.intended = call.turn.intended;
        self.sample.queue = call.turn.queue;
    }

    fn start(&mut self, now: Nanos) {
        self.sample.started = now;
        self.sample.outcome = Outcome::Unfinished;
        self.started = true;
        self.worker.tape.shard().flight(1);
    }

    fn succeed(&mut self, now: Nanos) -> Option<FailureKind> {
        self.sample.completed = now;
        self.sample.outcome = Outcome::Ok;
        None
    }

    /// Writes down a failed try, with the URL or address that it was about.
    fn fail(
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
    fn retry(&mut self, number: u32) {
        self.sample.retries = number;
        self.trace.last = Try::default();
    }

    /// Goes on after a failed try.
    fn reopen(&mut self, failure: FailureKind) {
        self.sample.outcome = Outcome::Unfinished;
        self.last_failure = Some(failure);
    }

    /// Ends with the last failure, where no further try could be made.
    fn settle(&mut self, now: Nanos) -> Option<FailureKind> {
        self.sample.completed = now;
        let kind = self.last_failure?;
        self.sample.outcome = Outcome::Failed(kind);
        Some(kind)
    }
}

impl<D: Driver> Drop for Record<'_, '_, D> {
    fn drop(&mut self) {
        if self.started {
            self.worker.tape.shard().flight(-1);
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
                held = Held::of(&passed);
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
