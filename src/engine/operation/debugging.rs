//! Records a try of an operation for people who debug, from its beginning to its end.

use super::attempt::Attempt;
use super::record::Record;
use super::recording::Recording;
use super::retry;
use crate::base::Nanos;
use crate::engine::driver::Driver;
use crate::result::{Exchange, ExchangeFailure, ExchangeOutcome, ExchangeTimes};
use crate::transport::TransportError;
use crate::value::Scope;

/// Begins the record of a try, if tries are recorded.
#[inline]
pub(super) fn begin<D: Driver>(attempt: &mut Attempt<'_, '_, D>, record: &Record<'_, '_, D>) {
    let world = attempt.worker.world;
    let Some(log) = world.open_log() else { return };
    let operation = attempt.operation;
    let mut exchange = log.begin(world.plan, operation.id, attempt.iteration, attempt.started);
    exchange.attempt = record.sample.retries + 1;
    exchange.attempts = operation.retry.as_ref().map_or(1, |retry| retry.attempts);
    exchange.times.queue_ms = Some(record.sample.queue)
        .filter(|queue| exchange.attempt == 1 && *queue > Nanos::ZERO)
        .map(Nanos::as_millis_f64);
    attempt.recording = Some(Recording::new(log, exchange).into());
}

/// Ends the record of a try, if there is one.
#[inline]
pub(super) fn end<D: Driver>(
    attempt: &mut Attempt<'_, '_, D>,
    record: &Record<'_, '_, D>,
    scope: &Scope,
    result: &Result<(), TransportError>,
) {
    if let Some(recording) = attempt.recording.take() {
        recording.change(|exchange| conclude(exchange, attempt, record, scope, result));
    }
}

/// Records how a try ended.
fn conclude<D: Driver>(
    exchange: &mut Exchange,
    attempt: &Attempt<'_, '_, D>,
    record: &Record<'_, '_, D>,
    scope: &Scope,
    result: &Result<(), TransportError>,
) {
    let (worker, operation) = (attempt.worker, attempt.operation);
    let last = &record.trace.last;
    let hop = &last.hop;
    let now = hop.ended.get().unwrap_or_else(|| worker.driver.now());
    let check = &worker.world.checks[operation.id as usize];
    let intended = record.sample.intended;
    let first = record.trace.first_event(intended);
    let response = now - intended;
    let mut passed = last.found(|found| found.checks.clone()).flatten();
    let has_response = passed.is_some();
    let unanswered = || attempt.unanswered(now, scope);
    if !has_response {
        exchange.checks = check.seen_end(unanswered, result);
    }
    let result = check.end(unanswered, &mut passed, result.clone());
    if result.is_ok() || passed.is_some() {
        exchange.checks.extend(check.seen_times(response, first));
    }
    let result = check.time(response, || first, &mut passed, result);
    let millis = |time: Option<Nanos>| time.map(Nanos::as_millis_f64);
    exchange.times = ExchangeTimes {
        queue_ms: exchange.times.queue_ms,
        connect_ms: millis(last.dial.connect.get()),
        tls_ms: millis(last.dial.tls.get()),
        send_ms: millis(hop.sent.get().map(|at| at - hop.ready.get())),
        first_byte_ms: millis(hop.first_byte.get()),
        body_ms: millis(hop.body.get()),
        total_ms: millis(Some(now - attempt.started)),
    };
    let reading = last.stream.borrow();
    exchange.stream = reading.as_ref().map(|reading| reading.to_show(intended));
    exchange.outcome = ExchangeOutcome::Ok;
    if let Err(error) = result {
        exchange.outcome = ExchangeOutcome::Failed;
        exchange.is_retried = exchange.attempt < exchange.attempts
            && operation
                .retry
                .as_ref()
                .is_some_and(|retry| retry::wanted(retry, error.kind, hop.status.get()));
        exchange.failure = Some(ExchangeFailure {
            kind: error.kind.name().into(),
            message: error.message,
        });
    }
}
