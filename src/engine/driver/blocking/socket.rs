//! [`Socket`]: what a thread blocks on, and another one may shut down.

use std::sync::atomic::{AtomicU64, Ordering};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, Shutdown, SocketType, recv, shutdown};
use rustix::time::Timespec;

use crate::base::{Clock, Nanos};

/// `SO_RCVTIMEO` counts in ticks of the kernel and ends up to some milliseconds late, so the last
/// stretch before a deadline is waited for with `ppoll`, which counts in nanoseconds.
const EXACT: Nanos = Nanos::from_millis(10);
/// A socket that another thread may shut down.
#[derive(Debug)]
pub struct Socket {
    pub(super) fd: OwnedFd,
    /// The receive timeout that the kernel has, in nanoseconds; 0 for none.
    receive_timeout: AtomicU64,
}

impl Socket {
    /// One that no receive timeout is set for.
    pub fn new(fd: OwnedFd) -> Self {
        Self {
            fd,
            receive_timeout: AtomicU64::new(0),
        }
    }

    /// Ends whatever a thread is waiting for on it.
    pub fn shut_down(&self) {
        // It may be gone already, and then there is nothing to end.
        let _ = shutdown(&self.fd, Shutdown::Both);
    }

    /// Waits until the socket is ready, the deadline has come or `cancelled` says so: what it is
    /// ready for, which is nothing but in the first case.
    pub fn wait(
        &self,
        clock: Clock,
        flags: PollFlags,
        deadline: Nanos,
        cancelled: &impl Fn() -> bool,
    ) -> PollFlags {
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
            if cancelled() {
                return PollFlags::empty();
            }
        }
    }

    /// One blocking read, no later than the deadline: `None` where that came first.
    pub fn receive(
        &self,
        clock: Clock,
        buf: &mut [u8],
        deadline: Nanos,
        cancelled: &impl Fn() -> bool,
    ) -> Option<Result<usize, Errno>> {
        loop {
            let left = deadline - clock.now();
            if left <= EXACT {
                if self
                    .wait(clock, PollFlags::IN, deadline, cancelled)
                    .is_empty()
                {
                    return None;
                }
            } else if let Err(error) = self.allow(left - EXACT) {
                return Some(Err(error));
            }
            match recv(&self.fd, &mut *buf, RecvFlags::empty()) {
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if !cancelled() => {}
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
pub fn open(tree: AddressFamily) -> Result<OwnedFd, Errno> {
    use rustix::net::{SocketFlags, socket_with};
    socket_with(
        tree,
        SocketType::STREAM,
        SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
        None,
    )
}

/// A socket that does not block yet, and that no child process inherits.
#[cfg(not(target_os = "linux"))]
pub fn open(tree: AddressFamily) -> Result<OwnedFd, Errno> {
    use rustix::io::{FdFlags, fcntl_setfd};
    let fd = rustix::net::socket(tree, SocketType::STREAM, None)?;
    fcntl_setfd(&fd, FdFlags::CLOEXEC)?;
    rustix::io::ioctl_fionbio(&fd, true)?;
    Ok(fd)
}
