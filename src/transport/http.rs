//! HTTP/1.1 through hyper's connection-level client. The connection is polled inside the request,
//! in the same task, so that no wake passes between two tasks and only the caller's thread is
//! needed.

mod failure;
mod hyper_connection;
pub(crate) mod lean;
mod limits;
mod request;
mod wire_request;

use std::future::poll_fn;
use std::ops::ControlFlow;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use http::{Method, Response, StatusCode};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper::ext::on_informational;
use hyper::rt::{Read, Write};

pub(super) use self::failure::error;
pub(crate) use self::hyper_connection::ResponseResult;
pub(super) use self::hyper_connection::wide;
use self::hyper_connection::{HyperConnection, advance, last_word};
use self::limits::MAX_HEAD;
pub(super) use self::limits::{head_too_large, within_limits};
pub(crate) use self::request::{Message, PreparedRequest, detached};
use super::TransportError;
use super::body::{Outgoing, Progress};
use super::counted::{ByteCounters, Metered};
use super::selfwake::SelfWake;
use crate::metrics::FailureKind;

/// A connection to one target. Dropping it closes it.
pub(crate) struct Connection<Io: Read + Write + Unpin + Send + 'static> {
    sender: http1::SendRequest<Outgoing>,
    driver: HyperConnection<Io>,
    /// Whether hyper has finished with it.
    ended: bool,
    /// Whether it has carried a request.
    used: bool,
    /// Its state when its last request was handed over.
    before: StateBefore,
    /// The progress of its last request's body, unless that is sent in one piece.
    outgoing: Option<Arc<Progress>>,
    counters: Arc<ByteCounters>,
    /// The wakers that hyper is polled with.
    wakes: SelfWake,
}

/// The state of a connection before a request.
#[derive(Clone, Copy, Default)]
struct StateBefore {
    /// Whether it had carried another one.
    used: bool,
    received: u64,
    sent: u64,
    /// Whether the request is a HEAD request.
    is_head: bool,
}

impl<Io: Read + Write + Metered + Unpin + Send + 'static> Connection<Io> {
    /// Starts HTTP/1.1 over `io`. Sends nothing.
    ///
    /// # Errors
    /// Never in practice: the handshake of HTTP/1.1 is empty.
    pub(crate) async fn new(io: Io) -> Result<Self, TransportError> {
        let counters = io.byte_counters();
        let (sender, driver) = http1::Builder::new()
            .writev(false)
            .max_buf_size(MAX_HEAD)
            .handshake(io)
            .await
            .map_err(|e| error(&e, false, false))?;
        Ok(Self {
            sender,
            driver: HyperConnection::Usual(driver),
            ended: false,
            used: false,
            before: StateBefore::default(),
            outgoing: None,
            counters,
            wakes: SelfWake::default(),
        })
    }

    /// Returns its traffic so far.
    pub(crate) fn byte_counters(&self) -> Arc<ByteCounters> {
        self.counters.clone()
    }

    /// Waits until a request can be sent; returns `false` if the peer has closed the connection in
    /// the meantime, so that a new one must be made. Nothing has been sent in that case.
    pub(crate) async fn is_ready(&mut self) -> bool {
        // If nothing has arrived since hyper was ready, it has nothing to do.
        if self.counters.is_quiet() && self.sender.is_ready() && !self.ended {
            return true;
        }
        let Self {
            sender,
            driver,
            ended,
            wakes,
            ..
        } = self;
        poll_fn(|cx| {
            wakes.poll(cx, |cx| {
                advance(driver, ended, cx);
                if *ended {
                    return Poll::Ready(false);
                }
                sender.poll_ready(cx).map(|ready| ready.is_ok())
            })
        })
        .await
    }

    /// Returns whether it can carry another request. If the response came before the whole request
    /// was sent, the rest would have to be sent first, to a peer that no longer wants it.
    pub(crate) fn is_reusable(&self) -> bool {
        !self.ended
            && !self.sender.is_closed()
            && self
                .outgoing
                .as_ref()
                .is_none_or(|progress| progress.is_ended())
    }

    /// Hands a request over, for [`Self::answer`] to send. It is separate, because a message
    /// waiting inside a future would enlarge every virtual user. Always inlined, because a message is
    /// large, and would be copied once more.
    #[inline(always)]
    pub(crate) fn ask(
        &mut self,
        mut message: Message,
    ) -> impl Future<Output = ResponseResult> + use<Io> {
        let is_head = message.method() == Method::HEAD;
        self.before = StateBefore {
            used: self.used,
            received: self.counters.received(),
            sent: self.counters.sent(),
            is_head,
        };
        self.used = true;
        self.outgoing = message.body().progress();
        if self.outgoing.is_some()
            && let Some(gate) = message.body().gate().cloned()
        {
            on_informational(&mut message, move |head| {
                if head.status() == StatusCode::CONTINUE {
                    gate.open();
                }
            });
        }
        self.driver.unmute();
        let Self { sender, wakes, .. } = self;
        let _hush = wakes.hush();
        sender.send_request(message)
    }

    /// Sends the request that was handed over last, whose `response` is pending, and waits for the
    /// response's head; `sent` is called whenever a part of the request has been sent.
    ///
    /// # Errors
    /// If the connection fails or the response is not HTTP. The connection must not be used again
    /// in that case.
    pub(crate) async fn answer(
        &mut self,
        mut response: Pin<&mut impl Future<Output = ResponseResult>>,
        mut sent: impl FnMut(),
    ) -> Result<Response<Incoming>, TransportError> {
        let Self {
            driver,
            ended,
            counters,
            wakes,
            before,
            ..
        } = self;
        let mut gone = before.sent;
        let head = poll_fn(|cx| {
            wakes.poll(cx, |cx| {
                *ended = *ended || driver.poll_quietly(cx).is_ready();
                let now = counters.sent();
                if now != gone {
                    gone = now;
                    sent();
                }
                let head = response.as_mut().poll(cx);
                if *ended {
                    last_word(driver, head, cx)
                } else {
                    head.map(Some)
                }
            })
        })
        .await;
        let came = counters.received() - before.received;
        let gone = |kind| {
            Err(TransportError {
                kind,
                message: "connection closed before the response".into(),
            })
        };
        match head {
            // A single read of hyper's may exceed its limit.
            Some(Ok(response)) if came > MAX_HEAD as u64 => {
                return within_limits(response.headers()).map(|()| response);
            }
            Some(Ok(response)) => return Ok(response),
            Some(Err(error)) if !error.is_parse_too_large() => {
                return Err(failure::error(&error, before.used, came > 0));
            }
            None if before.used && came == 0 => return gone(FailureKind::ReusedConnClosed),
            None => return gone(FailureKind::Incomplete),
            Some(Err(_)) => {}
        }
        // Boxed, and with nothing else alive, so that it does not enlarge any request.
        Box::pin(self.read_again()).await
    }

    /// Reads a head again that has more lines than hyper accepts. They are still available: a
    /// second hyper with a higher limit reads them and continues from there, after a request of its
    /// own that is not sent.
    async fn read_again(&mut self) -> Result<Response<Incoming>, TransportError> {
        self.sender = self.driver.widen().await?;
        let mut request = Message::default();
        *request.method_mut() = if self.before.is_head {
            Method::HEAD
        } else {
            Method::GET
        };
        let mut response = pin!(self.sender.send_request(request));
        self.ended = false;
        let Self {
            driver,
            ended,
            wakes,
            ..
        } = self;
        let head = poll_fn(|cx| {
            wakes.poll(cx, |cx| {
                advance(driver, ended, cx);
                match response.as_mut().poll(cx) {
                    Poll::Pending if *ended => Poll::Ready(None),
                    other => other.map(Some),
                }
            })
        });
        let closed = || TransportError {
            kind: FailureKind::Incomplete,
            message: "connection closed before the response".into(),
        };
        let response = head
            .await
            .ok_or_else(closed)?
            .map_err(|e| error(&e, false, true))?;
        within_limits(response.headers()).map(|()| response)
    }

    /// Reads a body to its end, one frame at a time, and passes each to `keep`, which may break off.
    /// Returns `false` if all of it had come with the head.
    ///
    /// # Errors
    /// If the connection fails or the response is not HTTP. The connection must not be used again
    /// in that case.
    pub(crate) async fn receive(
        &mut self,
        body: &mut Incoming,
        mut keep: impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<bool, TransportError> {
        let mut more = false;
        let Self {
            driver,
            ended,
            wakes,
            ..
        } = self;
        while !body.is_end_stream() {
            let frame = poll_fn(|cx| {
                wakes.poll(cx, |cx| {
                    if let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(cx) {
                        return Poll::Ready(frame);
                    }
                    more = true;
                    advance(driver, ended, cx);
                    Pin::new(&mut *body).poll_frame(cx)
                })
            })
            .await;
            match frame {
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref()
                        && keep(data).is_break()
                    {
                        break;
                    }
                }
                // A part of this response had arrived, so a stale connection is not the cause.
                Some(Err(error)) => return Err(failure::error(&error, false, true)),
                None => break,
            }
        }
        Ok(more)
    }
}
