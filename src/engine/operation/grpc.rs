//! One try of a call of gRPC.

use http::HeaderMap;
use http::response::Parts;

use super::attempt::Attempt;
use super::body::ResponseBody;
use super::reading::Reading;
use super::trace::Trace;
use crate::base::status::GRPC_OK;
use crate::engine::compiled::call::Call;
use crate::engine::connection::user::User;
use crate::engine::driver::Driver;
use crate::metrics::FailureKind;
use crate::result::{Body, MAX_TEXT};
use crate::transport::TransportError;
use crate::transport::grpc::{GrpcAnswer, GrpcEnd, GrpcStream};
use crate::value::{Response, Scope};

impl<D: Driver> Attempt<'_, '_, D> {
    /// Sends the messages of a call over HTTP/2, and judges the answer with its trailers.
    pub(super) async fn grpc(
        &self,
        user: &mut User<D::Io>,
        target: usize,
        scope: &mut Scope,
        trace: &mut Trace,
    ) -> Result<(), TransportError> {
        let world = self.worker.world;
        let id = self.operation.id as usize;
        let (recipe, call) = (world.requests[id].as_ref(), world.calls[id].as_ref());
        let (recipe, call) = recipe.zip(call).expect("every call has a request");
        let needs_message = world.route(self.operation).reads_bodies;
        let request = recipe.make(self.worker.thread, scope, || self.facts())?;
        let (head, size, end) = if let Some(rules) = world.streams.rules(self.operation) {
            trace.last.stream.replace(Some(Reading::new(rules).into()));
            let exchange = self.answered(user, &request, target, false, scope, trace);
            let (head, answer): (Parts, GrpcStream) = exchange.await?;
            let stream = trace.last.stream.borrow();
            let is_done = stream.as_ref().is_some_and(|reading| reading.is_done());
            let (size, end) = (answer.size(), answer.end(&head, is_done)?);
            (head, size, end)
        } else {
            let exchange = self.answered(user, &request, target, needs_message, scope, trace);
            let (head, answer): (Parts, GrpcAnswer) = exchange.await?;
            let (size, end) = (answer.size(), answer.end(&head)?);
            (head, size, Some(end))
        };
        if let Some(end) = &end {
            trace.last.hop.status.set(end.status);
        }
        let GrpcEnd {
            status,
            message,
            trailers,
        } = end.unwrap_or_default();
        let (json, broken) = if needs_message && status == GRPC_OK {
            json(call, &message)
        } else {
            (Vec::new(), None)
        };
        let mut headers = head.headers;
        if let Some(recording) = &self.recording {
            recording.trailers(&trailers);
        }
        if status != GRPC_OK || world.route(self.operation).reads_headers {
            headers.extend(trailers);
        }
        let mut response = Response::new(status, &headers, &json);
        response.stream = trace.last.stream.borrow().as_ref().map(|own| own.seen());
        if let Some(recording) = &self.recording {
            recording.judge(world, &response, size, broken.as_ref());
        }
        self.settle(&response, size, broken, scope, trace)?;
        headers.clear();
        user.headers = Some(headers);
        Ok(())
    }
}

/// Returns the message of an answer as JSON, or why it can't be read.
fn json(call: &Call, message: &[u8]) -> (Vec<u8>, Option<TransportError>) {
    match call.json(message) {
        Ok(json) => (json, None),
        Err(message) => {
            let kind = FailureKind::Protocol;
            (Vec::new(), Some(TransportError { kind, message }))
        }
    }
}

/// Returns the status that the head of an answer tells. That of gRPC comes in the trailers, and only
/// a head of another protocol has one.
fn status_of(head: &Parts) -> u16 {
    match head.status.as_u16() {
        200 => 0,
        other => other,
    }
}

impl ResponseBody for GrpcAnswer {
    fn create(head: &Parts, is_needed: bool, is_recorded: bool) -> Self {
        Self::new(head, is_needed || is_recorded)
    }

    fn status(head: &Parts) -> u16 {
        status_of(head)
    }

    fn has_failed(&self, _: &Parts) -> bool {
        false
    }

    fn to_show(&self, headers: &HeaderMap, call: Option<&Call>, is_whole: bool) -> Body {
        let seen = self.seen(headers);
        let json = call
            .filter(|_| is_whole && !seen.is_empty())
            .and_then(|call| call.json(&seen).ok());
        let text = json.as_deref().unwrap_or(&seen);
        Body::new(text, self.size(), is_whole)
    }
}

impl ResponseBody for GrpcStream {
    fn create(_: &Parts, _: bool, is_recorded: bool) -> Self {
        Self::new(if is_recorded { MAX_TEXT } else { 0 })
    }

    fn status(head: &Parts) -> u16 {
        status_of(head)
    }

    fn has_failed(&self, head: &Parts) -> bool {
        Self::has_failed(self, head)
    }

    /// Its messages, one a line.
    fn to_show(&self, headers: &HeaderMap, call: Option<&Call>, is_whole: bool) -> Body {
        let mut lines = Vec::new();
        self.each_shown(headers, |message| {
            let json = call.and_then(|call| call.json(message).ok());
            lines.push(json.unwrap_or_else(|| message.to_vec()));
        });
        let is_whole = is_whole && self.is_all_shown();
        Body::new(&lines.join(&b'\n'), self.size(), is_whole)
    }
}
