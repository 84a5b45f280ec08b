//! Byte streams that count their traffic, so that HTTP's bytes are known without asking the HTTP
//! library, and that report when they are quiet.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The bytes transferred in each direction.
///
/// Only the thread that polls the stream writes them, so plain loads and stores suffice; they are
/// atomic because connections may move between threads.
#[derive(Debug, Default)]
pub struct ByteCounters {
    received: AtomicU64,
    sent: AtomicU64,
    quiet: AtomicBool,
}

impl ByteCounters {
    /// Counts received bytes.
    pub fn receive(&self, bytes: usize) {
        self.received
            .store(self.received() + bytes as u64, Ordering::Relaxed);
    }

    /// Counts sent bytes.
    pub fn send(&self, bytes: usize) {
        self.sent
            .store(self.sent() + bytes as u64, Ordering::Relaxed);
    }

    /// Returns the bytes received so far.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Returns the bytes sent so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Sets whether everything received has been read and a reader that waits for more will be
    /// woken.
    pub fn set_quiet(&self, quiet: bool) {
        self.quiet.store(quiet, Ordering::Release);
    }

    /// Returns whether nothing can have arrived since everything was read. A stream that cannot
    /// tell is never quiet.
    pub fn is_quiet(&self) -> bool {
        self.quiet.load(Ordering::Acquire)
    }
}

/// A byte stream whose traffic is counted.
pub trait Metered {
    /// Returns the traffic so far; remains readable after the stream is dropped.
    fn byte_counters(&self) -> Arc<ByteCounters>;
}

/// A tokio stream that counts its traffic.
#[derive(Debug)]
pub struct Counted<S> {
    stream: S,
    counters: Arc<ByteCounters>,
}

impl<S> Counted<S> {
    /// Counts the traffic of `stream`.
    pub fn new(stream: S) -> Self {
        Self::with_counters(stream, Arc::default())
    }

    /// Counts the traffic of `stream` in `counters`, in which the stream also reports when it is
    /// quiet.
    pub const fn with_counters(stream: S, counters: Arc<ByteCounters>) -> Self {
        Self { stream, counters }
    }
}

impl<S> Metered for TokioIo<Counted<S>> {
    fn byte_counters(&self) -> Arc<ByteCounters> {
        self.inner().counters.clone()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.counters.receive(buf.filled().len() - before);
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, buf);
        if let Poll::Ready(Ok(n)) = result {
            self.counters.send(n);
        }
        result
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        if let Poll::Ready(Ok(n)) = result {
            self.counters.send(n);
        }
        result
    }
}
