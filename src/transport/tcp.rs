//! Texts over a byte stream: one is sent, and the answer is read to where the caller says that it
//! ends.
//!
//! What is sent and what comes pass at the same time where the stream can do both, so that a peer
//! that answers while it reads never waits for us. (A blocking stream first sends all there is.)

use std::future::poll_fn;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBuf, Write};

use super::TransportError;
use super::counted::{ByteCounters, Metered};
use crate::metrics::FailureKind;
use crate::plan::kinds::tcp::Framing;

/// The most that is kept of an answer, in bytes.
pub(crate) const MAX_ANSWER: usize = 16 << 20;
/// The largest read.
const CHUNK: usize = 8 * 1024;

/// A connection to one target. Dropping it closes it.
#[derive(Debug)]
pub struct Connection<Io> {
    io: Io,
    counters: Arc<ByteCounters>,
    /// It has carried an exchange.
    used: bool,
    /// Nothing more can be said over it.
    ended: bool,
}

/// An answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// All of it, without what ends it; empty where nobody wants it and its end is counted.
    pub bytes: Vec<u8>,
    /// How many bytes it has.
    pub size: u64,
}

impl<Io: Read + Write + Metered + Unpin> Connection<Io> {
    /// Speaks over `io`. Sends nothing.
    pub fn new(io: Io) -> Self {
        let counters = io.byte_counters();
        Self {
            io,
            counters,
            used: false,
            ended: false,
        }
    }

    /// What has passed over it so far.
    pub fn byte_counters(&self) -> Arc<ByteCounters> {
        self.counters.clone()
    }

    /// Whether another exchange can go over it.
    pub const fn is_reusable(&self) -> bool {
        !self.ended
    }

    /// Whether it is as the last exchange has left it: false where the peer has closed it since, or
    /// has sent what would be taken for the next answer.
    pub async fn is_quiet(&mut self) -> bool {
        poll_fn(|cx| Poll::Ready(self.poll_read(cx, |_| {}).is_pending())).await
    }

    /// Sends a text, and reads the answer that ends so. `keep` says whether anybody wants one whose
    /// end is counted; `begun` is called when the first of it is there.
    ///
    /// # Errors
    /// When the connection fails, or the answer is larger than what is kept. The connection must
    /// not be used again then.
    pub async fn exchange(
        &mut self,
        text: &[u8],
        framing: Option<&Framing>,
        keep: bool,
        begun: impl Fn(),
    ) -> Result<Answer, TransportError> {
        let reused = std::mem::replace(&mut self.used, true);
        // Until it ends well nothing is known of what is still to come.
        self.ended = true;
        let mut reading = framing.map(|framing| Reading::new(framing, keep));
        let mut sent = 0;
        let before = self.counters.received();
        let end = poll_fn(|cx| self.poll_exchange(cx, text, &mut sent, &mut reading, &begun)).await;
        let answered = self.counters.received() > before;
        match end {
            Ok(()) => {
                let reading = reading.unwrap_or_default();
                self.ended = reading.strangers;
                Ok(reading.into_answer())
            }
            Err(Failure::Io(error)) => Err(TransportError::stream(&error, reused, answered)),
            Err(Failure::Closed) if reused && !answered => Err(failed(
                FailureKind::ReusedConnClosed,
                "connection closed before the answer",
            )),
            Err(Failure::Closed) => Err(failed(
                FailureKind::Incomplete,
                "connection closed before the end of the answer",
            )),
            Err(Failure::TooLarge(kind)) => {
                let message = format!(
                    "the answer has no end in its first {} MiB, and no more is kept",
                    MAX_ANSWER >> 20
                );
                Err(TransportError { kind, message })
            }
        }
    }

    fn poll_exchange(
        &mut self,
        cx: &mut Context<'_>,
        text: &[u8],
        sent: &mut usize,
        reading: &mut Option<Reading>,
        begun: &impl Fn(),
    ) -> Poll<Result<(), Failure>> {
        let mut writing = *sent < text.len();
        while writing {
            match Pin::new(&mut self.io).poll_write(cx, &text[*sent..]) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(Failure::Closed)),
                Poll::Ready(Ok(n)) => *sent += n,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(Failure::Io(error))),
                Poll::Pending => break,
            }
            writing = *sent < text.len();
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
        // No more reads in one turn than a few: others on the same loop, and the deadline, get
        // theirs.
        for _ in 0..16 {
            if reading.done {
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
            taken?;
            if n == 0 {
                return Poll::Ready(Err(Failure::Closed));
            }
        }
        if reading.done && !writing {
            return Poll::Ready(Ok(()));
        }
        if !reading.done {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// One read; how many bytes there were.
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
    /// The peer ended it.
    Closed,
    /// More has come than is kept.
    TooLarge(FailureKind),
}

fn failed(kind: FailureKind, message: &str) -> TransportError {
    TransportError {
        kind,
        message: message.into(),
    }
}

/// What has come of an answer.
#[derive(Default)]
struct Reading {
    end: End,
    keep: bool,
    bytes: Vec<u8>,
    size: u64,
    done: bool,
    /// Something came behind it.
    strangers: bool,
}

/// Where an answer ends.
#[derive(Default)]
enum End {
    /// Before this text.
    Text(Vec<u8>),
    /// Before the end of a line.
    Line,
    /// After so many bytes.
    Bytes(u64),
    /// At once: there is none.
    #[default]
    Nothing,
}

impl Reading {
    fn new(framing: &Framing, keep: bool) -> Self {
        let end = match framing {
            Framing::Line => End::Line,
            Framing::Bytes(bytes) => End::Bytes(*bytes),
            Framing::Until(text) => End::Text(text.clone().into_bytes()),
        };
        Self {
            end,
            keep,
            ..Self::default()
        }
    }

    fn take(&mut self, new: &[u8]) -> Result<(), Failure> {
        if let End::Bytes(wanted) = self.end {
            let missing = usize::try_from(wanted - self.size).unwrap_or(usize::MAX);
            let (own, behind) = new.split_at(new.len().min(missing));
            self.size += own.len() as u64;
            if self.keep {
                if self.size > MAX_ANSWER as u64 {
                    return Err(Failure::TooLarge(FailureKind::Check));
                }
                self.bytes.extend_from_slice(own);
            }
            self.done = self.size == wanted;
            self.strangers = !behind.is_empty();
            return Ok(());
        }
        let text: &[u8] = if let End::Text(text) = &self.end {
            text
        } else {
            b"\n"
        };
        // It may have begun in what came before.
        let from = self.bytes.len().saturating_sub(text.len() - 1);
        self.bytes.extend_from_slice(new);
        let found = self.bytes[from..]
            .windows(text.len())
            .position(|window| window == text);
        let Some(at) = found.map(|at| from + at) else {
            return if self.bytes.len() > MAX_ANSWER {
                Err(Failure::TooLarge(FailureKind::Protocol))
            } else {
                Ok(())
            };
        };
        self.strangers = self.bytes.len() > at + text.len();
        self.bytes.truncate(at);
        if matches!(self.end, End::Line) && self.bytes.last() == Some(&b'\r') {
            self.bytes.pop();
        }
        self.size = self.bytes.len() as u64;
        self.done = true;
        Ok(())
    }

    fn into_answer(self) -> Answer {
        Answer {
            bytes: self.bytes,
            size: self.size,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What is read of pieces that come one after another: the answer, whether it is all there, and
    /// whether more came.
    fn read(framing: &Framing, keep: bool, pieces: &[&[u8]]) -> (Answer, bool, bool) {
        let mut reading = Reading::new(framing, keep);
        for piece in pieces {
            if !reading.done {
                assert!(reading.take(piece).is_ok());
            }
        }
        let (done, strangers) = (reading.done, reading.strangers);
        (reading.into_answer(), done, strangers)
    }

    fn answer(text: &str) -> Answer {
        Answer {
            bytes: text.into(),
            size: text.len() as u64,
        }
    }

    #[test]
    fn an_answer_ends_where_it_is_told_to() {
        let until = |text: &str| Framing::Until(text.into());
        assert_eq!(
            read(&Framing::Line, false, &[b"ab", b"c\n"]),
            (answer("abc"), true, false)
        );
        assert_eq!(
            read(&Framing::Line, false, &[b"abc\r", b"\nd"]),
            (answer("abc"), true, true)
        );
        assert_eq!(
            read(&Framing::Line, false, &[b"\n"]),
            (answer(""), true, false)
        );
        assert!(!read(&Framing::Line, false, &[b"abc"]).1);
        assert_eq!(
            read(&until("END"), false, &[b"aEN", b"", b"D"]),
            (answer("a"), true, false)
        );
        assert_eq!(
            read(&until("EEN"), false, &[b"EE", b"EN", b"x"]),
            (answer("E"), true, false)
        );
        assert_eq!(
            read(&Framing::Bytes(3), true, &[b"ab", b"cd"]),
            (answer("abc"), true, true)
        );
        assert_eq!(
            read(&Framing::Bytes(3), false, &[b"abc"]),
            (
                Answer {
                    bytes: Vec::new(),
                    size: 3
                },
                true,
                false
            )
        );
    }

    #[test]
    fn what_never_ends_is_not_kept() {
        for (framing, kind) in [
            (Framing::Line, FailureKind::Protocol),
            (Framing::Bytes(1 << 30), FailureKind::Check),
        ] {
            let mut reading = Reading::new(&framing, true);
            let chunk = vec![b'x'; 1 << 20];
            let end = (0..20).find_map(|_| reading.take(&chunk).err());
            assert!(
                matches!(end, Some(Failure::TooLarge(seen)) if seen == kind),
                "{framing:?}"
            );
            assert!(reading.bytes.len() <= MAX_ANSWER + chunk.len());
        }
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_an_answer_is_cut(text in "[ab]{0,12}", end in "[ab]{1,4}", cuts in prop::collection::vec(1..4usize, 0..12)) {
            let whole = format!("{text}{end}");
            let mut rest = whole.as_bytes();
            let mut pieces = Vec::new();
            for cut in cuts {
                let (piece, behind) = rest.split_at(cut.min(rest.len()));
                pieces.push(piece);
                rest = behind;
            }
            pieces.push(rest);
            let at = whole.find(&end).expect("it is in it");
            let (seen, done, _) = read(&Framing::Until(end), false, &pieces);
            prop_assert!(done);
            prop_assert_eq!(seen, answer(&whole[..at]));
        }
    }
}
