//! Requests that wait for `100 Continue` before they send their bodies.

use std::pin::{Pin, pin};
use std::sync::Arc;

use http::HeaderValue;
use http::header::EXPECT;
use http::response::Parts;

use super::attempt::{Attempt, timeout};
use super::trace::Trace;
use crate::base::Nanos;
use crate::engine::driver::{Driver, within};
use crate::metrics::FailureKind;
use crate::transport::TransportError;
use crate::transport::gate::Gate;
use crate::transport::http::lean::HeaderNeeds;
use crate::transport::http::{Message, PreparedRequest, ResponseResult};
use crate::transport::link::{HandedRequest, IncomingBody, Link};

/// Says in a message that its body waits for the peer.
pub(super) fn announce(message: &mut Message) {
    message
        .headers_mut()
        .insert(EXPECT, HeaderValue::from_static("100-continue"));
}

/// A body that is held back.
pub(super) struct HeldBody {
    /// What holds it back.
    gate: Arc<Gate>,
    /// How long.
    wait: Nanos,
}

impl HeldBody {
    /// Holds the body of a message back, at most that long.
    pub(super) fn new(message: &mut Message, wait: Nanos) -> Self {
        Self {
            gate: message.body_mut().hold(),
            wait,
        }
    }
}

impl<D: Driver> Attempt<'_, '_, D> {
    /// Sends the head of a request, and its body when the peer asks for that, or says nothing for
    /// too long; waits for the head of the response, within the first-byte timeout. A final response
    /// that comes first is the response, and the body is not sent.
    pub(super) async fn answer_of_held(
        &self,
        connection: &mut Link<D::Io>,
        asked: Pin<&mut HandedRequest<impl Future<Output = ResponseResult>>>,
        request: &PreparedRequest,
        needs: HeaderNeeds,
        body: HeldBody,
        trace: &Trace,
    ) -> Result<(Parts, IncomingBody), TransportError> {
        let driver = &self.worker.driver;
        let sent = || trace.last.hop.sent.set(Some(driver.now()));
        let mut answer = pin!(connection.answer(asked, request, || needs, sent));
        let limit = self.operation.timeout.first_byte;
        let until = limit.map_or(Nanos::MAX, |limit| self.started + limit);
        let asks_until = until.min(driver.now() + body.wait);
        let early = within(driver, asks_until, answer.as_mut()).await;
        if early.is_none() && asks_until < until {
            // Many servers do not know it, and just wait for the body.
            body.gate.open();
        }
        let head = match (early, limit) {
            (Some(early), _) => early,
            (None, None) => answer.await,
            (None, Some(limit)) => within(driver, until, answer).await.unwrap_or_else(|| {
                Err(timeout(FailureKind::TimeoutFirstByte, "first byte", limit))
            }),
        };
        if let Some(recording) = self.recording.as_ref().filter(|_| !body.gate.is_open()) {
            recording.withhold_body();
        }
        head
    }
}
