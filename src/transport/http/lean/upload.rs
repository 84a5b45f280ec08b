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
            is_done: false,
        }
    }

    /// Returns whether all of it was sent.
    pub(super) const fn is_done(&self) -> bool {
        self.is_done
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
            if self.piece.is_empty() && self.rest.left() > 0 {
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
