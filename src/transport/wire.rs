//! [`Wire`]: a byte stream with or without TLS.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio_rustls::client::TlsStream;

use super::counted::{ByteCounters, Counted, Metered};

/// A byte stream with or without TLS. Traffic is counted above TLS.
pub enum Wire<Io> {
    /// The plain stream.
    Plain(Io),
    /// TLS over a stream with hyper's traits, in every driver: if that one blocks, the whole
    /// blocks.
    Tls(Box<TokioIo<Counted<TlsStream<TokioIo<Io>>>>>),
}

impl<Io> Wire<Io> {
    /// Creates a stream whose TLS handshake is complete.
    pub fn sealed(stream: TlsStream<TokioIo<Io>>) -> Self {
        Self::Tls(Box::new(TokioIo::new(Counted::new(stream))))
    }
}

impl<Io: Metered> Metered for Wire<Io> {
    fn byte_counters(&self) -> Arc<ByteCounters> {
        match self {
            Self::Plain(io) => io.byte_counters(),
            Self::Tls(sealed) => sealed.byte_counters(),
        }
    }
}

impl<Io: Read + Write + Unpin> Read for Wire<Io> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_read(cx, buf),
            Self::Tls(sealed) => Pin::new(&mut **sealed).poll_read(cx, buf),
        }
    }
}

impl<Io: Read + Write + Unpin> Write for Wire<Io> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_write(cx, buf),
            Self::Tls(sealed) => Pin::new(&mut **sealed).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_flush(cx),
            Self::Tls(sealed) => Pin::new(&mut **sealed).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_shutdown(cx),
            Self::Tls(sealed) => Pin::new(&mut **sealed).poll_shutdown(cx),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(io) => io.is_write_vectored(),
            Self::Tls(sealed) => sealed.is_write_vectored(),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_write_vectored(cx, bufs),
            Self::Tls(sealed) => Pin::new(&mut **sealed).poll_write_vectored(cx, bufs),
        }
    }
}
