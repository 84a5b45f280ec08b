//! HTTP/1.1 through hyper's connection-level client. The connection is polled inside the request, in the
//! same task, so that no wake passes between two tasks and no thread but the caller's is needed.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper::rt::{Read, Write};

use super::TransportError;
use super::body::{Outgoing, Payload, Progress};
use super::counted::{Metered, Passed};
use super::selfwake::SelfWake;
use crate::metrics::FailureKind;

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
    /// A request of this kind. Where its method is one that sends something and it sends nothing, it says so: many servers
    /// refuse it otherwise, and RFC 9110 (section 8.6) wants it.
    pub fn new(method: Method, uri: Uri, mut headers: HeaderMap, body: Payload) -> Self {
        if body.is_empty() && matches!(method, Method::POST | Method::PUT | Method::PATCH) {
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        Self { method, uri, headers, body }
    }

    /// The message of one try. Its headers go into the empty map given: hyper hands the map of a request on to the
    /// response, and the response's serves the next request, so that none is made anew.
    pub fn message(&self, mut headers: HeaderMap) -> Message {
        for (name, value) in &self.headers {
            headers.append(name, value.clone());
        }
        let mut request = Request::new(self.body.outgoing());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = headers;
        request
    }
}

/// A connection to one target. Dropping it closes it.
pub struct Connection<Io: Read + Write + Unpin + Send + 'static> {
    sender: http1::SendRequest<Outgoing>,
    /// hyper's side of it.
    driver: http1::Connection<Io, Outgoing>,
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

/// A connection as it was before a request.
#[derive(Clone, Copy, Default)]
struct Before {
    /// It had carried another one.
    used: bool,
    received: u64,
    sent: u64,
}

/// Lets hyper go on with a connection; what goes wrong reaches the request that waits for it.
fn advance<Io>(driver: &mut http1::Connection<Io, Outgoing>, ended: &mut bool, cx: &mut Context<'_>)
where
    Io: Read + Write + Unpin + Send + 'static,
{
    if !*ended && Pin::new(driver).poll(cx).is_ready() {
        *ended = true;
    }
}

impl<Io: Read + Write + Metered + Unpin + Send + 'static> Connection<Io> {
    /// Speaks HTTP/1.1 over `io`. Sends nothing.
    ///
    /// # Errors
    /// Never in practice: the handshake of HTTP/1.1 is empty.
    pub async fn new(io: Io) -> Result<Self, TransportError> {
        let passed = io.passed();
        let (sender, driver) =
            http1::Builder::new().writev(false).handshake(io).await.map_err(|e| TransportError::exchange(&e, false, false))?;
        Ok(Self {
            sender,
            driver,
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

    /// Waits until a request can be sent; false where the peer has closed the connection meanwhile, so that
    /// a new one must be made. Nothing has been sent then.
    pub async fn is_ready(&mut self) -> bool {
        // hyper has nothing to do where nothing has come since it said that it is ready.
        if self.passed.is_quiet() && self.sender.is_ready() && !self.ended {
            return true;
        }
        let Self { sender, driver, ended, wakes, .. } = self;
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

    /// Whether another request can go over it. Where the answer came before all was sent the rest would have to be sent first,
    /// to a peer that has said that it doesn't care.
    pub fn is_reusable(&self) -> bool {
        !self.ended && !self.sender.is_closed() && self.outgoing.as_ref().is_none_or(|progress| progress.is_ended())
    }

    /// Hands a request over, for [`Self::answer`] to send. It is apart from that because a message that waits in a future is
    /// carried along by every virtual user.
    pub fn ask(&mut self, message: Message) -> impl Future<Output = Came> + use<Io> {
        self.before = Before { used: self.used, received: self.passed.received(), sent: self.passed.sent() };
        self.used = true;
        self.outgoing = message.body().progress();
        let Self { sender, wakes, .. } = self;
        wakes.hush(|| sender.send_request(message))
    }

    /// Sends the request that was handed over last, whose `response` is to come, and waits for the head of that; `sent` is
    /// called whenever something of the request has gone out.
    ///
    /// # Errors
    /// When the connection fails or what comes is no HTTP. The connection must not be used again then.
    pub async fn answer(
        &mut self,
        mut response: Pin<&mut impl Future<Output = Came>>,
        mut sent: impl FnMut(),
    ) -> Result<Response<Incoming>, TransportError> {
        let Self { driver, ended, passed, wakes, before, .. } = self;
        let mut gone = before.sent;
        let head = poll_fn(|cx| {
            wakes.poll(cx, |cx| {
                advance(driver, ended, cx);
                let now = passed.sent();
                if now != gone {
                    gone = now;
                    sent();
                }
                match response.as_mut().poll(cx) {
                    Poll::Pending if *ended => Poll::Ready(None),
                    other => other.map(Some),
                }
            })
        })
        .await;
        let answered = passed.received() > before.received;
        let gone = |kind| TransportError { kind, message: "connection closed before the response".into() };
        match head {
            Some(Ok(response)) => Ok(response),
            Some(Err(error)) => Err(TransportError::exchange(&error, before.used, answered)),
            None if before.used && !answered => Err(gone(FailureKind::ReusedConnClosed)),
            None => Err(gone(FailureKind::Incomplete)),
        }
    }

    /// Reads a body to its end, one frame at a time, and hands each to `keep`. False where all of it had come with the
    /// head.
    ///
    /// # Errors
    /// When the connection fails or what comes is no HTTP. The connection must not be used again then.
    pub async fn receive(&mut self, mut body: Incoming, mut keep: impl FnMut(&[u8])) -> Result<bool, TransportError> {
        let mut more = false;
        let Self { driver, ended, wakes, .. } = self;
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
                // Something of this response had come, so it is never a matter of a stale connection.
                Some(Err(error)) => return Err(TransportError::exchange(&error, false, true)),
                None => break,
            }
        }
        Ok(more)
    }
}
