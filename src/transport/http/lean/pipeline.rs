//! [`Share`]: a connection of HTTP/1.1 on which several requests are in flight (RFC 9112, section
//! 9.3.2).
//!
//! Requests are sent without waiting for the responses to those in front of them, and the responses
//! come in the same order. The connection has no task of its own: the request at the front reads
//! its response in its own task, with the same code as on an unshared connection, and then wakes the
//! one behind it. Requests that are handed over in the same turn of an event loop are sent together.
//!
//! Whatever ends the connection fails the request that it happens to, and cuts the pipeline there:
//! requests behind the cut get no response, and those in front of it still get theirs.

mod output;
mod polling;
mod state;
#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use http::response::Parts;
use http::{HeaderMap, Version};
use hyper::rt::{Read, Write};

use self::state::{Pipeline, Ticket};
use super::super::request::{Message, PreparedRequest};
use super::super::wire_request::WireRequest;
use super::{Connection, HeaderNeeds};
use crate::transport::TransportError;
use crate::transport::body::Outgoing;
use crate::transport::counted::{ByteCounters, Metered};

/// A handle to a shared connection, for one request. Dropping it before the response has been read
/// ends the connection; dropping the last one closes it.
pub(crate) struct Share<Io> {
    pipeline: Arc<Mutex<Pipeline<Io>>>,
    /// Its request, until the response has been read.
    ticket: Option<Ticket>,
    /// The bytes of its request and of the response.
    counters: Arc<ByteCounters>,
}

impl<Io> Share<Io> {
    /// Makes a connection one that can be shared; it has carried nothing.
    pub(crate) fn new(connection: Box<Connection<Io>>) -> Self {
        Self {
            pipeline: Arc::new(Mutex::new(Pipeline::new(connection))),
            ticket: None,
            counters: Arc::default(),
        }
    }

    fn pipeline(&self) -> MutexGuard<'_, Pipeline<Io>> {
        self.pipeline.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves the front of the pipeline if the response has been read.
    fn finish_if_read(&mut self) {
        let mut pipeline = self.pipeline.lock().unwrap_or_else(PoisonError::into_inner);
        if pipeline.is_read()
            && let Some(ticket) = self.ticket.take()
        {
            self.counters.send(pipeline.sent_of(&ticket));
            pipeline.finish(&ticket, &self.counters);
        }
    }

    /// Creates another handle.
    pub(crate) fn share(&self) -> Self {
        Self {
            pipeline: self.pipeline.clone(),
            ticket: None,
            counters: Arc::default(),
        }
    }

    /// Returns the number of other handles.
    pub(crate) fn parts(&self) -> usize {
        Arc::strong_count(&self.pipeline) - 1
    }

    /// Returns whether both are handles to the same connection.
    pub(crate) fn is_shared_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.pipeline, &other.pipeline)
    }

    /// Returns the bytes that its request and the response have taken; complete once the response
    /// has been read, or the handle was dropped.
    pub(crate) fn byte_counters(&self) -> Arc<ByteCounters> {
        self.counters.clone()
    }

    /// Returns whether any response was received on the connection.
    pub(crate) fn has_answered(&self) -> bool {
        self.pipeline().attributed > 0
    }
}

impl<Io: Read + Write + Metered + Unpin> Share<Io> {
    /// Returns whether a request can be sent: `false` if the connection has ended.
    pub(crate) async fn is_ready(&self) -> bool {
        poll_fn(|cx| Poll::Ready(self.pipeline().poll_is_ready(cx))).await
    }

    /// Returns whether the connection takes further requests.
    pub(crate) fn is_reusable(&self) -> bool {
        self.pipeline().cut.is_none()
    }

    /// Hands a request over as it is prepared, for [`Self::answer`] to send.
    pub(crate) fn ask_prepared(&mut self, request: &PreparedRequest) {
        if self.pipeline().version() == Version::HTTP_10 {
            // Such a peer is asked to keep the connection, in its own version.
            return self.ask(request.message(HeaderMap::new()));
        }
        let wire = request.on_wire();
        let rest = if wire.has_more {
            request.body.outgoing()
        } else {
            Outgoing::default()
        };
        self.push(wire, rest);
    }

    /// Hands a request over that differs from what was prepared.
    pub(crate) fn ask(&mut self, message: Message) {
        let wire = WireRequest::of_message(&message, self.pipeline().version());
        let rest = if wire.has_more {
            message.into_body()
        } else {
            Outgoing::default()
        };
        self.push(&wire, rest);
    }

    fn push(&mut self, wire: &WireRequest, rest: Outgoing) {
        let ticket = self
            .pipeline()
            .push(wire.asked, wire.closes, &wire.bytes, rest);
        self.ticket = Some(ticket);
    }

    /// Sends the request that was handed over, and waits for the head of the response, which comes
    /// behind those to all requests in front of it; `sent` is called once the connection has the
    /// request. The head has headers only if some are needed.
    ///
    /// # Errors
    /// If the connection fails, or ends in front of this request, or the response is not HTTP.
    pub(crate) async fn answer(
        &mut self,
        needs: HeaderNeeds,
        mut sent: impl FnMut(),
    ) -> Result<Parts, TransportError> {
        sent();
        let Self {
            pipeline,
            ticket: Some(ticket),
            ..
        } = self
        else {
            unreachable!("a request is handed over before its answer is awaited");
        };
        let head = poll_fn(|cx| {
            let mut pipeline = pipeline.lock().unwrap_or_else(PoisonError::into_inner);
            pipeline.poll_answer(cx, ticket, needs)
        })
        .await?;
        self.finish_if_read();
        Ok(head)
    }

    /// Reads a body to its end, one piece at a time, and passes each to `keep`, which may break off.
    /// Returns `false` if all of it had come with the head.
    ///
    /// # Errors
    /// If the connection fails or the response is not HTTP.
    pub(crate) async fn receive(
        &mut self,
        mut keep: impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<bool, TransportError> {
        let Some(ticket) = &self.ticket else {
            return Ok(false);
        };
        let (number, mut more) = (ticket.number, false);
        let pipeline = &self.pipeline;
        poll_fn(|cx| {
            let mut pipeline = pipeline.lock().unwrap_or_else(PoisonError::into_inner);
            pipeline.poll_body(cx, number, &mut keep, &mut more)
        })
        .await?;
        self.finish_if_read();
        Ok(more)
    }
}

impl<Io> Drop for Share<Io> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            let mut pipeline = self.pipeline();
            self.counters.send(pipeline.sent_of(&ticket));
            pipeline.abandon(&ticket, &self.counters);
        }
    }
}
