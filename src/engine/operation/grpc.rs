//! One try of a call of gRPC.

use http::HeaderMap;
use http::response::Parts;

use super::attempt::Attempt;
use super::body::ResponseBody;
use super::trace::Trace;
use crate::base::status::GRPC_OK;
use crate::engine::compiled::call::Call;
use crate::engine::connection::user::User;
use crate::engine::driver::Driver;
use crate::metrics::FailureKind;
use crate::result::Body;
use crate::transport::TransportError;
use crate::transport::grpc::{GrpcAnswer, GrpcEnd};
use crate::value::{Response, Scope};

impl<D: Driver> Attempt<'_, '_, D> {
    /// Sends the message of a call over HTTP/2, and judges the answer with its trailers.
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
        let (head, answer): (Parts, GrpcAnswer) = loop {
            let exchange = self.exchange(user, &request, target, needs_message, false, trace);
            if let Some(answer) = exchange.await? {
                break answer;
            }
        };
        let size = answer.size();
        let GrpcEnd {
            status,
            message,
            trailers,
        } = answer.end(&head)?;
        trace.last.hop.status.set(status);
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
        let response = Response::new(status, &headers, &json);
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

impl ResponseBody for GrpcAnswer {
    fn create(head: &Parts, is_needed: bool, is_recorded: bool) -> Self {
        Self::new(head, is_needed || is_recorded)
    }

    /// The status comes in the trailers; a head of another protocol tells one of its own.
    fn status(head: &Parts) -> u16 {
        match head.status.as_u16() {
            200 => 0,
            other => other,
        }
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
