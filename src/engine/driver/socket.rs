//! [`Socket`]: a connection of the async driver, over TCP or to a Unix socket.
//!
//! An HTTP library tries to read several times for each response. This returns pending at once if
//! nothing has arrived since the last attempt found nothing; the socket watches for that with a
//! waker of its own.

use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::net::{TcpSocket, TcpStream};

use super::bound::tcp_socket;
use crate::base::Nanos;
use crate::transport::counted::ByteCounters;
use crate::transport::endpoint::Endpoint;
use crate::transport::task::{Seen, Task};

/// The delay before connecting again to a Unix socket whose backlog is full: the system offers no
/// way to wait for it.
pub(super) const AGAIN: Nanos = Nanos::from_millis(1);

/// A connection of the async driver.
pub(crate) struct Socket {
    stream: Stream,
    read_waker: Arc<ReadWaker>,
    /// The same, as a waker.
    waker: Waker,
    seen: Seen,
}

enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// Wakes the task that reads when data arrives, and marks the socket as no longer quiet.
struct ReadWaker {
    passed: Arc<ByteCounters>,
    task: Task,
}

impl Wake for ReadWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.passed.set_quiet(false);
        self.task.wake();
    }
}

impl Socket {
    /// Connects, from an address of this machine if it is given; for TCP, with Nagle's algorithm
    /// disabled. The socket records in `passed` whether it is quiet.
    pub(crate) async fn connect(
        to: &Endpoint,
        from: Option<IpAddr>,
        passed: Arc<ByteCounters>,
    ) -> io::Result<Self> {
        let stream = Stream::connect(to, from).await?;
        let read_waker = Arc::new(ReadWaker {
            passed,
            task: Task::default(),
        });
        Ok(Self {
            stream,
            waker: Waker::from(read_waker.clone()),
            read_waker,
            seen: Seen::default(),
        })
    }
}

impl Stream {
    async fn connect(to: &Endpoint, from: Option<IpAddr>) -> io::Result<Self> {
        match to {
            Endpoint::Tcp(address) => {
                let stream = match from {
                    None => TcpStream::connect(address).await?,
                    Some(_) => {
                        let fd = tcp_socket(address, from)?;
                        let socket = TcpSocket::from_std_stream(fd.into());
                        socket.connect(*address).await?
                    }
                };
                stream.set_nodelay(true)?;
                Ok(Self::Tcp(stream))
            }
            #[cfg(unix)]
            Endpoint::Unix(path) => loop {
                match UnixStream::connect(path).await {
                    // The listener's backlog is full, and the system does not notify when it no
                    // longer is.
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        tokio::time::sleep(AGAIN.as_duration()).await
                    }
                    result => return result.map(Self::Unix),
                }
            },
            #[cfg(not(unix))]
            Endpoint::Unix(_) => Err(io::Error::from(io::ErrorKind::Unsupported)),
        }
    }
}

/// Applies the same expression to either kind of stream.
macro_rules! either {
    ($socket:expr, $stream:ident => $call:expr) => {
        match $socket {
            Stream::Tcp($stream) => $call,
            #[cfg(unix)]
            Stream::Unix($stream) => $call,
        }
    };
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.seen.polled_by(cx.waker(), &this.read_waker.task);
        let passed = &this.read_waker.passed;
        if passed.is_quiet() {
            return Poll::Pending;
        }
        // Set before the read: data that arrives from here on calls the waker.
        passed.set_quiet(true);
        let result = either!(&mut this.stream, stream => Pin::new(stream).poll_read(&mut Context::from_waker(&this.waker), buf));
        if result.is_ready() {
            passed.set_quiet(false);
        }
        result
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        either!(&mut self.get_mut().stream, stream => Pin::new(stream).poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(&mut self.get_mut().stream, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(&mut self.get_mut().stream, stream => Pin::new(stream).poll_shutdown(cx))
    }

    fn is_write_vectored(&self) -> bool {
        either!(&self.stream, stream => stream.is_write_vectored())
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(&mut self.get_mut().stream, stream => Pin::new(stream).poll_write_vectored(cx, bufs))
    }
}
