//! [`Gate`]: holds the body of a request back until the peer asks for it (`expect: 100-continue`).

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;

/// Holds the body of a request back until it is opened: by the connection when the peer asks for the
/// body, or by whoever has waited long enough for that.
#[derive(Debug, Default)]
pub struct Gate {
    is_open: AtomicBool,
    /// Who waits for it.
    waker: AtomicWaker,
}

impl Gate {
    /// Opens it; returns whether it was closed.
    pub fn open(&self) -> bool {
        let was_open = self.is_open.swap(true, Ordering::AcqRel);
        self.waker.wake();
        !was_open
    }

    /// Returns whether it is open.
    pub fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Acquire)
    }

    /// Waits until it is open.
    pub fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        if self.is_open() {
            return Poll::Ready(());
        }
        self.waker.register(cx.waker());
        // It may have been opened before the waker was there.
        if self.is_open() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}
