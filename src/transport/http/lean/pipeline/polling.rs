//! What a [`Pipeline`] reads and sends.

use std::ops::ControlFlow;
use std::task::{Context, Poll, Waker, ready};

use http::response::Parts;
use hyper::rt::{Read, Write};

use super::super::HeaderNeeds;
use super::super::upload::{Upload, UploadError};
use super::state::{Pipeline, Ticket, Turn};
use crate::transport::TransportError;
use crate::transport::counted::Metered;

impl<Io: Read + Write + Metered + Unpin> Pipeline<Io> {
    /// Returns whether a request can be handed over. An idle connection on which something has come
    /// has been closed by the peer, or has got what would be taken for the next response.
    pub(super) fn poll_is_ready(&mut self, cx: &mut Context<'_>) -> bool {
        if self.cut.is_some() {
            return false;
        }
        let Some(connection) = &mut self.connection else {
            return false;
        };
        if !self.in_flight.is_empty() {
            return true;
        }
        let is_ready = !connection.ended
            && (connection.counters.is_quiet()
                || (connection.input.poll_fill(cx, &mut connection.io)).is_pending());
        if !is_ready {
            self.close("the server closed it");
        }
        is_ready
    }

    /// Waits for the head of the response to a request.
    pub(super) fn poll_answer(
        &mut self,
        cx: &mut Context<'_>,
        ticket: &mut Ticket,
        needs: HeaderNeeds,
    ) -> Poll<Result<Parts, TransportError>> {
        self.take_failure(ticket.number)?;
        self.send_in_turn(cx, ticket);
        // Its body may have turned out to be unreadable.
        self.take_failure(ticket.number)?;
        self.wait(cx, ticket.number);
        if ticket.number > self.front {
            return Poll::Pending;
        }
        let result = ready!(self.poll_front(cx, needs));
        match &result {
            Ok(_) if self.connection.as_ref().is_some_and(|own| own.closes) => {
                self.cut(
                    ticket.number + 1,
                    "the server closes it with a response in front",
                );
            }
            Ok(_) => {}
            Err(error) => self.fail(ticket.number, error),
        }
        Poll::Ready(result)
    }

    /// Waits for the head of the response to the request at the front.
    fn poll_front(
        &mut self,
        cx: &mut Context<'_>,
        needs: HeaderNeeds,
    ) -> Poll<Result<Parts, TransportError>> {
        let (Some(connection), Some(own)) = (&mut self.connection, self.in_flight.front()) else {
            unreachable!("a request at the front has a connection");
        };
        if !self.is_front_begun {
            self.is_front_begun = true;
            // It has been sent, or is being sent, by the pipeline.
            connection.begin(own.asked, own.closes, Upload::default());
            // What was read too far belongs to this request.
            connection.received -= connection.input.bytes().len() as u64;
            // What came before any request is not a response.
            if !connection.input.is_empty()
                && !connection.ended
                && let Some(parts) = connection.take_head(needs)?
            {
                return Poll::Ready(Ok(parts));
            }
        }
        connection.poll_answer(cx, &[], needs, &mut || {})
    }

    /// Reads the body of the response at the front, like [`receive`](super::Share::receive).
    pub(super) fn poll_body(
        &mut self,
        cx: &mut Context<'_>,
        number: u64,
        keep: &mut impl FnMut(&[u8]) -> ControlFlow<()>,
        more: &mut bool,
    ) -> Poll<Result<(), TransportError>> {
        self.poll_send(cx);
        let Some(connection) = &mut self.connection else {
            unreachable!("a response that is being read has a connection");
        };
        let result = ready!(connection.poll_body(cx, keep, more));
        if let Err(error) = &result {
            self.fail(number, error);
        }
        Poll::Ready(result)
    }

    /// Sends what was handed over. The first request of a turn lets all others go first that are ready,
    /// because one write for all of them costs little more than one for each.
    fn send_in_turn(&mut self, cx: &mut Context<'_>, ticket: &mut Ticket) {
        match ticket.turn {
            Turn::First if self.is_gathering => ticket.turn = Turn::Later,
            Turn::First => {
                self.is_gathering = true;
                ticket.turn = Turn::Gathers;
                cx.waker().wake_by_ref();
            }
            Turn::Gathers => {
                self.is_gathering = false;
                ticket.turn = Turn::Later;
                self.poll_send(cx);
            }
            Turn::Later => self.poll_send(cx),
        }
    }

    /// Sends as much as the connection takes, unless a request waits to do so. If the connection
    /// fails, that is known only once nothing can be read from it any more.
    fn poll_send(&mut self, cx: &mut Context<'_>) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        if self.output.is_done() || self.is_gathering || connection.failed.is_some() {
            return;
        }
        match self.output.poll(cx, &mut connection.io) {
            Poll::Ready(Err(UploadError::Io(error))) => {
                connection.failed = Some(error);
                self.wake_front();
            }
            Poll::Ready(Err(UploadError::Body(error))) => {
                let sent = self.output.sent();
                let ahead = self.in_flight.iter().take_while(|one| one.until <= sent);
                let number = self.front + ahead.count() as u64;
                self.cut(number + 1, "a request in front could not be sent");
                if let Some(own) = self.find(number) {
                    own.failed = Some(error.into());
                    own.waker.take().into_iter().for_each(Waker::wake);
                }
            }
            Poll::Ready(Ok(())) | Poll::Pending => {}
        }
    }
}
