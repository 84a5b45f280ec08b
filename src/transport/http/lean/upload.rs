//! [`Upload`]: the request that is being sent.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use hyper::rt::Write;

use crate::transport::body::{BodyError, Outgoing};

/// What is still to be sent of a request, beside its prepared beginning.
#[derive(Debug, Default)]
pub(super) struct Upload {
    /// How much of the prepared beginning was sent.
    sent: usize,
    /// The beginning, if nobody else keeps it.
    pub own: Box<[u8]>,
    /// The current piece of the body.
    piece: Bytes,
    /// The rest of the body.
    rest: Outgoing,
    /// Whether the peer has just asked for the rest, which was held back.
    is_released: bool,
    /// Whether all of it was sent.
    is_done: bool,
}

/// Why a request cannot be sent.
pub(super) enum UploadError {
    /// Its body cannot be read.
    Body(BodyError),
    /// The connection failed.
    Io(io::Error),
}

impl From<io::Error> for UploadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Upload {
    /// Creates the upload of a request whose beginning is kept elsewhere, unless it is in `own`.
    pub(super) fn new(own: Box<[u8]>, rest: Outgoing) -> Self {
        Self {
            sent: 0,
            own,
            piece: Bytes::new(),
            rest,
            is_released: false,
            is_done: false,
        }
    }

    /// Returns whether all of it was sent.
    pub(super) const fn is_done(&self) -> bool {
        self.is_done
    }

    /// Notes that the peer asks for the rest; returns whether that was held back.
    pub(super) fn release(&mut self) -> bool {
        self.is_released = self.rest.gate().is_some_and(|gate| gate.open());
        self.is_released
    }

    /// Returns whether the peer has asked for the rest since the last call.
    pub(super) const fn take_released(&mut self) -> bool {
        std::mem::replace(&mut self.is_released, false)
    }

    /// Keeps what is still to be sent of the beginning, which nobody else keeps any longer.
    pub(super) fn keep(&mut self, beginning: &[u8]) {
        if !self.is_done && self.own.is_empty() {
            self.own = beginning[self.sent..].into();
            self.sent = 0;
        }
    }

    /// Sends as much as the connection takes; `sent` is called whenever it has taken some. The
    /// request begins with `beginning`, unless it has its own.
    ///
    /// # Errors
    /// If the connection fails, or the body cannot be read.
    pub(super) fn poll<Io: Write + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut Io,
        beginning: &[u8],
        mut sent: impl FnMut(),
    ) -> Poll<Result<(), UploadError>> {
        if self.is_done {
            return Poll::Ready(Ok(()));
        }
        loop {
            let is_due = self.piece.is_empty() && self.rest.left() > 0;
            let is_held = is_due && self.rest.poll_released(cx).is_pending();
            if is_due && !is_held {
                self.piece = self
                    .rest
                    .piece()
                    .map_err(UploadError::Body)?
                    .unwrap_or_default();
            }
            let beginning: &[u8] = if self.own.is_empty() {
                beginning
            } else {
                &self.own
            };
            let begin = &beginning[self.sent..];
            let io = Pin::new(&mut *io);
            let written = if self.piece.is_empty() {
                if begin.is_empty() {
                    if is_held {
                        ready!(io.poll_flush(cx))?;
                        return Poll::Pending;
                    }
                    break;
                }
                ready!(io.poll_write(cx, begin))?
            } else if begin.is_empty() {
                ready!(io.poll_write(cx, &self.piece))?
            } else {
                let parts = [IoSlice::new(begin), IoSlice::new(&self.piece)];
                ready!(io.poll_write_vectored(cx, &parts))?
            };
            if written == 0 {
                return Poll::Ready(Err(io::Error::from(io::ErrorKind::WriteZero).into()));
            }
            let of_beginning = written.min(begin.len());
            self.sent += of_beginning;
            self.piece.advance(written - of_beginning);
            sent();
        }
        ready!(Pin::new(io).poll_flush(cx))?;
        self.is_done = true;
        Poll::Ready(Ok(()))
    }
}
