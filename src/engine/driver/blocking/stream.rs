//! [`Stream`]: a connection, over TCP or to a Unix socket, that blocks the thread that reads it.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::sockopt::{set_tcp_nodelay, socket_error};
use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendFlags, SocketAddrUnix, connect, recv,
    sendmsg,
};

use super::super::bound::{socket, tcp_socket};
use super::super::socket::AGAIN;
use super::parker;
use super::socket::Socket;
use crate::base::{Clock, Nanos};
use crate::transport::counted::{ByteCounters, Metered};
use crate::transport::endpoint::Endpoint;

/// The idle time after which a connection is checked, without blocking, before it is used again:
/// the peer may have closed it. After a shorter time, the extra system call would cost more than it
/// saves.
const QUIET: Nanos = Nanos::from_millis(10);
/// The size of the largest read.
const CHUNK: usize = 16 * 1024;

thread_local! {
    /// The buffer that reads go through: hyper's own can be written only by copying (or with
    /// `unsafe`).
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A connection that blocks the thread that reads it, when its parker grants that.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(super) socket: Arc<Socket>,
    clock: Clock,
    passed: Arc<ByteCounters>,
    last_used: Nanos,
    /// Whether the peer has closed it: further reads report that without asking the kernel.
    closed: bool,
}

impl Stream {
    /// Connects, from an address of this machine if it is given; for TCP, with Nagle's algorithm
    /// disabled.
    pub(crate) async fn connect(
        clock: Clock,
        to: &Endpoint,
        from: Option<IpAddr>,
    ) -> io::Result<Self> {
        let fd = match to {
            Endpoint::Tcp(address) => {
                let fd = tcp_socket(address, from)?;
                set_tcp_nodelay(&fd, true)?;
                fd
            }
            Endpoint::Unix(_) => socket(AddressFamily::UNIX)?,
        };
        let socket = Arc::new(Socket::new(fd));
        let mut begun = false;
        poll_fn(|_| {
            if begun {
                if parker::take_ready(&socket) {
                    return Poll::Ready(
                        socket_error(&socket.fd)
                            .map_err(io::Error::from)
                            .and_then(|state| state.map_err(io::Error::from)),
                    );
                }
            } else {
                begun = true;
                let result = match to {
                    Endpoint::Tcp(address) => connect(&socket.fd, address),
                    Endpoint::Unix(path) => {
                        SocketAddrUnix::new(path).and_then(|address| connect(&socket.fd, &address))
                    }
                };
                match result {
                    Ok(()) => return Poll::Ready(Ok(())),
                    Err(Errno::INPROGRESS) => {}
                    Err(Errno::AGAIN) if matches!(to, Endpoint::Unix(_)) => {
                        begun = false;
                        // The clock is waited for, not a socket.
                        parker::clear_interest();
                        parker::wait_until(clock.now() + AGAIN, false);
                        return Poll::Pending;
                    }
                    Err(error) => return Poll::Ready(Err(io::Error::from(error))),
                }
            }
            // `block_on` waits, because it knows the deadline of this pass.
            parker::want_write(&socket);
            Poll::Pending
        })
        .await?;
        rustix::io::ioctl_fionbio(&socket.fd, false)?;
        Ok(Self {
            socket,
            clock,
            passed: Arc::default(),
            last_used: clock.now(),
            closed: false,
        })
    }

    /// Checks whether the peer has sent data or closed, if the connection was idle for long.
    fn look(&mut self, buf: &mut ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        if self.closed {
            // Nothing read means the end of the stream.
            return Poll::Ready(Ok(()));
        }
        let now = self.clock.now();
        if now - self.last_used < QUIET {
            return Poll::Pending;
        }
        self.last_used = now;
        self.read(buf, |fd, scratch| {
            match recv(fd, scratch, RecvFlags::DONTWAIT) {
                Err(Errno::AGAIN | Errno::INTR) => None,
                result => Some(result.map(|(_, n)| n)),
            }
        })
    }

    /// Reads through the scratch buffer; returns pending if nothing was read or the parker is
    /// cancelled.
    fn read(
        &mut self,
        buf: &mut ReadBufCursor<'_>,
        receive: impl FnOnce(&OwnedFd, &mut [u8]) -> Option<Result<usize, Errno>>,
    ) -> Poll<io::Result<()>> {
        SCRATCH.with_borrow_mut(|scratch| {
            scratch.resize(CHUNK, 0);
            let room = buf.remaining().min(CHUNK);
            let received = receive(&self.socket.fd, &mut scratch[..room]);
            // Our own shutdown must not be taken for the peer's.
            if parker::cancelled() {
                return Poll::Pending;
            }
            match received {
                Some(Ok(n)) => {
                    self.closed = n == 0 && room > 0;
                    buf.put_slice(&scratch[..n]);
                    self.passed.receive(n);
                    Poll::Ready(Ok(()))
                }
                Some(Err(error)) => Poll::Ready(Err(error.into())),
                None => Poll::Pending,
            }
        })
    }

    fn send(&self, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        loop {
            // A plain blocking send would return only when everything is queued, regardless of the
            // deadline. (A closed peer causes an error, not a signal: Rust's start-up code ignores
            // SIGPIPE.)
            match sendmsg(
                self.socket.fd.as_fd(),
                bufs,
                &mut SendAncillaryBuffer::default(),
                SendFlags::DONTWAIT,
            ) {
                Ok(n) => {
                    self.passed.send(n);
                    return Poll::Ready(Ok(n));
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    // `block_on` waits for room and for an answer at once: a peer may send while it
                    // receives, and stop receiving until its data is read.
                    parker::want_write(&self.socket);
                    return Poll::Pending;
                }
                // Our own shutdown must not be taken for the peer's.
                Err(_) if parker::cancelled() => return Poll::Pending,
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }
}

impl Metered for Stream {
    fn byte_counters(&self) -> Arc<ByteCounters> {
        self.passed.clone()
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let result = match parker::take_read(&self.socket) {
            None => self.look(&mut buf),
            Some(deadline) => {
                let (socket, clock) = (self.socket.clone(), self.clock);
                let result = self.read(&mut buf, |_, scratch| {
                    parker::blocking(&socket, || {
                        socket.receive(clock, scratch, deadline, &parker::cancelled)
                    })
                    .flatten()
                });
                self.last_used = self.clock.now();
                result
            }
        };
        if result.is_pending() {
            parker::want_read(&self.socket);
        }
        result
    }
}

impl Write for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.send(&[IoSlice::new(buf)])
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // What matters is that the descriptor closes, and dropping it does that.
        Poll::Ready(Ok(()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.send(bufs)
    }
}
