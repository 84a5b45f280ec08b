//! [`HyperConnection`]: hyper's side of a connection, in either of its two forms.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use http::Response;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::rt::{Read, Write};

use super::failure::error;
use super::limits::{MAX_HEAD, MAX_HEADER_LINES, head_too_large};
use crate::transport::TransportError;
use crate::transport::body::Outgoing;
use crate::transport::replay::Replay;

/// What comes of a message.
pub(crate) type ResponseResult = hyper::Result<Response<Incoming>>;

/// hyper's side of a connection.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every connection is the large one, and is boxed as a whole"
)]
pub(super) enum HyperConnection<Io: Read + Write + Unpin + Send + 'static> {
    /// For heads of up to 100 lines, which take no allocation.
    Usual(http1::Connection<Io, Outgoing>),
    /// For heads of more: from the first one on.
    Wide(Box<Wide<Io>>),
    /// It was taken apart, and nothing has taken its place yet.
    Gone,
}

/// A connection that reads heads of up to [`MAX_HEADER_LINES`] lines.
pub(super) struct Wide<Io: Read + Write + Unpin + Send + 'static> {
    driver: http1::Connection<Replay<Io>, Outgoing>,
    /// What hyper writes is not sent.
    muted: Arc<AtomicBool>,
}

/// How a client of HTTP/1.1 begins that reads heads of up to [`MAX_HEADER_LINES`] lines.
pub(crate) fn wide() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .writev(false)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_HEADER_LINES);
    builder
}

impl<Io: Read + Write + Unpin + Send + 'static> HyperConnection<Io> {
    /// Ready when hyper has nothing more to do on it, and has said so to the peer.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Usual(driver) => Pin::new(driver).poll(cx).map(drop),
            Self::Wide(wide) => Pin::new(&mut wide.driver).poll(cx).map(drop),
            Self::Gone => Poll::Ready(()),
        }
    }

    /// The same without a word to the peer, so that somebody else may go on.
    pub(super) fn poll_quietly(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Usual(driver) => driver.poll_without_shutdown(cx).map(drop),
            rare => rare.poll_rare_quietly(cx),
        }
    }

    /// What hyper writes is sent from now on.
    pub(super) fn unmute(&self) {
        if let Self::Wide(wide) = self {
            wide.muted.store(false, Ordering::Relaxed);
        }
    }

    /// Lets a second hyper, which allows for more lines, read the head again that this one has read
    /// too little of; returns what takes its requests. Nothing that it writes is sent before
    /// [`Self::unmute`].
    pub(super) async fn widen(&mut self) -> Result<http1::SendRequest<Outgoing>, TransportError> {
        let Self::Usual(driver) = std::mem::replace(self, Self::Gone) else {
            return Err(head_too_large());
        };
        let http1::Parts { io, read_buf, .. } = driver.into_parts();
        let muted = Arc::new(AtomicBool::new(true));
        let replay = Replay::new(io, read_buf, muted.clone());
        let (sender, driver) = wide()
            .handshake(replay)
            .await
            .map_err(|e| error(&e, false, true))?;
        *self = Self::Wide(Box::new(Wide { driver, muted }));
        Ok(sender)
    }

    #[cold]
    fn poll_rare_quietly(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Wide(wide) => wide.driver.poll_without_shutdown(cx).map(drop),
            Self::Usual(_) | Self::Gone => Poll::Ready(()),
        }
    }
}

/// Lets hyper go on with a connection; what goes wrong reaches the request that waits for it.
pub(super) fn advance<Io>(driver: &mut HyperConnection<Io>, ended: &mut bool, cx: &mut Context<'_>)
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
pub(super) fn last_word<Io>(
    driver: &mut HyperConnection<Io>,
    head: Poll<ResponseResult>,
    cx: &mut Context<'_>,
) -> Poll<Option<ResponseResult>>
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
