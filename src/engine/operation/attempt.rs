//! One try of an operation: the work itself, within its timeouts.

use std::cell::Cell;
use std::pin::pin;
use std::sync::Arc;

use super::recording::Recording;
use super::trace::Trace;
use crate::base::Nanos;
use crate::engine::compiled::check::Check;
use crate::engine::compiled::check::expected_value::ExpectedValue;
use crate::engine::compiled::condition::{Condition, Observed};
use crate::engine::connection::user::User;
use crate::engine::draw::{Position, Purpose};
use crate::engine::driver::{Driver, within};
use crate::engine::schedule::limit::Slot;
use crate::engine::world::worker::Worker;
use crate::metrics::{FailureKind, TraceIdentity};
use crate::plan::{Action, Operation};
use crate::result::SeenCheck;
use crate::transport::TransportError;
use crate::value::{Facts, Response, Scope};

/// The longest URL, in characters, in the report of a failure.
const MAX_URL: usize = 300;

/// One try of an operation.
pub(crate) struct Attempt<'a, 'w, D: Driver> {
    /// The thread's worker.
    pub worker: &'a Worker<'w, D>,
    /// The operation.
    pub operation: &'a Operation,
    /// The iteration's number.
    pub iteration: u64,
    /// The place of its random draws.
    pub position: Position,
    /// When the operation was intended to start.
    pub intended: Nanos,
    /// When the try began.
    pub started: Nanos,
    /// Its slot in the target's connection limit, if any.
    pub connection: Cell<Option<Slot>>,
    /// The trace that its requests belong to, if they belong to one.
    pub traced: Option<TraceIdentity>,
    /// What records the try for people who debug, if anything does.
    pub recording: Option<Box<Recording<'w>>>,
}

/// Returns a URL in the length that is reported.
pub(super) fn shortened(url: String) -> String {
    // The ellipsis at the end lets a secret that was cut off there be recognized.
    if url.chars().count() > MAX_URL {
        url.chars().take(MAX_URL - 1).chain(['…']).collect()
    } else {
        url
    }
}

pub(super) fn timeout(kind: FailureKind, what: &str, after: Nanos) -> TransportError {
    TransportError {
        kind,
        message: format!("no {what} after {after}"),
    }
}

impl<D: Driver> Attempt<'_, '_, D> {
    /// Returns the URL or address of the try, to report its failure. It is built on demand, so that
    /// a successful try pays nothing for it. After a redirect it is the URL of the first request.
    pub(crate) fn url(&self, scope: &Scope) -> Option<String> {
        let world = self.worker.world;
        let action = &self.operation.action;
        let profile = action.profile();
        if matches!(action, Action::Page(_)) {
            // The message names the page, whose URL is not that of the step.
            return None;
        }
        let target = action.target()?;
        let Some(base_url) = world.base_urls[target]
            .as_ref()
            .filter(|_| profile.request.is_some() || profile.uses_open_socket)
        else {
            return world
                .plan
                .targets
                .get(target)
                .map(|target| target.address.to_string());
        };
        let scheme = match action {
            Action::Handshake(_) | Action::Message(_) => base_url.origin.scheme.of_websockets(),
            Action::Grpc(_) => base_url.origin.scheme.of_grpc(),
            _ => base_url.origin.scheme,
        };
        let request = if let Action::Message(message) = action {
            message.handshake
        } else {
            self.operation.id
        };
        let path = world.requests[request as usize]
            .as_ref()
            .and_then(|recipe| recipe.path(scope, || self.facts()));
        let path = path.map(|uri| uri.to_string()).unwrap_or_default();
        let url = format!("{}://{}{path}", scheme.name(), base_url.origin.authority);
        Some(shortened(url))
    }

    /// Releases its connection slot, which it no longer needs.
    pub(crate) fn release_connection_slot(&self) {
        drop(self.connection.take());
    }

    /// Does the work, within the total timeout.
    pub(crate) async fn run(
        &self,
        user: &mut User<D::Io>,
        scope: &mut Scope,
        trace: &mut Trace,
    ) -> Result<(), TransportError> {
        let total = self.operation.timeout.total;
        trace.last.hop.ready.set(self.started);
        // Pinned in place, like the futures below: awaiting by value would copy its state of
        // several kilobytes.
        let work = pin!(self.work(user, scope, trace));
        if matches!(self.operation.action, Action::Sleep(_)) {
            // Its end is known beforehand, so one timer is enough.
            return work.await;
        }
        within(&self.worker.driver, self.started + total, work)
            .await
            .unwrap_or_else(|| Err(self.late()))
    }

    pub(super) fn late(&self) -> TransportError {
        timeout(
            FailureKind::TimeoutTotal,
            "end",
            self.operation.timeout.total,
        )
    }

    async fn work(
        &self,
        user: &mut User<D::Io>,
        scope: &mut Scope,
        trace: &mut Trace,
    ) -> Result<(), TransportError> {
        match &self.operation.action {
            Action::Http(request) => pin!(self.http(user, request.target, scope, trace)).await,
            // Boxed, so that they do not make the future of a plain request larger.
            Action::Handshake(request) => {
                Box::pin(self.handshake(user, request.target, scope, trace)).await
            }
            Action::Message(message) => Box::pin(self.message(user, message, scope, trace)).await,
            Action::Page(page) => Box::pin(self.page(user, page, scope, trace)).await,
            Action::Tcp(exchange) => Box::pin(self.tcp(user, exchange, scope, trace)).await,
            Action::Exec(execution) => Box::pin(self.exec(execution, scope, trace)).await,
            Action::File(access) => Box::pin(self.file(access, scope, trace)).await,
            Action::Grpc(request) => Box::pin(self.grpc(user, request.target, scope, trace)).await,
            Action::Redis(commands) => Box::pin(self.redis(user, commands, scope, trace)).await,
            Action::Sql(statement) => Box::pin(self.sql(user, statement, scope, trace)).await,
            Action::Sleep(duration) => self.sleep(duration).await,
            Action::Cpu(duration) => self.cpu(duration).await,
            Action::Block { duration, offload } => self.block(duration, *offload).await,
        }
    }

    /// Checks a response, records the outcomes of its checks, the values of its tags and its
    /// measures, and captures values from it. `size` is the size of its body, and `broken` says why
    /// the body is missing, if it is.
    ///
    /// # Errors
    /// The first expectation that does not hold, the reason why the body is unreadable, or a
    /// capture that found nothing.
    pub(super) fn settle(
        &self,
        response: &Response<'_>,
        size: u64,
        broken: Option<TransportError>,
        scope: &mut Scope,
        trace: &Trace,
    ) -> Result<(), TransportError> {
        let id = self.operation.id as usize;
        let world = self.worker.world;
        let (check, extraction) = (&world.checks[id], &world.extractions[id]);
        if extraction.is_empty() && !check.is_written() {
            Check::unwritten(response)?;
            return broken.map_or(Ok(()), Err);
        }
        let mut judged = check.response(response, size, broken.as_ref());
        for wanted in check.values() {
            judged.note(self.compare(wanted, response, size, broken.as_ref(), scope));
        }
        if let Some(condition) = check.condition() {
            judged.note(self.meet(condition, response, broken.as_ref(), scope, trace));
        }
        if check.is_written() {
            trace.last.find(|found| found.checks = Some(judged.passed));
        }
        let tags = extraction.tags(response, scope);
        if !tags.is_empty() {
            trace.last.find(|found| found.tags = tags);
        }
        if let Some(failure) = judged.failure {
            return Err(failure);
        }
        if extraction.captures_any() {
            self.keep_url(trace, || self.url(scope));
        }
        let taken = extraction.captures(response, scope);
        broken.map_or(taken, Err)?;
        let measures = extraction.measures(response);
        if !measures.is_empty() {
            trace.last.find(|found| found.measures = measures);
        }
        Ok(())
    }

    /// Compares a part of a response with a value that is only known now.
    ///
    /// # Errors
    /// What the part is, if it differs; or why the value or the body is missing.
    fn compare(
        &self,
        wanted: &ExpectedValue,
        response: &Response<'_>,
        size: u64,
        broken: Option<&TransportError>,
        scope: &Scope,
    ) -> Result<(), TransportError> {
        let facts = self
            .worker
            .facts(self.iteration, self.position, Purpose::Condition);
        let known = wanted.known(scope, &facts);
        let verdict = wanted.judge(&known, response, size, broken);
        if let Some(recording) = &self.recording {
            let id = self.operation.id as usize;
            let is_soft = self.worker.world.checks[id].is_soft();
            let seen = wanted.seen(&known, &verdict, response, size);
            recording.check(seen, is_soft);
        }
        verdict
    }

    /// Judges a response by the condition of the scenario.
    ///
    /// # Errors
    /// What the condition has seen, if it does not hold; or why the body is missing.
    fn meet(
        &self,
        condition: &Condition,
        response: &Response<'_>,
        broken: Option<&TransportError>,
        scope: &Scope,
        trace: &Trace,
    ) -> Result<(), TransportError> {
        if let Some(error) = broken {
            return Err(error.clone());
        }
        let ended = &trace.last.hop.ended;
        // The time that the condition sees is that of the operation.
        let now = ended.get().unwrap_or_else(|| self.worker.driver.now());
        ended.set(Some(now));
        let observed = self.observed(Some(response), now, scope);
        let verdict = condition.judge(&observed);
        if let Some(recording) = &self.recording {
            let id = self.operation.id as usize;
            let is_soft = self.worker.world.checks[id].is_soft();
            let seen = SeenCheck {
                name: condition.name(),
                passed: verdict.is_ok(),
                seen: condition.seen(&observed),
            };
            recording.check(seen, is_soft);
        }
        verdict
    }

    /// Returns what a condition looks at when the operation has been completed.
    pub(super) fn observed<'o, 'r>(
        &self,
        response: Option<&'o Response<'r>>,
        completed: Nanos,
        scope: &'o Scope,
    ) -> Observed<'o, 'r> {
        let facts = self
            .worker
            .facts(self.iteration, self.position, Purpose::Condition);
        Observed {
            response,
            time: completed - self.intended,
            scope,
            facts,
        }
    }

    /// Returns what a condition looks at if the operation is a mock, which has no response.
    pub(super) fn unanswered<'o>(
        &self,
        completed: Nanos,
        scope: &'o Scope,
    ) -> Option<Observed<'o, 'o>> {
        let is_mock = self.operation.action.profile().is_mock;
        is_mock.then(|| self.observed(None, completed, scope))
    }

    /// Returns the facts that functions in the values of this try depend on.
    pub(super) fn facts(&self) -> Arc<Facts> {
        self.worker
            .facts(self.iteration, self.position, Purpose::Value)
    }
}
