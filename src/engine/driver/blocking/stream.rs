//! [`Stream`]: a connection, over TCP or to a Unix socket, that blocks the thread that reads it.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout, set_tcp_nodelay, socket_error};
use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendFlags, Shutdown, SocketAddrUnix, SocketType,
    connect, recv, sendmsg, shutdown,
};
use rustix::time::Timespec;

use super::super::socket::AGAIN;
use super::seat;
use crate::base::{Clock, Nanos};
use crate::transport::counted::{Metered, Passed};
use crate::transport::endpoint::Endpoint;

/// `SO_RCVTIMEO` counts in ticks of the kernel and ends up to some milliseconds late, so the last
/// stretch before a deadline is waited for with `ppoll`, which counts in nanoseconds.
const EXACT: Nanos = Nanos::from_millis(10);
/// A connection that was quiet for longer is looked at, without blocking, before it is used again:
/// the peer may have closed it. Sooner than that, the extra system call would cost more than it
/// saves.
const QUIET: Nanos = Nanos::from_millis(10);
/// The largest read.
const CHUNK: usize = 16 * 1024;

thread_local! {
    /// hyper's buffer can be written only by copying (or with `unsafe`), so reads go through this.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A socket that another thread may shut down.
#[derive(Debug)]
pub struct Socket {
    fd: OwnedFd,
    /// The receive timeout that the kernel has, in nanoseconds; 0 for none.
    receive_timeout: AtomicU64,
}

impl Socket {
    /// Ends whatever a thread is waiting for on it.
    pub fn shut_down(&self) {
        // It may be gone already, and then there is nothing to end.
        let _ = shutdown(&self.fd, Shutdown::Both);
    }

    /// Waits until the socket is ready or the deadline has come: what it is ready for, which is
    /// nothing in the second case.
    pub fn wait(&self, clock: Clock, flags: PollFlags, deadline: Nanos) -> PollFlags {
        loop {
            let left = deadline - clock.now();
            if left == Nanos::ZERO {
                return PollFlags::empty();
            }
            let timeout = (deadline != Nanos::MAX).then_some(Timespec {
                tv_sec: (left.0 / 1_000_000_000) as i64,
                tv_nsec: (left.0 % 1_000_000_000) as i64,
            });
            let mut looked = [PollFd::new(&self.fd, flags)];
            match poll(&mut looked, timeout.as_ref()) {
                Ok(0) | Err(Errno::INTR) => {}
                // An error shows itself in the call that follows.
                Ok(_) => return looked[0].revents(),
                Err(_) => return flags,
            }
            if seat::cancelled() {
                return PollFlags::empty();
            }
        }
    }

    /// One blocking read, no later than the deadline: `None` where that came first.
    fn receive(
        &self,
        clock: Clock,
        buf: &mut [u8],
        deadline: Nanos,
    ) -> Option<Result<usize, Errno>> {
        loop {
            let left = deadline - clock.now();
            if left <= EXACT {
                if self.wait(clock, PollFlags::IN, deadline).is_empty() {
                    return None;
                }
            } else if let Err(error) = self.allow(left - EXACT) {
                return Some(Err(error));
            }
            match recv(&self.fd, &mut *buf, RecvFlags::empty()) {
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if !seat::cancelled() => {}
                result => return Some(result.map(|(_, n)| n)),
            }
        }
    }

    /// Lets a receive block for at most this long. What the kernel has is kept where it is not too
    /// long and not much too short, because setting it would double the system calls of every
    /// request.
    fn allow(&self, longest: Nanos) -> Result<(), Errno> {
        let now = self.receive_timeout.load(Ordering::Relaxed);
        if now != 0 && now <= longest.0 && now >= longest.0 / 4 {
            return Ok(());
        }
        // Whole microseconds, and not zero, which would mean forever. A day is as good as forever.
        let wanted = Nanos(longest.0.clamp(1_000, 86_400_000_000_000) / 1_000 * 1_000);
        // A quarter less than asked, so that the next requests with the same timeout find it good
        // enough.
        let wanted = Nanos((wanted.0 - wanted.0 / 16).max(1_000));
        set_socket_timeout(&self.fd, Timeout::Recv, Some(wanted.as_duration()))?;
        self.receive_timeout.store(wanted.0, Ordering::Relaxed);
        Ok(())
    }
}

/// A socket that does not block yet, and that no child process inherits.
#[cfg(target_os = "linux")]
fn open(family: AddressFamily) -> Result<OwnedFd, Errno> {
    use rustix::net::{SocketFlags, socket_with};
    socket_with(
        family,
        SocketType::STREAM,
        SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
        None,
    )
}

/// A socket that does not block yet, and that no child process inherits.
#[cfg(not(target_os = "linux"))]
fn open(family: AddressFamily) -> Result<OwnedFd, Errno> {
    use rustix::io::{FdFlags, fcntl_setfd};
    let fd = rustix::net::socket(family, SocketType::STREAM, None)?;
    fcntl_setfd(&fd, FdFlags::CLOEXEC)?;
    rustix::io::ioctl_fionbio(&fd, true)?;
    Ok(fd)
}

/// A connection that blocks the thread that reads it, when its seat grants that.
#[derive(Debug)]
pub struct Stream {
    pub(super) socket: Arc<Socket>,
    clock: Clock,
    passed: Arc<Passed>,
    last_used: Nanos,
    /// The peer has closed it: whoever asks again is told so without asking the kernel.
    closed: bool,
}

impl Stream {
    /// Connects; over TCP with Nagle's delay off.
    pub async fn connect(clock: Clock, to: &Endpoint) -> io::Result<Self> {
        let fd = match to {
            Endpoint::Tcp(address) => {
                let fd = open(if address.is_ipv4() {
                    AddressFamily::INET
                } else {
                    AddressFamily::INET6
                })?;
                set_tcp_nodelay(&fd, true)?;
                fd
            }
            Endpoint::Unix(_) => open(AddressFamily::UNIX)?,
        };
        let socket = Arc::new(Socket {
            fd,
            receive_timeout: AtomicU64::new(0),
        });
        let mut begun = false;
        poll_fn(|_| {
            if begun {
                if seat::take_ready(&socket) {
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
                        // It is the clock that is waited for, and no socket.
                        seat::clear_interest();
                        seat::wait_until(clock.now() + AGAIN, false);
                        return Poll::Pending;
                    }
                    Err(error) => return Poll::Ready(Err(io::Error::from(error))),
                }
            }
            // Waited for outside, where the deadline of this very pass is known.
            seat::want_write(&socket);
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

    /// Looks whether the peer has sent or closed, where the connection was quiet for long.
    fn look(&mut self, buf: &mut ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        if self.closed {
            // Nothing read is the end of the stream.
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

    /// Reads by way of the scratch buffer; nothing read, or a seat called off, is pending.
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
            if seat::cancelled() {
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
            // A plain blocking send would return only when everything is queued, whatever the
            // deadline. (A peer that is gone is an error and no signal: Rust's start-up ignores
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
                    // Waited for outside, and an answer beside it: a peer may talk while it
                    // listens, and stop listening until it is heard.
                    seat::want_write(&self.socket);
                    return Poll::Pending;
                }
                // Our own shutdown must not be taken for the peer's.
                Err(_) if seat::cancelled() => return Poll::Pending,
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }
}

impl Metered for Stream {
    fn passed(&self) -> Arc<Passed> {
        self.passed.clone()
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let result = match seat::take_read(&self.socket) {
            None => self.look(&mut buf),
            Some(deadline) => {
                let (socket, clock) = (self.socket.clone(), self.clock);
                let result = self.read(&mut buf, |_, scratch| {
                    seat::blocking(&socket, || socket.receive(clock, scratch, deadline)).flatten()
                });
                self.last_used = self.clock.now();
                result
            }
        };
        if result.is_pending() {
            seat::want_read(&self.socket);
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
