//! [`Link`]: a connection over which requests go, whichever HTTP is spoken on it.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::future::Either;
use h2::RecvStream;
use http::response::Parts;
use hyper::body::Incoming;
use hyper::rt::{Read, Write};

use super::TransportError;
use super::counted::{ByteCounters, Metered};
use super::http::{Connection, Message, ResponseResult};
use super::http2::{ConnectionTask, Http2, Refusal};
use super::wire::Wire;
use crate::base::Nanos;

/// A connection to one target. Dropping it closes it.
pub struct Link<Io: Read + Write + Unpin + Send + 'static> {
    /// When it was made.
    pub born: Nanos,
    spoken: Spoken<Io>,
}

enum Spoken<Io: Read + Write + Unpin + Send + 'static> {
    // Boxed, so that taking a link out of a pool and putting it back moves a pointer.
    Http1(Box<Connection<Wire<Io>>>),
    Http2(Box<Http2>),
}

/// A request that was handed to a link: over HTTP/1.1 the response that is to come, over HTTP/2 the
/// message.
pub(crate) type Asked<R> = Either<R, Option<Box<Message>>>;

/// The body of a response that comes.
pub enum Arriving {
    /// Over HTTP/1.1.
    Http1(Incoming),
    /// Over HTTP/2.
    Http2(RecvStream),
}

impl<Io: Read + Write + Metered + Unpin + Send + 'static> Link<Io> {
    /// Speaks HTTP over `wire`, at whose other end somebody listens since `born`.
    ///
    /// # Errors
    /// When the connection fails or the peer speaks something else.
    pub async fn open(wire: Wire<Io>, is_http2: bool, born: Nanos) -> Result<Self, TransportError> {
        let spoken = if is_http2 {
            let secure = matches!(wire, Wire::Tls(_));
            Spoken::Http2(Box::new(Http2::open(wire, secure).await?))
        } else {
            let mut connection = Connection::new(wire).await?;
            // What goes wrong here shows itself in the request.
            connection.is_ready().await;
            Spoken::Http1(Box::new(connection))
        };
        Ok(Self { born, spoken })
    }

    /// Hands what keeps the connection going to `keep`, which may give it back; what it keeps lives
    /// as long as the link.
    pub fn detach(&mut self, keep: impl FnOnce(ConnectionTask) -> Option<ConnectionTask>) {
        if let Spoken::Http2(http2) = &mut self.spoken
            && let Some(driver) = http2.detach().and_then(keep)
        {
            http2.attach(driver);
        }
    }

    /// Another part in a connection that has been [detached](Self::detach); nothing where it can't
    /// be shared.
    pub fn share(&mut self) -> Option<Self> {
        match &mut self.spoken {
            Spoken::Http1(_) => None,
            Spoken::Http2(http2) => Some(Self {
                born: self.born,
                spoken: Spoken::Http2(Box::new(http2.share())),
            }),
        }
    }

    /// How many parts there are in it, itself apart.
    pub fn parts(&self) -> usize {
        match &self.spoken {
            Spoken::Http1(_) => 0,
            Spoken::Http2(http2) => http2.parts(),
        }
    }

    /// Whether it is the same connection, in another part.
    pub fn is_shared_with(&self, other: &Self) -> bool {
        match (&self.spoken, &other.spoken) {
            (Spoken::Http2(this), Spoken::Http2(that)) => this.is_shared_with(that),
            _ => false,
        }
    }

    /// How many requests it can carry at once.
    pub fn most_streams(&self) -> usize {
        match &self.spoken {
            Spoken::Http1(_) => 1,
            Spoken::Http2(http2) => http2.most_streams(),
        }
    }

    /// What has passed over it so far.
    pub fn byte_counters(&self) -> Arc<ByteCounters> {
        match &self.spoken {
            Spoken::Http1(connection) => connection.byte_counters(),
            Spoken::Http2(http2) => http2.byte_counters(),
        }
    }

    /// Waits until a request can be sent; false where the connection is at its end. Nothing has
    /// been sent then.
    pub async fn is_ready(&mut self) -> bool {
        match &mut self.spoken {
            Spoken::Http1(connection) => connection.is_ready().await,
            Spoken::Http2(http2) => http2.is_ready().await,
        }
    }

    /// Whether another request can go over it.
    pub fn is_reusable(&self) -> bool {
        match &self.spoken {
            Spoken::Http1(connection) => connection.is_reusable(),
            Spoken::Http2(http2) => http2.is_reusable(),
        }
    }

    /// Whether some request over the connection was answered.
    pub fn has_answered(&self) -> bool {
        match &self.spoken {
            Spoken::Http1(connection) => connection.byte_counters().received() > 0,
            Spoken::Http2(http2) => http2.has_answered(),
        }
    }

    /// How the server has refused the last request, where it has: it may be sent again then.
    pub fn refusal(&self) -> Option<Refusal> {
        match &self.spoken {
            Spoken::Http1(_) => None,
            Spoken::Http2(http2) => http2.refusal(),
        }
    }

    /// Hands a request over, for [`Self::answer`] to send.
    pub fn ask(
        &mut self,
        message: Message,
    ) -> Asked<impl Future<Output = ResponseResult> + use<Io>> {
        match &mut self.spoken {
            Spoken::Http1(connection) => Either::Left(connection.ask(message)),
            Spoken::Http2(_) => Either::Right(Some(Box::new(message))),
        }
    }

    /// Sends the request that was handed over last, and waits for the head of its response; `sent`
    /// is called whenever something of the request has gone out.
    ///
    /// # Errors
    /// When the connection fails or the response is not HTTP. The link must not be used again then.
    pub async fn answer(
        &mut self,
        asked: Pin<&mut Asked<impl Future<Output = ResponseResult>>>,
        sent: impl FnMut(),
    ) -> Result<(Parts, Arriving), TransportError> {
        match (&mut self.spoken, asked.as_pin_mut()) {
            (Spoken::Http1(connection), Either::Left(response)) => {
                let (head, body) = connection.answer(response, sent).await?.into_parts();
                Ok((head, Arriving::Http1(body)))
            }
            (Spoken::Http2(http2), Either::Right(mut message)) => {
                let message = message.take().expect("what was handed over is sent once");
                // Boxed, so that it doesn't make the future of a request over HTTP/1.1 larger.
                let (head, body) = Box::pin(http2.send(*message, sent)).await?;
                Ok((head, Arriving::Http2(body)))
            }
            (Spoken::Http1(_), Either::Right(_)) | (Spoken::Http2(_), Either::Left(_)) => {
                unreachable!("a request is sent over the link to which it was handed")
            }
        }
    }

    /// Reads a body to its end, one piece at a time, and hands each to `keep`. False where nothing
    /// had to be read for it any more.
    ///
    /// # Errors
    /// When the connection fails or the response is not HTTP. The link must not be used again then.
    pub async fn receive(
        &mut self,
        body: Arriving,
        keep: impl FnMut(&[u8]),
    ) -> Result<bool, TransportError> {
        match (&mut self.spoken, body) {
            (Spoken::Http1(connection), Arriving::Http1(body)) => {
                connection.receive(body, keep).await
            }
            (Spoken::Http2(http2), Arriving::Http2(body)) => http2.receive(body, keep).await,
            // A body is read over the link that it came from.
            (Spoken::Http1(_), Arriving::Http2(_)) | (Spoken::Http2(_), Arriving::Http1(_)) => {
                Ok(false)
            }
        }
    }
}
