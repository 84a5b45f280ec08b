//! One operation: waits for its limits, makes its tries, and is recorded whatever happens.

pub(crate) mod attempt;
mod authentication;
mod block;
pub(crate) mod body;
mod connecting;
mod cpu;
mod crawl;
mod database;
mod debugging;
mod example;
mod exec;
mod expect_continue;
mod file;
mod grpc;
mod http;
mod http_stream;
mod mock;
pub(crate) mod reading;
pub(crate) mod record;
mod recording;
pub(crate) mod redirect;
mod redis;
pub mod retry;
mod sleep;
mod sql;
mod stream;
mod tcp;
pub(crate) mod trace;
mod websocket;

use std::cell::Cell;
use std::pin::pin;

use self::attempt::Attempt;
use self::record::Record;
use super::connection::user::User;
use super::draw::Position;
use super::driver::Driver;
use super::schedule::limit::{Full, Permit, enter};
use super::schedule::scheduled_iteration::ScheduledIteration;
use super::world::World;
use super::world::worker::Worker;
use crate::base::Nanos;
use crate::metrics::{Example, FailureKind, Outcome, TraceIdentity};
use crate::plan::Operation;
use crate::transport::TransportError;
use crate::value::Scope;

/// The circumstances of an operation.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// The iteration, when the operation is intended to start, how long it has queued deliberately,
    /// and when it was reached.
    pub scheduled: ScheduledIteration,
    /// The place of its random draws.
    pub position: Position,
}

/// Runs one operation and records it in `record`. Returns its failure, if any, and when it was
/// completed, unless a full queue refused it.
pub async fn run<D: Driver>(
    worker: &Worker<'_, D>,
    user: &mut User<D::Io>,
    operation: &Operation,
    call: &Call,
    scope: &mut Scope,
    record: &mut Record<'_, '_, D>,
) -> (Option<FailureKind>, Option<Nanos>) {
    let world = worker.world;
    record.reach(call.scheduled);
    let mut number = 0;
    // The clock need not be read again until the operation has waited for something.
    let mut started = call.scheduled.begun;
    loop {
        // Waiting for a connection is one more limit.
        let route = world.route(operation);
        let connections = (route.pool).and_then(|target| user.connection_limit(target));
        let mut permit = if route.is_limited || connections.is_some() {
            let limits = world.limits_of(operation, connections.as_deref());
            let asked = worker.driver.now();
            match enter(limits, &worker.driver, asked).await {
                Ok((permit, at)) => {
                    worker.wait_if_over(user.is_leaving).await;
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
                // A retry that finds the queue full ends with the previous failure.
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
        let (iteration, position) = (call.scheduled.number, call.position.attempt(number));
        let mut attempt = Attempt {
            worker,
            operation,
            iteration,
            position,
            intended: call.scheduled.intended,
            started,
            connection: Cell::new(connection),
            traced: traced(world, operation, iteration, position),
            recording: None,
        };
        debugging::begin(&mut attempt, record);
        let result = pin!(attempt.run(user, scope, &mut record.trace)).await;
        debugging::end(&mut attempt, record, scope, &result);
        attempt.release_connection_slot();
        drop(permit);
        let (failure, now, example) = conclude(&attempt, call, record, scope, result);
        let status = record.trace.last.hop.status.get();
        let retry = operation.retry.as_ref();
        let Some((retry, kind)) = retry::after(retry, number + 1, failure, status) else {
            attempt.record_example(example);
            return (failure, Some(now));
        };
        record.reopen(kind);
        number += 1;
        let (seed, scheduled) = (world.plan.seed, call.scheduled.number);
        let wait = retry::wait(retry.backoff, number, seed, scheduled, call.position);
        worker.driver.sleep_until(now + wait).await;
        started = worker.driver.now();
    }
}

/// Returns the trace of an operation that sends requests, if they belong to one.
#[inline]
fn traced(
    world: &World<'_>,
    operation: &Operation,
    iteration: u64,
    position: Position,
) -> Option<TraceIdentity> {
    let tracer = world.tracer.as_ref()?;
    let sends = world.requests[operation.id as usize].is_some();
    sends.then(|| tracer.identify(iteration, position))
}

/// Records the result of a try that has released its slot; returns its failure, if any, when it
/// ended, and the operation as an example, if it is one and this was its last try.
fn conclude<D: Driver>(
    attempt: &Attempt<'_, '_, D>,
    call: &Call,
    record: &mut Record<'_, '_, D>,
    scope: &Scope,
    result: Result<(), TransportError>,
) -> (Option<FailureKind>, Nanos, Option<Box<Example>>) {
    let worker = attempt.worker;
    let last = &record.trace.last;
    // Time spent on a response after it was read is not the server's.
    let now = last.hop.ended.get().unwrap_or_else(|| worker.driver.now());
    let check = &worker.world.checks[attempt.operation.id as usize];
    let intended = call.scheduled.intended;
    let first = || record.trace.first_event(intended);
    let result = if check.is_written() {
        last.find(|found| {
            let passed = &mut found.checks;
            let result = check.end(|| attempt.unanswered(now, scope), passed, result);
            check.time(now - intended, first, passed, result)
        })
    } else {
        result
    };
    let example = attempt.example(now, result.as_ref().err(), scope, &record.trace);
    match result {
        Ok(()) => (record.succeed(now), now, example),
        Err(error) => {
            let extraction = &worker.world.extractions[attempt.operation.id as usize];
            if let Some(tag) = extraction.logged_tag(scope)
                && last.found(|found| found.tags.is_empty()) != Some(false)
            {
                last.find(|found| found.tags = vec![tag]);
            }
            let failure = record.fail(now, error, attempt.url(scope));
            (failure, now, example)
        }
    }
}
