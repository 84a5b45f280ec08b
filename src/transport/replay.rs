//! [`Replay`]: a byte stream that repeats a part of its input.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use hyper::rt::{Read, ReadBufCursor, Write};

/// A byte stream that begins with input that was read before.
pub(super) struct Replay<Io> {
    io: Io,
    /// The input to repeat.
    before: Bytes,
    /// Whether output is discarded, because the other side has received it already.
    muted: Arc<AtomicBool>,
    /// Whether something was written. The repeated input is the response to it, and hyper accepts
    /// no response before its request.
    is_asked: bool,
}

impl<Io> Replay<Io> {
    /// Creates a stream that begins with `before` and sends nothing while it is `muted`.
    pub(super) const fn new(io: Io, before: Bytes, muted: Arc<AtomicBool>) -> Self {
        Self {
            io,
            before,
            muted,
            is_asked: false,
        }
    }
}

impl<Io: Read + Unpin> Read for Replay<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.before.is_empty() {
            return Pin::new(&mut self.io).poll_read(cx, buf);
        }
        if !self.is_asked {
            return Poll::Pending;
        }
        let length = buf.remaining().min(self.before.len());
        buf.put_slice(&self.before[..length]);
        self.before.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl<Io: Write + Unpin> Write for Replay<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.muted.load(Ordering::Relaxed) {
            self.is_asked = true;
            // Now there is input to read.
            cx.waker().wake_by_ref();
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
