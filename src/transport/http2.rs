//! HTTP/2 through the h2 library. Unless the connection is shared, it is polled inside the request,
//! in the same task, as for HTTP/1.1; a shared connection has a task of its own.

mod failure;
mod receive;
mod request;
mod upload;

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::RecvStream;
use h2::client::{Builder, SendRequest};
use http::response::Parts;
use http::uri::Scheme;
use hyper::rt::{Read, Write};
use hyper_util::rt::TokioIo;

pub(crate) use self::failure::Refusal;
use self::failure::{closed, error};
pub(crate) use self::request::omits;
use self::request::request;
use self::upload::{Upload, push, release};
use super::TransportError;
use super::body::Outgoing;
use super::counted::{ByteCounters, Metered};
use super::http::{Message, within_limits};

/// The flow-control window of a stream, in bytes.
const STREAM_WINDOW: u32 = 2 << 20;
/// The flow-control window of a connection, in bytes.
const CONNECTION_WINDOW: u32 = 5 << 20;
/// The maximum size of a head that the library reads, in bytes. It exceeds loadgen's own limit, so
/// that a head between the two can be distinguished from an invalid one: the library reports the
/// same error for both.
const MAX_HEADER_LIST: u32 = 16 << 20;
/// The task that drives a connection.
pub(crate) type ConnectionTask = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A connection to one target, or a handle to a shared one. Dropping the last handle closes it.
pub(crate) struct Http2 {
    sender: SendRequest<Bytes>,
    /// What drives the connection, unless a separate task does.
    driver: Option<ConnectionTask>,
    /// Whether the connection has ended.
    ended: bool,
    /// Whether it has carried a request.
    used: bool,
    scheme: Scheme,
    counters: Arc<ByteCounters>,
    /// The rest of the current request's body.
    upload: Option<Upload>,
    /// How the server refused the last request, if it did.
    refusal: Option<Refusal>,
    /// Whether any request on the connection was answered, on any handle.
    answered: Arc<AtomicBool>,
    /// The traffic of the whole connection, for a handle to a shared one.
    whole: Option<Arc<Whole>>,
}

/// The traffic of a shared connection, and how much of it was attributed. Individual bytes cannot
/// be attributed to requests, so each request that completes takes all that remain, and the sum is
/// correct.
struct Whole {
    counters: Arc<ByteCounters>,
    claimed: ByteCounters,
}

impl Drop for Http2 {
    fn drop(&mut self) {
        self.claim();
    }
}

impl Http2 {
    /// Starts HTTP/2 over `io`, and waits for the server's settings, which contain its limit on
    /// streams.
    ///
    /// # Errors
    /// If the connection fails, or the server speaks another protocol.
    pub(crate) async fn open<Io>(io: Io, secure: bool) -> Result<Self, TransportError>
    where
        Io: Read + Write + Metered + Unpin + Send + 'static,
    {
        let counters = io.byte_counters();
        let mut builder = Builder::new();
        builder
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW);
        // No streams before the server's settings are known: it would refuse those beyond its
        // limit.
        builder
            .max_header_list_size(MAX_HEADER_LIST)
            .initial_max_send_streams(0);
        let (sender, mut connection) = builder
            .handshake(TokioIo::new(io))
            .await
            .map_err(|e| error(&e, false))?;
        poll_fn(|cx| {
            if let Poll::Ready(end) = Pin::new(&mut connection).poll(cx) {
                return Poll::Ready(Err(end.err().map_or_else(closed, |e| error(&e, false))));
            }
            if connection.max_concurrent_send_streams() > 0 {
                Poll::Ready(Ok(()))
            } else {
                Poll::Pending
            }
        })
        .await?;
        let driver: ConnectionTask = Box::pin(async move {
            // Errors reach the streams.
            let _ = connection.await;
        });
        let scheme = if secure { Scheme::HTTPS } else { Scheme::HTTP };
        Ok(Self {
            sender,
            driver: Some(driver),
            ended: false,
            used: false,
            scheme,
            counters,
            upload: None,
            refusal: None,
            answered: Arc::default(),
            whole: None,
        })
    }

    /// Attributes all remaining traffic to this handle.
    fn claim(&self) {
        // On an unshared connection all traffic is its own.
        if let Some(whole) = self
            .whole
            .as_ref()
            .filter(|whole| !Arc::ptr_eq(&whole.counters, &self.counters))
        {
            let received = (whole.counters.received() - whole.claimed.received()) as usize;
            let sent = (whole.counters.sent() - whole.claimed.sent()) as usize;
            for account in [&whole.claimed, &*self.counters] {
                account.receive(received);
                account.send(sent);
            }
        }
    }

    /// Takes out the driver of the connection, for a separate task.
    pub(crate) const fn detach(&mut self) -> Option<ConnectionTask> {
        self.driver.take()
    }

    /// Puts the driver back, if no separate task can run it.
    pub(crate) fn attach(&mut self, driver: ConnectionTask) {
        self.driver = Some(driver);
    }

    /// Creates another handle to a connection that has a driver of its own.
    pub(crate) fn share(&mut self) -> Self {
        let whole = self.whole.get_or_insert_with(|| {
            // Earlier traffic belongs to no request.
            let claimed = ByteCounters::default();
            claimed.receive(self.counters.received() as usize);
            claimed.send(self.counters.sent() as usize);
            Arc::new(Whole {
                counters: self.counters.clone(),
                claimed,
            })
        });
        let (whole, used) = (Some(whole.clone()), std::mem::replace(&mut self.used, true));
        let (sender, scheme, answered) = (
            self.sender.clone(),
            self.scheme.clone(),
            self.answered.clone(),
        );
        Self {
            sender,
            driver: None,
            ended: false,
            used,
            scheme,
            counters: Arc::default(),
            upload: None,
            refusal: None,
            answered,
            whole,
        }
    }

    /// Returns the number of other handles.
    pub(crate) fn parts(&self) -> usize {
        self.whole
            .as_ref()
            .map_or(0, |whole| Arc::strong_count(whole) - 1)
    }

    /// Returns whether both are handles to the same connection.
    pub(crate) fn is_shared_with(&self, other: &Self) -> bool {
        self.whole
            .as_ref()
            .zip(other.whole.as_ref())
            .is_some_and(|(this, that)| Arc::ptr_eq(this, that))
    }

    /// Returns the server's limit on concurrent streams.
    pub(crate) fn most_streams(&self) -> usize {
        self.sender.current_max_send_streams()
    }

    /// Returns its traffic so far; for a shared connection, the part attributed to this handle.
    pub(crate) fn byte_counters(&self) -> Arc<ByteCounters> {
        self.counters.clone()
    }

    /// Waits until a request can be sent; returns `false` if the connection has ended. Nothing has
    /// been sent in that case.
    pub(crate) async fn is_ready(&mut self) -> bool {
        let sender = &mut self.sender;
        let ready = run(&mut self.driver, &mut self.ended, |cx| {
            sender.poll_ready(cx)
        })
        .await;
        ready.is_some_and(|ready| ready.is_ok()) && !self.ended
    }

    /// Returns whether it can carry another request.
    pub(crate) fn is_reusable(&self) -> bool {
        !self.ended && self.refusal != Some(Refusal::Connection)
    }

    /// Returns whether any request on the connection was answered, on any handle.
    pub(crate) fn has_answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    /// Returns how the server refused the last request, if it did.
    pub(crate) const fn refusal(&self) -> Option<Refusal> {
        self.refusal
    }

    /// Sends a request and waits for the head of the response; `sent` is called whenever a part of
    /// it has been sent, or handed to the task that sends it.
    ///
    /// # Errors
    /// If the connection or the stream fails, or the response is not HTTP/2.
    pub(crate) async fn send(
        &mut self,
        message: Message,
        mut sent: impl FnMut(),
    ) -> Result<(Parts, RecvStream), TransportError> {
        let reused = std::mem::replace(&mut self.used, true);
        self.refusal = None;
        let refusal = Cell::new(None);
        let failed = |e: h2::Error| {
            refusal.set(Refusal::from_error(&e));
            error(&e, reused)
        };
        let head = self.exchange(message, &mut sent, &failed).await;
        self.refusal = refusal.get();
        if head.is_err() {
            self.upload = None;
        } else {
            self.answered.store(true, Ordering::Relaxed);
        }
        head
    }

    /// Sends a request and waits for the head of the response; `failed` converts the library's
    /// errors.
    async fn exchange(
        &mut self,
        message: Message,
        sent: &mut impl FnMut(),
        failed: &impl Fn(h2::Error) -> TransportError,
    ) -> Result<(Parts, RecvStream), TransportError> {
        let (head, mut body) = message.into_parts();
        let request = request(head, self.scheme.clone(), body.left())?;
        let is_alone = body.left() == 0;
        let (mut response, mut stream) = self
            .sender
            .send_request(request, is_alone)
            .map_err(failed)?;
        // The library sends bytes in memory as the window allows; a file is read when there is room
        // for it.
        self.upload = match &mut body {
            Outgoing::Bytes(bytes) if !bytes.is_empty() => {
                stream
                    .send_data(std::mem::take(bytes), true)
                    .map_err(failed)?;
                None
            }
            Outgoing::Bytes(_) => None,
            Outgoing::Later(_) => Some(Upload { body, stream }),
        };
        if self.driver.is_none() {
            // The driver of the connection sends it, and does not report when.
            sent();
        }
        let mut gone = self.counters.sent();
        let (counters, is_own) = (self.counters.clone(), self.driver.is_some());
        let upload = &mut self.upload;
        let head = run(&mut self.driver, &mut self.ended, |cx| {
            release(upload, &mut response, cx);
            if let Err(unsent) = push(upload, cx) {
                return Poll::Ready(Err(unsent));
            }
            let now = counters.sent();
            if now != gone && is_own {
                gone = now;
                sent();
            }
            Pin::new(&mut response).poll(cx).map_err(failed)
        });
        let (head, body) = head.await.ok_or_else(closed)??.into_parts();
        self.claim();
        within_limits(&head.headers)?;
        Ok((head, body))
    }
}

/// Waits for a future on a connection while driving it; returns `None` if the connection ends
/// first.
async fn run<T>(
    driver: &mut Option<ConnectionTask>,
    ended: &mut bool,
    mut wanted: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Option<T> {
    poll_fn(|cx| {
        let Some(driver) = driver else {
            return wanted(cx).map(Some);
        };
        if !*ended && driver.as_mut().poll(cx).is_ready() {
            *ended = true;
        }
        match wanted(cx) {
            Poll::Pending if *ended => Poll::Ready(None),
            // The future may have queued something to send.
            Poll::Ready(value) => {
                if !*ended && driver.as_mut().poll(cx).is_ready() {
                    *ended = true;
                }
                Poll::Ready(Some(value))
            }
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
