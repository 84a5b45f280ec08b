//! [`Link`]: a connection for HTTP requests, of any version.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::future::Either;
use h2::RecvStream;
use http::HeaderMap;
use http::response::Parts;
use hyper::body::Incoming;
use hyper::rt::{Read, Write};

use super::TransportError;
use super::counted::{ByteCounters, Metered};
use super::endpoint::Withdrawal;
use super::http::lean::pipeline::Share;
use super::http::lean::{self, HeaderNeeds};
use super::http::{Connection, Message, PreparedRequest, ResponseResult};
use super::http2::{ConnectionTask, Http2, Refusal};
use super::sink::BodySink;
use super::wire::Wire;
use crate::base::Nanos;
use crate::plan::HttpClient;

/// A connection to one target. Dropping it closes it.
pub struct Link<Io: Read + Write + Unpin + Send + 'static> {
    /// When it was established.
    pub born: Nanos,
    /// Whether its address is still the target's.
    pub withdrawal: Withdrawal,
    /// The number of the client certificate that it was made with, if there are several.
    pub identity: usize,
    /// How many more requests it may carry.
    left: u32,
    connection: LinkConnection<Io>,
}

enum LinkConnection<Io: Read + Write + Unpin + Send + 'static> {
    // Boxed, so that moving a link into and out of a pool moves a pointer.
    Http1(Box<Connection<Wire<Io>>>),
    Lean(Box<lean::Connection<Wire<Io>>>),
    Pipelined(Box<Share<Wire<Io>>>),
    Http2(Box<Http2>),
}

/// A request handed to a link: the pending response for hyper's client of HTTP/1.1, the message for
/// HTTP/2, and nothing for the lean client, whose connection has it.
pub(crate) type HandedRequest<R> = Either<R, Option<Box<Message>>>;

/// The body of a response that is being received.
pub enum IncomingBody {
    /// Over HTTP/1.1, by hyper's client.
    Http1(Incoming),
    /// Over HTTP/1.1, by the lean client, whose connection has it.
    Lean,
    /// Over HTTP/2.
    Http2(RecvStream),
}

impl<Io: Read + Write + Metered + Unpin + Send + 'static> Link<Io> {
    /// Starts HTTP over `wire`, which was established at `born`: HTTP/1.1 by `client`. It carries no
    /// more than `most` requests.
    ///
    /// # Errors
    /// If the connection fails or the peer speaks another protocol.
    pub async fn open(
        wire: Wire<Io>,
        is_http2: bool,
        client: HttpClient,
        born: Nanos,
        most: u32,
    ) -> Result<Self, TransportError> {
        let connection = if is_http2 {
            let secure = matches!(wire, Wire::Tls(_));
            LinkConnection::Http2(Box::new(Http2::open(wire, secure).await?))
        } else {
            // In both, an error here also shows in the request.
            match client {
                HttpClient::Hyper => {
                    let mut connection = Connection::new(wire).await?;
                    connection.is_ready().await;
                    LinkConnection::Http1(Box::new(connection))
                }
                HttpClient::Lean => {
                    let mut connection = Box::new(lean::Connection::new(wire));
                    connection.is_ready().await;
                    LinkConnection::Lean(connection)
                }
            }
        };
        Ok(Self {
            born,
            withdrawal: Withdrawal::default(),
            identity: 0,
            left: most,
            connection,
        })
    }

    /// Passes the driver of the connection to `keep`, which may return it; a driver that it keeps
    /// runs as long as the link.
    pub fn detach(&mut self, keep: impl FnOnce(ConnectionTask) -> Option<ConnectionTask>) {
        if let LinkConnection::Http2(http2) = &mut self.connection
            && let Some(driver) = http2.detach().and_then(keep)
        {
            http2.attach(driver);
        }
    }

    /// Makes a new connection of the lean client one that can be shared: its requests are pipelined.
    /// Any other connection stays as it is.
    #[must_use]
    pub fn pipelined(self) -> Self {
        let connection = match self.connection {
            LinkConnection::Lean(connection) => {
                LinkConnection::Pipelined(Box::new(Share::new(connection)))
            }
            other => other,
        };
        Self { connection, ..self }
    }

    /// Creates another handle to a connection that was [detached](Self::detach) or is
    /// [pipelined](Self::pipelined); returns `None` if it cannot be shared. One to a pipelined
    /// connection is for one request.
    pub fn share(&mut self) -> Option<Self> {
        let (left, connection) = match &mut self.connection {
            LinkConnection::Http1(_) | LinkConnection::Lean(_) => return None,
            LinkConnection::Pipelined(share) => {
                self.left = self.left.checked_sub(1)?;
                (1, LinkConnection::Pipelined(Box::new(share.share())))
            }
            LinkConnection::Http2(http2) => {
                (self.left, LinkConnection::Http2(Box::new(http2.share())))
            }
        };
        Some(Self {
            born: self.born,
            withdrawal: self.withdrawal.clone(),
            identity: self.identity,
            left,
            connection,
        })
    }

    /// Returns whether no further request may be sent over it, or over a handle to it.
    pub const fn is_used_up(&self) -> bool {
        self.left == 0
    }

    /// Returns the number of other handles.
    pub fn parts(&self) -> usize {
        match &self.connection {
            LinkConnection::Http1(_) | LinkConnection::Lean(_) => 0,
            LinkConnection::Pipelined(share) => share.parts(),
            LinkConnection::Http2(http2) => http2.parts(),
        }
    }

    /// Returns whether both are handles to the same connection.
    pub fn is_shared_with(&self, other: &Self) -> bool {
        match (&self.connection, &other.connection) {
            (LinkConnection::Http2(this), LinkConnection::Http2(that)) => this.is_shared_with(that),
            (LinkConnection::Pipelined(this), LinkConnection::Pipelined(that)) => {
                this.is_shared_with(that)
            }
            _ => false,
        }
    }

    /// Returns how many concurrent requests it can carry.
    pub fn most_streams(&self) -> usize {
        match &self.connection {
            LinkConnection::Http1(_) | LinkConnection::Lean(_) => 1,
            LinkConnection::Pipelined(_) => self.left as usize,
            LinkConnection::Http2(http2) => http2.most_streams(),
        }
    }

    /// Returns its traffic so far.
    pub fn byte_counters(&self) -> Arc<ByteCounters> {
        match &self.connection {
            LinkConnection::Http1(connection) => connection.byte_counters(),
            LinkConnection::Lean(connection) => connection.byte_counters(),
            LinkConnection::Pipelined(share) => share.byte_counters(),
            LinkConnection::Http2(http2) => http2.byte_counters(),
        }
    }

    /// Waits until a request can be sent; returns `false` if the connection has ended. Nothing has
    /// been sent in that case.
    pub async fn is_ready(&mut self) -> bool {
        match &mut self.connection {
            LinkConnection::Http1(connection) => connection.is_ready().await,
            LinkConnection::Lean(connection) => connection.is_ready().await,
            LinkConnection::Pipelined(share) => share.is_ready().await,
            LinkConnection::Http2(http2) => http2.is_ready().await,
        }
    }

    /// Returns whether it can carry another request.
    pub fn is_reusable(&self) -> bool {
        self.left > 0
            && match &self.connection {
                LinkConnection::Http1(connection) => connection.is_reusable(),
                LinkConnection::Lean(connection) => connection.is_reusable(),
                LinkConnection::Pipelined(share) => share.is_reusable(),
                LinkConnection::Http2(http2) => http2.is_reusable(),
            }
    }

    /// Returns whether any request on the connection was answered.
    pub fn has_answered(&self) -> bool {
        match &self.connection {
            LinkConnection::Http1(connection) => connection.byte_counters().received() > 0,
            LinkConnection::Lean(connection) => connection.has_answered(),
            LinkConnection::Pipelined(share) => share.has_answered(),
            LinkConnection::Http2(http2) => http2.has_answered(),
        }
    }

    /// Returns how the server refused the last request, if it did: it may then be sent again.
    pub fn refusal(&self) -> Option<Refusal> {
        match &self.connection {
            LinkConnection::Http1(_) | LinkConnection::Lean(_) | LinkConnection::Pipelined(_) => {
                None
            }
            LinkConnection::Http2(http2) => http2.refusal(),
        }
    }

    /// Hands a request over as it was prepared, for [`Self::answer`] to send, if the connection takes
    /// it like that; otherwise a message has to be made of it.
    pub fn ask_prepared(&mut self, request: &PreparedRequest) -> bool {
        match &mut self.connection {
            LinkConnection::Lean(connection) => connection.ask_prepared(request),
            LinkConnection::Pipelined(share) => share.ask_prepared(request),
            LinkConnection::Http1(_) | LinkConnection::Http2(_) => return false,
        }
        self.left = self.left.saturating_sub(1);
        true
    }

    /// Hands a message over, for [`Self::answer`] to send. Always inlined, because a message is large,
    /// and would be copied once more.
    #[inline(always)]
    pub fn ask(
        &mut self,
        message: Message,
    ) -> HandedRequest<impl Future<Output = ResponseResult> + use<Io>> {
        self.left = self.left.saturating_sub(1);
        match &mut self.connection {
            LinkConnection::Http1(connection) => Either::Left(connection.ask(message)),
            LinkConnection::Lean(connection) => {
                connection.ask(message);
                Either::Right(None)
            }
            LinkConnection::Pipelined(share) => {
                share.ask(message);
                Either::Right(None)
            }
            LinkConnection::Http2(_) => Either::Right(Some(Box::new(message))),
        }
    }

    /// Sends the request that was handed over last, and waits for the head of its response; `sent`
    /// is called whenever a part of the request has been sent. Headers that nobody `needs` may be
    /// missing in the head.
    ///
    /// # Errors
    /// If the connection fails or the response is not HTTP. The link must not be used again in that
    /// case.
    pub(crate) async fn answer(
        &mut self,
        asked: Pin<&mut HandedRequest<impl Future<Output = ResponseResult>>>,
        request: &PreparedRequest,
        needs: impl FnOnce() -> HeaderNeeds,
        sent: impl FnMut(),
    ) -> Result<(Parts, IncomingBody), TransportError> {
        match (&mut self.connection, asked.as_pin_mut()) {
            (LinkConnection::Http1(connection), Either::Left(response)) => {
                let (head, body) = connection.answer(response, sent).await?.into_parts();
                Ok((head, IncomingBody::Http1(body)))
            }
            (LinkConnection::Lean(connection), Either::Right(_)) => {
                let head = connection.answer(request, needs(), sent).await?;
                Ok((head, IncomingBody::Lean))
            }
            (LinkConnection::Pipelined(share), Either::Right(_)) => {
                let head = share.answer(needs(), sent).await?;
                Ok((head, IncomingBody::Lean))
            }
            (LinkConnection::Http2(http2), Either::Right(mut message)) => {
                let message = message.take().expect("what was handed over is sent once");
                // Boxed, so that it does not enlarge the future of a request over HTTP/1.1.
                let (head, body) = Box::pin(http2.send(*message, sent)).await?;
                Ok((head, IncomingBody::Http2(body)))
            }
            (LinkConnection::Http1(_), Either::Right(_)) | (_, Either::Left(_)) => {
                unreachable!("a request is sent over the link to which it was handed")
            }
        }
    }

    /// Reads a body to its end, one piece at a time, and passes each to `keep`, which may break off:
    /// the rest can be read later. Returns `false` if nothing more had to be read.
    ///
    /// # Errors
    /// If the connection fails or the response is not HTTP. The link must not be used again in that
    /// case.
    pub async fn receive(
        &mut self,
        body: &mut IncomingBody,
        keep: impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<bool, TransportError> {
        match (&mut self.connection, body) {
            (LinkConnection::Http1(connection), IncomingBody::Http1(body)) => {
                connection.receive(body, keep).await
            }
            (LinkConnection::Lean(connection), IncomingBody::Lean) => {
                connection.receive(keep).await
            }
            (LinkConnection::Pipelined(share), IncomingBody::Lean) => share.receive(keep).await,
            (LinkConnection::Http2(http2), IncomingBody::Http2(body)) => {
                http2.receive(body, keep).await
            }
            // A body is read over the link that it came from.
            _ => Ok(false),
        }
    }

    /// Reads a body to its end into a sink, with the trailers behind it if the sink wants them. Returns
    /// `false` if nothing more had to be read.
    ///
    /// # Errors
    /// If the connection fails, the response is not HTTP, or the sink does not want the rest. The
    /// link must not be used again in that case.
    pub(crate) async fn receive_into<S: BodySink>(
        &mut self,
        body: &mut IncomingBody,
        sink: &mut S,
    ) -> Result<bool, TransportError> {
        let mut refused = Ok(());
        let received = self.receive(body, |data| {
            refused = sink.take(data);
            match refused {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        });
        let more = received.await?;
        refused?;
        if S::WANTS_TRAILERS
            && more
            && let Some(trailers) = Box::pin(self.trailers(body)).await?
        {
            sink.take_trailers(trailers);
        }
        Ok(more)
    }

    /// Receives the trailers behind a body that was read to its end, if there are any, which only
    /// HTTP/2 has here.
    ///
    /// # Errors
    /// If the connection fails. The link must not be used again in that case.
    pub(crate) async fn trailers(
        &mut self,
        body: &mut IncomingBody,
    ) -> Result<Option<HeaderMap>, TransportError> {
        match (&mut self.connection, body) {
            (LinkConnection::Http2(http2), IncomingBody::Http2(body)) => http2.trailers(body).await,
            _ => Ok(None),
        }
    }

    /// Gives up the rest of a body; returns whether the connection can carry another request.
    pub async fn hang_up(&mut self, body: IncomingBody) -> bool {
        match (&mut self.connection, body) {
            (LinkConnection::Http2(http2), IncomingBody::Http2(body)) => {
                http2.hang_up(body).await;
                http2.is_reusable()
            }
            // Over HTTP/1.1, only closing the connection stops the server.
            _ => false,
        }
    }
}
