//! HTTP/1.1 with as little as loadgen needs: the request is written once and sent as it is, the
//! response is parsed where it was read, and only headers that somebody looks at are kept.
//!
//! It means what hyper's client means: `transport::differential` compares the two on the same bytes,
//! and says where they differ on purpose. Everything is polled in the caller's task, in plain
//! functions.

mod chunked;
mod failure;
mod framing;
mod head;
mod input;
pub(crate) mod pipeline;
mod upload;

use std::future::poll_fn;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::response::Parts;
use http::{HeaderMap, Version};
use hyper::rt::{Read, Write};

use self::framing::Framing;
use self::head::Head;
pub(crate) use self::head::{AUTHENTICATION_INFO, HeaderNeeds};
use self::input::Input;
use self::upload::{Upload, UploadError};
use super::request::{Message, PreparedRequest};
use super::wire_request::{Asked, WireRequest};
use crate::transport::TransportError;
use crate::transport::body::Outgoing;
use crate::transport::counted::{ByteCounters, Metered};

/// A connection to one target. Dropping it closes it.
pub(crate) struct Connection<Io> {
    io: Io,
    counters: Arc<ByteCounters>,
    input: Input,
    upload: Upload,
    /// What is still to be read of the current response's body.
    body: Framing,
    /// What the last request asks for.
    asked: Asked,
    /// The bytes received before the last request was handed over.
    received: u64,
    /// The length of the input that is known not to be a complete head.
    incomplete: usize,
    /// The version that the peer spoke last.
    version: Version,
    /// Whether it had carried another request before the last one.
    reused: bool,
    /// Whether it has carried a request.
    used: bool,
    /// Whether it ends with the current response.
    closes: bool,
    /// Whether it can carry no further request.
    ended: bool,
    /// Why the request could not be sent, unless it is known what the peer says to that.
    failed: Option<io::Error>,
}

impl<Io: Read + Write + Metered + Unpin> Connection<Io> {
    /// Starts HTTP/1.1 over `io`. Sends nothing.
    pub(crate) fn new(io: Io) -> Self {
        Self {
            counters: io.byte_counters(),
            io,
            input: Input::default(),
            upload: Upload::default(),
            body: Framing::End,
            asked: Asked::Other,
            received: 0,
            incomplete: 0,
            version: Version::HTTP_11,
            reused: false,
            used: false,
            closes: false,
            ended: false,
            failed: None,
        }
    }

    /// Returns its traffic so far.
    pub(crate) fn byte_counters(&self) -> Arc<ByteCounters> {
        self.counters.clone()
    }

    /// Returns whether any response was received.
    pub(crate) fn has_answered(&self) -> bool {
        self.counters.received() > 0
    }

    /// Returns whether a request can be sent: `false` if the peer has closed the connection in the
    /// meantime, or has sent what would be taken for the next response.
    pub(crate) async fn is_ready(&mut self) -> bool {
        if self.ended || self.counters.is_quiet() {
            return !self.ended;
        }
        poll_fn(|cx| {
            self.ended = self.input.poll_fill(cx, &mut self.io).is_ready();
            Poll::Ready(!self.ended)
        })
        .await
    }

    /// Returns whether it can carry another request. If the response came before the whole request
    /// was sent, the rest would have to be sent first, to a peer that no longer wants it.
    pub(crate) const fn is_reusable(&self) -> bool {
        !self.ended
    }

    /// Hands a request over as it is prepared, for [`Self::answer`] to send.
    pub(crate) fn ask_prepared(&mut self, request: &PreparedRequest) {
        if self.version == Version::HTTP_10 {
            // Such a peer is asked to keep the connection, in its own version.
            return self.ask(request.message(HeaderMap::new()));
        }
        let wire = request.on_wire();
        let rest = if wire.has_more {
            request.body.outgoing()
        } else {
            Outgoing::default()
        };
        self.begin(wire.asked, wire.closes, Upload::new(Box::default(), rest));
    }

    /// Hands a request over that differs from what was prepared.
    pub(crate) fn ask(&mut self, message: Message) {
        let wire = WireRequest::of_message(&message, self.version);
        let rest = if wire.has_more {
            message.into_body()
        } else {
            Outgoing::default()
        };
        self.begin(wire.asked, wire.closes, Upload::new(wire.bytes, rest));
    }

    fn begin(&mut self, asked: Asked, closes: bool, upload: Upload) {
        self.reused = std::mem::replace(&mut self.used, true);
        self.received = self.counters.received();
        self.incomplete = 0;
        self.asked = asked;
        self.upload = upload;
        self.closes = closes;
    }

    /// Sends the request that was handed over last, which is `request` unless it differs from it,
    /// and waits for the head of the response; `sent` is called whenever a part of the request has
    /// been sent. The head has headers only if some are needed.
    ///
    /// # Errors
    /// If the connection fails or the response is not HTTP. The connection must not be used again
    /// in that case.
    pub(crate) async fn answer(
        &mut self,
        request: &PreparedRequest,
        needs: HeaderNeeds,
        mut sent: impl FnMut(),
    ) -> Result<Parts, TransportError> {
        let beginning: &[u8] = if self.upload.own.is_empty() {
            &request.on_wire().bytes
        } else {
            &[]
        };
        let result = poll_fn(|cx| self.poll_answer(cx, beginning, needs, &mut sent)).await;
        self.ended |= result.is_err();
        self.upload.keep(beginning);
        result
    }

    fn poll_answer(
        &mut self,
        cx: &mut Context<'_>,
        beginning: &[u8],
        needs: HeaderNeeds,
        sent: &mut impl FnMut(),
    ) -> Poll<Result<Parts, TransportError>> {
        if self.ended {
            return Poll::Ready(Err(failure::closed(false)));
        }
        self.poll_send(cx, beginning, &mut *sent)?;
        loop {
            match self.input.poll_fill(cx, &mut self.io) {
                Poll::Pending => {
                    return match self.failed.take() {
                        Some(error) => Poll::Ready(Err(self.broken(&error))),
                        None => Poll::Pending,
                    };
                }
                Poll::Ready(Ok(0)) => {
                    let error = self.failed.take();
                    return Poll::Ready(Err(error.map_or_else(
                        || failure::closed(self.is_unanswered()),
                        |error| self.broken(&error),
                    )));
                }
                Poll::Ready(Err(error)) => {
                    return Poll::Ready(Err(self.broken(&error)));
                }
                Poll::Ready(Ok(_)) => {}
            }
            if let Some(parts) = self.take_head(needs)? {
                return Poll::Ready(Ok(parts));
            }
            if self.upload.take_released()
                && let Some(parts) = self.poll_released(cx, beginning, needs, sent)?
            {
                return Poll::Ready(Ok(parts));
            }
        }
    }

    /// Sends what the peer has released; returns the head if it had come already.
    ///
    /// # Errors
    /// If the body cannot be read, or the response is not HTTP.
    #[cold]
    fn poll_released(
        &mut self,
        cx: &mut Context<'_>,
        beginning: &[u8],
        needs: HeaderNeeds,
        // Of a type of its own: the usual call of `poll_send` is then the only one of its type, and
        // inlined.
        sent: &mut dyn FnMut(),
    ) -> Result<Option<Parts>, TransportError> {
        loop {
            self.poll_send(cx, beginning, &mut *sent)?;
            if let Some(parts) = self.take_head(needs)? {
                return Ok(Some(parts));
            }
            if !self.upload.take_released() {
                return Ok(None);
            }
        }
    }

    /// Sends more of the request. If the connection fails, that is known only once nothing can be
    /// read from it: a peer may answer before it has read everything, and close the connection.
    ///
    /// # Errors
    /// If the body cannot be read.
    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        beginning: &[u8],
        sent: impl FnMut(),
    ) -> Result<(), TransportError> {
        if self.failed.is_some() {
            return Ok(());
        }
        match self.upload.poll(cx, &mut self.io, beginning, sent) {
            Poll::Ready(Err(UploadError::Body(error))) => return Err(error.into()),
            Poll::Ready(Err(UploadError::Io(error))) => self.failed = Some(error),
            Poll::Ready(Ok(())) | Poll::Pending => {}
        }
        Ok(())
    }

    /// Returns whether the connection had carried a request before, and nothing has come for this
    /// one.
    fn is_unanswered(&self) -> bool {
        self.reused && self.counters.received() == self.received
    }

    fn broken(&self, error: &io::Error) -> TransportError {
        failure::failed(error, self.is_unanswered())
    }

    /// Takes the head of the response from the input, if it is complete; skips informational ones.
    /// Returns `None`, too, after one that releases the rest of the request.
    fn take_head(&mut self, needs: HeaderNeeds) -> Result<Option<Parts>, TransportError> {
        loop {
            let input = self.input.bytes();
            if self.incomplete > 0 && !head::may_be_complete(input, self.incomplete) {
                self.incomplete = input.len();
                return head::check_partial(input).map(|()| None);
            }
            let Some(head) = head::parse(input, self.asked, needs)? else {
                self.incomplete = input.len();
                return Ok(None);
            };
            self.incomplete = 0;
            let Head {
                length,
                parts,
                framing,
                keep_alive,
                is_continue,
            } = head;
            self.input.consume(length);
            if let Some(parts) = parts {
                self.version = parts.version;
                self.body = framing;
                self.closes |= !keep_alive;
                if self.body.is_end() {
                    self.finish();
                }
                return Ok(Some(parts));
            }
            if is_continue && self.upload.release() {
                self.check_ahead(needs)?;
                return Ok(None);
            }
            if self.input.is_empty() {
                return Ok(None);
            }
        }
    }

    /// Checks what has come after the head that releases the rest of the request, however many more
    /// informational ones it is: a peer that goes on with what is not HTTP gets no body.
    #[cold]
    fn check_ahead(&self, needs: HeaderNeeds) -> Result<(), TransportError> {
        let mut rest = self.input.bytes();
        while let Some(Head {
            length,
            parts: None,
            ..
        }) = head::parse(rest, self.asked, needs)?
        {
            rest = &rest[length..];
        }
        Ok(())
    }

    /// Reads a body to its end, one piece at a time, and passes each to `keep`, which may break off.
    /// Returns `false` if all of it had come with the head.
    ///
    /// # Errors
    /// If the connection fails or the response is not HTTP. The connection must not be used again
    /// in that case.
    pub(crate) async fn receive(
        &mut self,
        mut keep: impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<bool, TransportError> {
        if self.body.is_end() {
            return Ok(false);
        }
        let mut more = false;
        let result = poll_fn(|cx| self.poll_body(cx, &mut keep, &mut more)).await;
        self.ended |= result.is_err();
        result.map(|()| more)
    }

    fn poll_body(
        &mut self,
        cx: &mut Context<'_>,
        keep: &mut impl FnMut(&[u8]) -> ControlFlow<()>,
        more: &mut bool,
    ) -> Poll<Result<(), TransportError>> {
        // The peer may read on only while it sends.
        self.poll_send(cx, &[], || {})?;
        loop {
            while !self.input.is_empty() && !self.body.is_end() {
                let mut flow = ControlFlow::Continue(());
                let taken = self
                    .body
                    .take(self.input.bytes(), &mut |data| flow = keep(data))?;
                self.input.consume(taken);
                if flow.is_break() && !self.body.is_end() {
                    return Poll::Ready(Ok(()));
                }
            }
            if self.body.is_end() {
                self.finish();
                return Poll::Ready(Ok(()));
            }
            *more = true;
            match ready!(self.input.poll_fill(cx, &mut self.io)) {
                Ok(0) => {
                    self.body.close()?;
                    self.closes = true;
                }
                Ok(_) => {}
                Err(error) => return Poll::Ready(Err(failure::body_failed(&error))),
            }
        }
    }

    /// Decides whether the connection can carry another request, at the end of a response.
    fn finish(&mut self) {
        self.ended = self.closes || !self.input.is_empty() || !self.upload.is_done();
    }
}
