//! One operation: waits for its limit, does its work within its timeout, and is written down whatever
//! happens.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use rand::RngExt as _;

use super::draw::{Purpose, generator};
use super::driver::{Driver, within};
use super::worker::{User, Worker};
use crate::base::Nanos;
use crate::metrics::{FailureKind, Outcome, Sample};
use crate::plan::{Action, Delay, HttpRequest, Operation};
use crate::transport::TransportError;
use crate::transport::counted::Passed;
use crate::transport::http::Connection;

/// Runs one operation; tells its failure, where there was one.
pub async fn run<D: Driver>(
    worker: &Worker<'_, D>,
    user: &mut User<D::Io>,
    operation: &Operation,
    iteration: u64,
    intended: Nanos,
    queue: Nanos,
) -> Option<FailureKind> {
    let mut record = Record::new(worker, operation.id, intended, queue);
    let _permit = match &worker.world.limit {
        None => None,
        Some(limit) => {
            let asked = worker.driver.now();
            let (permit, free) = limit.enter(&worker.driver).await;
            record.sample.queue += free - asked;
            Some(permit)
        }
    };
    let started = worker.driver.now();
    record.start(started);
    let deadline = started + operation.timeout;
    let work = attempt(worker, user, operation, iteration, started, deadline, &record.trace);
    let result = within(&worker.driver, deadline, work).await.unwrap_or_else(|| Err(timed_out(operation)));
    record.complete(worker.driver.now(), result)
}

fn timed_out(operation: &Operation) -> TransportError {
    TransportError { kind: FailureKind::TimeoutTotal, message: format!("no end after {}", operation.timeout) }
}

/// What an attempt leaves behind even where it is dropped on the way.
#[derive(Default)]
struct Trace {
    status: Cell<u16>,
    connect: Cell<Option<Nanos>>,
    first_byte: Cell<Option<Nanos>>,
    /// The connection's counters with what they showed before.
    passed: RefCell<Option<(Arc<Passed>, u64, u64)>>,
}

/// The work itself.
async fn attempt<D: Driver>(
    worker: &Worker<'_, D>,
    user: &mut User<D::Io>,
    operation: &Operation,
    iteration: u64,
    started: Nanos,
    deadline: Nanos,
    trace: &Trace,
) -> Result<(), TransportError> {
    let draw = |purpose| generator(worker.world.plan.seed, iteration, u64::from(operation.id), purpose);
    let length = |delay: &Delay| match delay {
        Delay::Constant(length) => *length,
        other => other.sample(&mut draw(Purpose::Length)),
    };
    match &operation.action {
        Action::Http(request) => return http(worker, user, operation, request, started, trace).await,
        Action::Sleep(delay) => worker.driver.sleep_until(started + length(delay)).await,
        Action::Cpu(delay) => worker.driver.cpu(length(delay), deadline).await,
        Action::Block { duration, offload } => worker.driver.block(length(duration), *offload).await,
    }
    // What can't be cancelled may end after its deadline; it is a timeout all the same.
    if !matches!(operation.action, Action::Sleep(_)) && worker.driver.now() >= deadline {
        return Err(timed_out(operation));
    }
    if operation.fail.0 > 0.0 && draw(Purpose::Fail).random::<f64>() < operation.fail.0 {
        return Err(TransportError { kind: FailureKind::Mock, message: format!("told to fail {} of the time", operation.fail) });
    }
    Ok(())
}

/// A request over the user's own connection, or over a new one.
async fn http<D: Driver>(
    worker: &Worker<'_, D>,
    user: &mut User<D::Io>,
    operation: &Operation,
    request: &HttpRequest,
    started: Nanos,
    trace: &Trace,
) -> Result<(), TransportError> {
    let driver = &worker.driver;
    let prepared = worker.world.requests[operation.id as usize].as_ref().expect("every HTTP operation has a prepared request");
    // Taken out while in use: where this future is dropped, the connection closes with it.
    let kept = match user.connections[request.target].take() {
        Some(mut kept) => kept.is_ready().await.then_some(kept),
        None => None,
    };
    let mut connection = match kept {
        Some(kept) => kept,
        None => {
            let address = worker.world.addresses[request.target].expect("every target in use has an address");
            let begun = driver.now();
            let io = driver.connect(address).await.map_err(|e| TransportError::connect(&e))?;
            let mut fresh = Connection::new(io).await?;
            fresh.is_ready().await;
            trace.connect.set(Some(driver.now() - begun));
            fresh
        }
    };
    let passed = connection.passed();
    let before = (passed.received(), passed.sent());
    trace.passed.replace(Some((passed, before.0, before.1)));
    let reply = connection
        .exchange(prepared, |status| {
            trace.status.set(status);
            trace.first_byte.set(Some(driver.now() - started));
        })
        .await?;
    if connection.is_reusable() {
        user.connections[request.target] = Some(connection);
    }
    if operation.expect.accepts(reply.status) {
        return Ok(());
    }
    Err(TransportError { kind: FailureKind::Status, message: format!("status {}", reply.status) })
}

/// Writes an operation down when it is dropped: skipped where it had not started, unfinished where it had
/// not completed.
struct Record<'a, 'w, D: Driver> {
    worker: &'a Worker<'w, D>,
    sample: Sample,
    trace: Trace,
}

impl<'a, 'w, D: Driver> Record<'a, 'w, D> {
    fn new(worker: &'a Worker<'w, D>, operation: u32, intended: Nanos, queue: Nanos) -> Self {
        let sample = Sample {
            operation,
            intended,
            queue,
            started: intended,
            completed: intended,
            outcome: Outcome::Skipped,
            status: 0,
            connect: None,
            first_byte: None,
            bytes_in: 0,
            bytes_out: 0,
        };
        Self { worker, sample, trace: Trace::default() }
    }

    fn start(&mut self, now: Nanos) {
        self.sample.started = now;
        self.sample.outcome = Outcome::Unfinished;
        self.worker.tape.shard().flight(1);
    }

    fn complete(&mut self, now: Nanos, result: Result<(), TransportError>) -> Option<FailureKind> {
        self.sample.completed = now;
        let failure = result.err();
        self.sample.outcome = failure.as_ref().map_or(Outcome::Ok, |e| Outcome::Failed(e.kind));
        failure.map(|error| {
            self.worker.tape.error(error.kind, error.message, self.sample.operation);
            error.kind
        })
    }
}

impl<D: Driver> Drop for Record<'_, '_, D> {
    fn drop(&mut self) {
        if self.sample.outcome != Outcome::Skipped {
            self.worker.tape.shard().flight(-1);
        }
        self.sample.status = self.trace.status.get();
        self.sample.connect = self.trace.connect.get();
        self.sample.first_byte = self.trace.first_byte.get();
        if let Some((passed, received, sent)) = self.trace.passed.take() {
            self.sample.bytes_in = passed.received() - received;
            self.sample.bytes_out = passed.sent() - sent;
        }
        self.worker.tape.operation(self.sample);
    }
}
