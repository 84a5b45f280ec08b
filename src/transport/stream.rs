//! Exchanges over a byte stream that is not HTTP: bytes are sent, and an answer is read whose reader
//! knows where it ends.
//!
//! Sending and receiving overlap if the stream supports both at once, so that a peer that answers
//! while it reads never waits for loadgen. (A blocking stream first sends everything.)

use std::future::poll_fn;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBuf, Write};

use super::TransportError;
use super::counted::{ByteCounters, Metered};
use super::endpoint::Withdrawal;
use crate::metrics::FailureKind;

/// The largest read.
const CHUNK: usize = 8 * 1024;

/// A connection to one target. Dropping it closes it.
#[derive(Debug)]
pub struct Connection<Io> {
    io: Io,
    counters: Arc<ByteCounters>,
    /// Whether its address is still the target's.
    withdrawal: Withdrawal,
    /// Whether it has carried an exchange.
    used: bool,
    /// Whether it cannot carry another one.
    ended: bool,
}

/// An answer that is being received.
pub trait Incoming {
    /// Takes received data.
    ///
    /// # Errors
    /// If the data is not an answer, or is too large.
    fn take(&mut self, new: &[u8]) -> Result<(), TransportError>;

    /// Returns whether it is complete.
    fn is_done(&self) -> bool;

    /// Returns whether data followed it.
    fn has_strangers(&self) -> bool;
}

impl<Io> AsMut<Self> for Connection<Io> {
    fn as_mut(&mut self) -> &mut Self {
        self
    }
}

impl<Io: Read + Write + Metered + Unpin> Connection<Io> {
    /// Starts exchanges over `io`, a connection to an address that may be withdrawn. Sends nothing.
    pub fn new(io: Io, withdrawal: Withdrawal) -> Self {
        let counters = io.byte_counters();
        Self {
            io,
            counters,
            withdrawal,
            used: false,
            ended: false,
        }
    }

    /// Returns its traffic so far.
    pub fn byte_counters(&self) -> Arc<ByteCounters> {
        self.counters.clone()
    }

    /// Returns whether it can carry another exchange.
    pub const fn is_reusable(&self) -> bool {
        !self.ended
    }

    /// Notes that its exchanges so far were part of making it.
    pub const fn mark_unused(&mut self) {
        self.used = false;
    }

    /// Returns whether it can carry another exchange, and nothing has happened since the last one:
    /// `false` if its address was withdrawn, or the peer has closed it, or has sent data that would
    /// be taken for the next answer.
    pub async fn is_quiet(&mut self) -> bool {
        if self.withdrawal.is_withdrawn() {
            return false;
        }
        poll_fn(|cx| Poll::Ready(self.poll_read(cx, |_| {}).is_pending())).await
    }

    /// Sends bytes, and reads the answer if there is one; `begun` is called when its first byte has
    /// arrived.
    ///
    /// # Errors
    /// If the connection fails, or what arrives is not an answer. The connection must not be used
    /// again in that case.
    pub async fn exchange<I: Incoming>(
        &mut self,
        out: &[u8],
        mut answer: Option<&mut I>,
        begun: impl Fn(),
    ) -> Result<(), TransportError> {
        let reused = std::mem::replace(&mut self.used, true);
        // Until it succeeds, it is not known what is still to come.
        self.ended = true;
        let mut sent = 0;
        let before = self.counters.received();
        let end = poll_fn(|cx| self.poll_exchange(cx, out, &mut sent, &mut answer, &begun)).await;
        let answered = self.counters.received() > before;
        match end {
            Ok(()) => {
                self.ended = answer.is_some_and(|answer| answer.has_strangers());
                Ok(())
            }
            Err(Failure::Io(error)) => Err(TransportError::stream(&error, reused, answered)),
            Err(Failure::Closed) if reused && !answered => Err(failed(
                FailureKind::ReusedConnClosed,
                "connection closed before the response",
            )),
            Err(Failure::Closed) => Err(failed(
                FailureKind::Incomplete,
                "connection closed before the end of the response",
            )),
            Err(Failure::Answer(error)) => Err(error),
        }
    }

    fn poll_exchange<I: Incoming>(
        &mut self,
        cx: &mut Context<'_>,
        out: &[u8],
        sent: &mut usize,
        reading: &mut Option<&mut I>,
        begun: &impl Fn(),
    ) -> Poll<Result<(), Failure>> {
        let mut writing = *sent < out.len();
        while writing {
            match Pin::new(&mut self.io).poll_write(cx, &out[*sent..]) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(Failure::Closed)),
                Poll::Ready(Ok(n)) => *sent += n,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(Failure::Io(error))),
                Poll::Pending => break,
            }
            writing = *sent < out.len();
        }
        if !writing {
            ready!(Pin::new(&mut self.io).poll_flush(cx)).map_err(Failure::Io)?;
        }
        let Some(reading) = reading else {
            return if writing {
                Poll::Pending
            } else {
                Poll::Ready(Ok(()))
            };
        };
        // Only a few reads per turn, so that other tasks on the same loop, and the deadline, get
        // theirs.
        for _ in 0..16 {
            if reading.is_done() {
                break;
            }
            let mut taken = Ok(());
            let n = ready!(self.poll_read(cx, |bytes| {
                if !bytes.is_empty() {
                    begun();
                    taken = reading.take(bytes);
                }
            }))
            .map_err(Failure::Io)?;
            taken.map_err(Failure::Answer)?;
            if n == 0 {
                return Poll::Ready(Err(Failure::Closed));
            }
        }
        if reading.is_done() && !writing {
            return Poll::Ready(Ok(()));
        }
        if !reading.is_done() {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Reads once; returns the number of bytes.
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        take: impl FnOnce(&[u8]),
    ) -> Poll<std::io::Result<usize>> {
        let mut room = [MaybeUninit::uninit(); CHUNK];
        let mut buffer = ReadBuf::uninit(&mut room);
        ready!(Pin::new(&mut self.io).poll_read(cx, buffer.unfilled()))?;
        take(buffer.filled());
        Poll::Ready(Ok(buffer.filled().len()))
    }
}

/// Why an exchange ended.
enum Failure {
    Io(std::io::Error),
    /// The peer closed the connection.
    Closed,
    /// What arrived is not an answer.
    Answer(TransportError),
}

fn failed(kind: FailureKind, message: &str) -> TransportError {
    TransportError {
        kind,
        message: message.into(),
    }
}

/// Cuts what a peer sends into pieces of these sizes and the rest, for tests.
#[cfg(test)]
pub(super) fn cut(whole: &[u8], sizes: Vec<usize>) -> Vec<&[u8]> {
    let mut rest = whole;
    let mut pieces = Vec::new();
    for size in sizes {
        let (piece, behind) = rest.split_at(size.min(rest.len()));
        pieces.push(piece);
        rest = behind;
    }
    pieces.push(rest);
    pieces
}
