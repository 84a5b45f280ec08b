//! [`HyperConnection`]: hyper's part of a connection, in either of its two forms.

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

/// The number of lines of a head, without that of its status, that hyper accepts if it is not told
/// otherwise.
const USUAL_LINES: usize = 100;

/// The result of sending a message.
pub(crate) type ResponseResult = hyper::Result<Response<Incoming>>;

/// hyper's part of a connection.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every connection is the large one, and is boxed as a whole"
)]
pub(super) enum HyperConnection<Io: Read + Write + Unpin + Send + 'static> {
    /// For heads of up to 100 lines, which need no allocation.
    Usual(http1::Connection<Io, Outgoing>),
    /// For heads with more lines, starting with the first such head.
    Wide(Box<Wide<Io>>),
    /// It was taken apart and not yet replaced.
    Gone,
}

/// A connection that reads heads of up to [`MAX_HEADER_LINES`] lines.
pub(super) struct Wide<Io: Read + Write + Unpin + Send + 'static> {
    driver: http1::Connection<Replay<Io>, Outgoing>,
    /// Whether hyper's output is discarded.
    muted: Arc<AtomicBool>,
}

/// Returns the builder of an HTTP/1.1 client that reads heads of up to [`MAX_HEADER_LINES`] lines.
pub(crate) fn wide() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .writev(false)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_HEADER_LINES);
    builder
}

impl<Io: Read + Write + Unpin + Send + 'static> HyperConnection<Io> {
    /// Polls until hyper has finished with it and has shut it down.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Usual(driver) => Pin::new(driver).poll(cx).map(drop),
            Self::Wide(wide) => Pin::new(&mut wide.driver).poll(cx).map(drop),
            Self::Gone => Poll::Ready(()),
        }
    }

    /// Polls without shutting it down, so that another client can continue with it.
    pub(super) fn poll_quietly(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Usual(driver) => driver.poll_without_shutdown(cx).map(drop),
            rare => rare.poll_rare_quietly(cx),
        }
    }

    /// Sends hyper's output from now on.
    pub(super) fn unmute(&self) {
        if let Self::Wide(wide) = self {
            wide.muted.store(false, Ordering::Relaxed);
        }
    }

    /// Replaces hyper by one that allows more lines and reads the current head again; returns the
    /// sender of its requests. Its output is discarded until [`Self::unmute`].
    pub(super) async fn widen(&mut self) -> Result<http1::SendRequest<Outgoing>, TransportError> {
        let Self::Usual(driver) = std::mem::replace(self, Self::Gone) else {
            return Err(head_too_large());
        };
        let http1::Parts { io, read_buf, .. } = driver.into_parts();
        if !has_many_lines(&read_buf) {
            // hyper refuses a length near 2⁶⁴ in the same way, but has taken its head already: what
            // follows is not the response.
            return Err(head_too_large());
        }
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

/// Returns whether the head at the beginning of the input has more lines than hyper's client
/// accepts.
fn has_many_lines(input: &[u8]) -> bool {
    let lines = input.split(|byte| *byte == b'\n');
    let is_empty = |line: &&[u8]| matches!(line, [] | [b'\r']);
    let head = lines
        .skip_while(is_empty)
        .take_while(|line| !is_empty(line));
    // Beside the line of the status.
    head.count() > 1 + USUAL_LINES
}

/// Lets hyper proceed with a connection; errors reach the pending request.
pub(super) fn advance<Io>(driver: &mut HyperConnection<Io>, ended: &mut bool, cx: &mut Context<'_>)
where
    Io: Read + Write + Unpin + Send + 'static,
{
    if !*ended {
        *ended = driver.poll(cx).is_ready();
    }
}

/// Returns the response that ends with the connection, if any. The connection is shut down, unless
/// its input is to be read again; errors in doing so show elsewhere.
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
