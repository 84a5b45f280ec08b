//! [`Output`]: the requests that are still to be sent over a shared connection, in their order.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use hyper::rt::Write;

use super::super::upload::UploadError;
use crate::transport::body::Outgoing;

/// The requests that are still to be sent, one after the other. Positions in it count from the first
/// byte of the connection.
#[derive(Debug, Default)]
pub(super) struct Output {
    parts: VecDeque<Part>,
    /// The position of its end.
    end: u64,
    /// The position up to which it was sent.
    sent: u64,
    /// Whether some of it may not have reached the system.
    is_dirty: bool,
}

#[derive(Debug)]
enum Part {
    /// The heads of requests with their small bodies, so that many are sent at once.
    Bytes {
        bytes: Vec<u8>,
        /// How many of them were sent.
        sent: usize,
    },
    /// A large body, or a file.
    Body {
        /// The piece that is being sent.
        piece: Bytes,
        rest: Outgoing,
    },
}

impl Part {
    /// Returns the number of bytes that are still to be sent.
    fn left(&self) -> u64 {
        match self {
            Self::Bytes { bytes, sent } => (bytes.len() - sent) as u64,
            Self::Body { piece, rest } => piece.len() as u64 + rest.left(),
        }
    }
}

impl Output {
    /// Returns the position of its end.
    pub(super) const fn end(&self) -> u64 {
        self.end
    }

    /// Returns the position up to which it was sent.
    pub(super) const fn sent(&self) -> u64 {
        self.sent
    }

    /// Returns whether all of it has reached the system.
    pub(super) const fn is_done(&self) -> bool {
        !self.is_dirty
    }

    /// Appends a request: its beginning, and the rest of its body.
    pub(super) fn push(&mut self, beginning: &[u8], rest: Outgoing) {
        self.is_dirty = true;
        self.end += beginning.len() as u64 + rest.left();
        match self.parts.back_mut() {
            Some(Part::Bytes { bytes, .. }) => bytes.extend_from_slice(beginning),
            _ => self.parts.push_back(Part::Bytes {
                bytes: beginning.to_vec(),
                sent: 0,
            }),
        }
        if rest.left() > 0 {
            let piece = Bytes::new();
            self.parts.push_back(Part::Body { piece, rest });
        }
    }

    /// Removes what comes behind a position at which a request begins, as far as it was not sent.
    pub(super) fn truncate(&mut self, at: u64) {
        let at = at.max(self.sent);
        while self.end > at {
            let excess = self.end - at;
            match self.parts.back_mut() {
                Some(Part::Bytes { bytes, sent }) if excess < (bytes.len() - *sent) as u64 => {
                    bytes.truncate(bytes.len() - excess as usize);
                    self.end = at;
                }
                Some(part) => {
                    self.end -= part.left();
                    self.parts.pop_back();
                }
                None => return,
            }
        }
    }

    /// Sends as much as the connection takes.
    ///
    /// # Errors
    /// If the connection fails, or the body in front cannot be read.
    pub(super) fn poll<Io: Write + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut Io,
    ) -> Poll<Result<(), UploadError>> {
        while let Some(part) = self.parts.front_mut() {
            if part.left() == 0 {
                if !self.keep_buffer() {
                    self.parts.pop_front();
                    continue;
                }
                break;
            }
            let written = match part {
                Part::Bytes { bytes, sent } => {
                    let written = ready!(Pin::new(&mut *io).poll_write(cx, &bytes[*sent..]))?;
                    *sent += written;
                    written
                }
                Part::Body { piece, rest } => {
                    if piece.is_empty() {
                        *piece = rest.piece().map_err(UploadError::Body)?.unwrap_or_default();
                    }
                    let written = ready!(Pin::new(&mut *io).poll_write(cx, piece))?;
                    piece.advance(written);
                    written
                }
            };
            if written == 0 {
                return Poll::Ready(Err(io::Error::from(io::ErrorKind::WriteZero).into()));
            }
            self.sent += written as u64;
        }
        ready!(Pin::new(io).poll_flush(cx))?;
        self.is_dirty = false;
        Poll::Ready(Ok(()))
    }

    /// Keeps the buffer for further requests if it is the only part; returns whether it is.
    fn keep_buffer(&mut self) -> bool {
        match self.parts.make_contiguous() {
            [Part::Bytes { bytes, sent }] => {
                bytes.clear();
                *sent = 0;
                true
            }
            _ => false,
        }
    }
}
