//! [`Socket`]: what a thread blocks on, and another thread may shut down.

use std::sync::atomic::{AtomicU64, Ordering};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{RecvFlags, Shutdown, recv, shutdown};
use rustix::time::Timespec;

use crate::base::{Clock, Nanos};

/// The last stretch before a deadline, which is waited for with `ppoll`: `SO_RCVTIMEO` counts in
/// kernel ticks and expires up to a few milliseconds late, while `ppoll` counts in nanoseconds.
const EXACT: Nanos = Nanos::from_millis(10);
/// A socket that another thread may shut down.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) fd: OwnedFd,
    /// The receive timeout set in the kernel, in nanoseconds; 0 for none.
    receive_timeout: AtomicU64,
}

impl Socket {
    /// Creates a socket without a receive timeout.
    pub(super) fn new(fd: OwnedFd) -> Self {
        Self {
            fd,
            receive_timeout: AtomicU64::new(0),
        }
    }

    /// Interrupts whatever a thread waits for on the socket.
    pub(super) fn shut_down(&self) {
        // The peer may be gone already, and then there is nothing to interrupt.
        let _ = shutdown(&self.fd, Shutdown::Both);
    }

    /// Waits until the socket is ready, the deadline has passed or `cancelled` returns `true`.
    /// Returns the events it is ready for, which are empty except in the first case.
    pub(super) fn wait(
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
                // The call that follows reports the error.
                Ok(_) => return looked[0].revents(),
                Err(_) => return flags,
            }
            if cancelled() {
                return PollFlags::empty();
            }
        }
    }

    /// Makes one blocking read; returns `None` if the deadline passes first.
    pub(super) fn receive(
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

    /// Limits a receive to at most this long. Keeps the timeout set in the kernel unless it is too
    /// long or much too short, because setting it would double the system calls of every request.
    fn allow(&self, longest: Nanos) -> Result<(), Errno> {
        let now = self.receive_timeout.load(Ordering::Relaxed);
        if now != 0 && now <= longest.0 && now >= longest.0 / 4 {
            return Ok(());
        }
        // Whole microseconds, and not zero, which would mean forever. A day is as good as forever.
        let wanted = Nanos(longest.0.clamp(1_000, 86_400_000_000_000) / 1_000 * 1_000);
        // Set slightly below the requested timeout, so that the next requests with the same timeout
        // can reuse it.
        let wanted = Nanos((wanted.0 - wanted.0 / 16).max(1_000));
        set_socket_timeout(&self.fd, Timeout::Recv, Some(wanted.as_duration()))?;
        self.receive_timeout.store(wanted.0, Ordering::Relaxed);
        Ok(())
    }
}
