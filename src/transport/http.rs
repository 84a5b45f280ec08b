//! HTTP/1.1 through hyper's connection-level client. The connection is polled inside the request,
//! in the same task, so that no wake passes between two tasks and no thread but the caller's is
//! needed.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper::rt::{Read, Write};

use super::TransportError;
use super::body::{Outgoing, Payload, Progress};
use super::counted::{Metered, Passed};
use super::replay::Replay;
use super::selfwake::SelfWake;
use crate::metrics::FailureKind;

/// The largest head of an answer, in bytes, whichever HTTP is spoken. It is what hyper sets aside
/// for one anyway.
const MAX_HEAD: usize = 408 << 10;
/// The most lines of a head.
const MAX_HEADER_LINES: usize = 1000;

/// What is sent: a head and a body.
pub type Message = Request<Outgoing>;

/// What comes of a message.
pub type Came = hyper::Result<Response<Incoming>>;

/// A request with all its parts, from which the message of each try is made.
#[derive(Clone, Debug)]
pub struct PreparedRequest {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub uri: Uri,
    /// Every header but those that say how long the body is, where there is one.
    pub headers: HeaderMap,
    /// The body.
    pub body: Payload,
}

impl PreparedRequest {
    /// A request of this kind. Where its method is one that sends something and it sends nothing,
    /// it says so: many servers refuse it otherwise, and RFC 9110 (section 8.6) wants it.
    pub fn new(method: Method, uri: Uri, mut headers: HeaderMap, body: Payload) -> Self {
        if body.is_empty() && matches!(method, Method::POST | Method::PUT | Method::PATCH) {
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        Self {
            method,
            uri,
            headers,
            body,
        }
    }

    /// The message of one try. Its headers go into the empty map given: hyper hands the map of a
    /// request on to the response, and the response's serves the next request, so that none is made
    /// anew.
    pub fn message(&self, mut headers: HeaderMap) -> Message {
        for (name, value) in &self.headers {
            headers.append(name, value.clone());
        }
        let mut request = Request::new(self.body.outgoing());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        // The new request's own map is empty and has no memory: dropping it would only take time.
        std::mem::forget(std::mem::replace(request.headers_mut(), headers));
        request
    }
}

/// A connection to one target. Dropping it closes it.
pub struct Connection<Io: Read + Write + Unpin + Send + 'static> {
    sender: http1::SendRequest<Outgoing>,
    driver: Driver<Io>,
    /// hyper has nothing more to do on it.
    ended: bool,
    /// It has carried a request.
    used: bool,
    /// How it was when its last request was handed over.
    before: Before,
    /// How far the body of its last request has got, where that is not sent in one piece.
    outgoing: Option<Arc<Progress>>,
    passed: Arc<Passed>,
    /// What hyper is polled with.
    wakes: SelfWake,
}

/// hyper's side of a connection.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every connection is the large one, and is boxed as a whole"
)]
enum Driver<Io: Read + Write + Unpin + Send + 'static> {
    /// For heads of up to 100 lines, which take no allocation.
    Usual(http1::Connection<Io, Outgoing>),
    /// For heads of more: from the first one on.
    Wide(Box<Wide<Io>>),
    /// It was taken apart, and nothing has taken its place yet.
    Gone,
}

/// A connection that reads heads of up to [`MAX_HEADER_LINES`] lines.
struct Wide<Io: Read + Write + Unpin + Send + 'static> {
    driver: http1::Connection<Replay<Io>, Outgoing>,
    /// What hyper writes is not sent.
    muted: Arc<AtomicBool>,
}

/// How a client of HTTP/1.1 begins that reads heads of up to [`MAX_HEADER_LINES`] lines.
pub(super) fn wide() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .writev(false)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_HEADER_LINES);
    builder
}

/// An answer whose head is larger than what is read of one.
pub(super) fn head_too_large() -> TransportError {
    let message = format!(
        "the head of the answer is larger than loadgen reads: it has more than {MAX_HEADER_LINES} lines, or more than {} KiB",
        MAX_HEAD >> 10
    );
    TransportError {
        kind: FailureKind::Protocol,
        message,
    }
}

/// Fails where a head is larger than what is read of one, in bytes as HTTP/1.1 writes it.
pub(super) fn within_limits(headers: &HeaderMap) -> Result<(), TransportError> {
    let size: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len())
        .sum();
    if size > MAX_HEAD || headers.len() > MAX_HEADER_LINES {
        Err(head_too_large())
    } else {
        Ok(())
    }
}

/// A connection as it was before a request.
#[derive(Clone, Copy, Default)]
struct Before {
    /// It had carried another one.
    used: bool,
    received: u64,
    sent: u64,
    /// The request is one for a head alone.
    is_head: bool,
}

/// Lets hyper go on with a connection; what goes wrong reaches the request that waits for it.
fn advance<Io>(driver: &mut Driver<Io>, ended: &mut bool, cx: &mut Context<'_>)
where
    Io: Read + Write + Unpin + Send + 'static,
{
    if !*ended {
        *ended = driver.poll(cx).is_ready();
    }
}

/// The head that comes at the end of a connection, where one does. The peer is told of the end,
/// unless what it has sent is to be read again; whatever keeps it from hearing that shows itself
/// elsewhere.
#[cold]
fn last_word<Io>(
    driver: &mut Driver<Io>,
    head: Poll<Came>,
    cx: &mut Context<'_>,
) -> Poll<Option<Came>>
where
    Io: Read + Write + Unpin + Send + 'static,
{
    let head = match head {
        Poll::Ready(head) => Some(head),
        Poll::Pending => None,
    };
    if !matches!(&head, Some(Err(error)) if error.is_parse_too_large()) {
        let _ = driver.poll(cx);
    }
    Poll::Ready(head)
}

impl<Io: Read + Write + Unpin + Send + 'static> Driver<Io> {
    /// Ready when hyper has nothing more to do on it, and has said so to the peer.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Usual(driver) => Pin::new(driver).poll(cx).map(drop),
            Self::Wide(wide) => Pin::new(&mut wide.driver).poll(cx).map(drop),
            Self::Gone => Poll::Ready(()),
        }
    }

    /// The same without a word to the peer, so that somebody else may go on.
    fn poll_quietly(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Usual(driver) => driver.poll_without_shutdown(cx).map(drop),
            rare => rare.poll_rare_quietly(cx),
        }
    }

    #[cold]
    fn poll_rare_quietly(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Wide(wide) => wide.driver.poll_without_shutdown(cx).map(drop),
            Self::Usual(_) | Self::Gone => Poll::Ready(()),
        }
    }
}

impl<Io: Read + Write + Metered + Unpin + Send + 'static> Connection<Io> {
    /// Speaks HTTP/1.1 over `io`. Sends nothing.
    ///
    /// # Errors
    /// Never in practice: the handshake of HTTP/1.1 is empty.
    pub async fn new(io: Io) -> Result<Self, TransportError> {
        let passed = io.passed();
        let (sender, driver) = http1::Builder::new()
            .writev(false)
            .max_buf_size(MAX_HEAD)
            .handshake(io)
            .await
            .map_err(|e| TransportError::exchange(&e, false, false))?;
        Ok(Self {
            sender,
            driver: Driver::Usual(driver),
            ended: false,
            used: false,
            before: Before::default(),
            outgoing: None,
            passed,
            wakes: SelfWake::default(),
        })
    }

    /// What has passed over it so far.
    pub fn passed(&self) -> Arc<Passed> {
        self.passed.clone()
    }

    /// Waits until a request can be sent; false where the peer has closed the connection meanwhile,
    /// so that a new one must be made. Nothing has been sent then.
    pub async fn is_ready(&mut self) -> bool {
        // hyper has nothing to do where nothing has come since it said that it is ready.
        if self.passed.is_quiet() && self.sender.is_ready() && !self.ended {
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

    /// Whether another request can go over it. Where the answer came before all was sent the rest
    /// would have to be sent first, to a peer that has said that it doesn't care.
    pub fn is_reusable(&self) -> bool {
        !self.ended
            && !self.sender.is_closed()
            && self
                .outgoing
                .as_ref()
                .is_none_or(|progress| progress.is_ended())
    }

    /// Hands a request over, for [`Self::answer`] to send. It is apart from that because a message
    /// that waits in a future is carried along by every virtual user.
    pub fn ask(&mut self, message: Message) -> impl Future<Output = Came> + use<Io> {
        let is_head = message.method() == Method::HEAD;
        self.before = Before {
            used: self.used,
            received: self.passed.received(),
            sent: self.passed.sent(),
            is_head,
        };
        self.used = true;
        self.outgoing = message.body().progress();
        if let Driver::Wide(wide) = &self.driver {
            wide.muted.store(false, Ordering::Relaxed);
        }
        let Self { sender, wakes, .. } = self;
        wakes.hush(|| sender.send_request(message))
    }

    /// Sends the request that was handed over last, whose `response` is to come, and waits for the
    /// head of that; `sent` is called whenever something of the request has gone out.
    ///
    /// # Errors
    /// When the connection fails or what comes is no HTTP. The connection must not be used again
    /// then.
    pub async fn answer(
        &mut self,
        mut response: Pin<&mut impl Future<Output = Came>>,
        mut sent: impl FnMut(),
    ) -> Result<Response<Incoming>, TransportError> {
        let Self {
            driver,
            ended,
            passed,
            wakes,
            before,
            ..
        } = self;
        let mut gone = before.sent;
        let head = poll_fn(|cx| {
            wakes.poll(cx, |cx| {
                *ended = *ended || driver.poll_quietly(cx).is_ready();
                let now = passed.sent();
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
        let came = passed.received() - before.received;
        let gone = |kind| {
            Err(TransportError {
                kind,
                message: "connection closed before the response".into(),
            })
        };
        match head {
            // What hyper reads at once may be more than it promises.
            Some(Ok(response)) if came > MAX_HEAD as u64 => {
                return within_limits(response.headers()).map(|()| response);
            }
            Some(Ok(response)) => return Ok(response),
            Some(Err(error)) if !error.is_parse_too_large() => {
                return Err(TransportError::exchange(&error, before.used, came > 0));
            }
            None if before.used && came == 0 => return gone(FailureKind::ReusedConnClosed),
            None => return gone(FailureKind::Incomplete),
            Some(Err(_)) => {}
        }
        // Boxed, and with nothing else alive, so that it makes no request larger.
        Box::pin(self.read_again()).await
    }

    /// Reads a head that has more lines than hyper has read of it. They are still there: a second
    /// hyper, which allows for more, reads them again and goes on from there, after a request of
    /// its own that nobody gets to see.
    async fn read_again(&mut self) -> Result<Response<Incoming>, TransportError> {
        let Driver::Usual(driver) = std::mem::replace(&mut self.driver, Driver::Gone) else {
            return Err(head_too_large());
        };
        let http1::Parts { io, read_buf, .. } = driver.into_parts();
        let muted = Arc::new(AtomicBool::new(true));
        let failed = |error: &hyper::Error| TransportError::exchange(error, false, true);
        let replay = Replay::new(io, read_buf, muted.clone());
        let (mut sender, driver) = wide().handshake(replay).await.map_err(|e| failed(&e))?;
        let mut request = Message::default();
        *request.method_mut() = if self.before.is_head {
            Method::HEAD
        } else {
            Method::GET
        };
        let mut response = pin!(sender.send_request(request));
        self.sender = sender;
        self.driver = Driver::Wide(Box::new(Wide { driver, muted }));
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
        let response = head.await.ok_or_else(closed)?.map_err(|e| failed(&e))?;
        within_limits(response.headers()).map(|()| response)
    }

    /// Reads a body to its end, one frame at a time, and hands each to `keep`. False where all of
    /// it had come with the head.
    ///
    /// # Errors
    /// When the connection fails or what comes is no HTTP. The connection must not be used again
    /// then.
    pub async fn receive(
        &mut self,
        mut body: Incoming,
        mut keep: impl FnMut(&[u8]),
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
                    if let Poll::Ready(frame) = Pin::new(&mut body).poll_frame(cx) {
                        return Poll::Ready(frame);
                    }
                    more = true;
                    advance(driver, ended, cx);
                    Pin::new(&mut body).poll_frame(cx)
                })
            })
            .await;
            match frame {
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        keep(data);
                    }
                }
                // Something of this response had come, so it is never a matter of a stale
                // connection.
                Some(Err(error)) => return Err(TransportError::exchange(&error, false, true)),
                None => break,
            }
        }
        Ok(more)
    }
}
