//! [`Payload`]: the bodies of responses, whole or in timed parts.
//!
//! Part `k` of `n` is due at `k/n` of the total time, so the last byte is sent at its end, and a
//! late event loop catches up instead of falling behind. Knows nothing of routes.

use std::future::Future;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use tokio::time::Sleep;

use super::scripted::{Cut, Scripted};
use crate::base::{Clock, Nanos};

/// The content repeats after this many bytes, which is also the maximum size of a part.
pub(super) const PERIOD: usize = 64 << 10;

/// Two periods of fixed pseudo-random bytes, so that a part at any offset is a slice and never a
/// copy.
static CONTENT: LazyLock<Bytes> = LazyLock::new(|| {
    let mut period = vec![0; PERIOD];
    Pcg64Mcg::seed_from_u64(1).fill_bytes(&mut period);
    let mut twice = period.clone();
    twice.append(&mut period);
    Bytes::from(twice)
});

/// Returns bytes `from..from + length` of the endless content; at most [`PERIOD`] of them.
fn content(from: u64, length: usize) -> Bytes {
    // The remainder is below the period, so it fits.
    let start = (from % PERIOD as u64) as usize;
    CONTENT.slice(start..start + length.min(PERIOD))
}

/// A body that is sent in parts over time.
pub(super) struct Paced {
    clock: Clock,
    start: Nanos,
    over: Nanos,
    size: u64,
    parts: u64,
    sent: u64,
    /// Whether the length is announced; otherwise the transfer is chunked.
    announced: bool,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Paced {
    /// Creates a body of `size` bytes in `parts` parts over the time `over`, from now on. There are
    /// more parts if they would otherwise exceed 64 KiB, and fewer if some would be empty.
    pub(super) fn new(clock: Clock, size: u64, parts: u64, over: Nanos) -> Self {
        let parts = parts.max(size.div_ceil(PERIOD as u64)).min(size);
        Self {
            clock,
            start: clock.now(),
            over,
            size,
            parts,
            sent: 0,
            announced: true,
            sleep: None,
        }
    }

    /// Uses chunked transfer, without announcing the length.
    pub(super) fn unannounced(mut self) -> Self {
        self.announced = false;
        self
    }

    /// Returns when part `k`, counted from one, is due.
    fn due(&self, k: u64) -> Nanos {
        self.start + Nanos(portion(self.over.0, k, self.parts))
    }
}

/// Returns `k/n` of `whole`, rounded down, in 128 bits to prevent overflow.
fn portion(whole: u64, k: u64, n: u64) -> u64 {
    // For k ≤ n the result is at most `whole`.
    (u128::from(whole) * u128::from(k) / u128::from(n.max(1))) as u64
}

/// The body of a response.
pub(super) enum Payload {
    /// Completely known; `None` once it was taken.
    Whole(Option<Bytes>),
    /// In parts.
    Paced(Paced),
    /// In parts with their own times, boxed because few responses are like that.
    Scripted(Box<Scripted>),
}

impl Payload {
    /// Creates a completely known body.
    pub(super) fn whole(bytes: Bytes) -> Self {
        Self::Whole(Some(bytes).filter(|b| !b.is_empty()))
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let paced = match self.get_mut() {
            Self::Whole(bytes) => return Poll::Ready(bytes.take().map(|b| Ok(Frame::data(b)))),
            Self::Paced(paced) => paced,
            Self::Scripted(scripted) => {
                let part = ready!(scripted.poll_part(cx));
                return Poll::Ready(part.map(|content| content.map(Frame::data)));
            }
        };
        if paced.sent == paced.parts {
            return Poll::Ready(None);
        }
        let due = paced.due(paced.sent + 1);
        loop {
            if let Some(sleep) = &mut paced.sleep {
                ready!(sleep.as_mut().poll(cx));
                paced.sleep = None;
            }
            let now = paced.clock.now();
            if now >= due {
                break;
            }
            paced.sleep = Some(Box::pin(tokio::time::sleep((due - now).as_duration())));
        }
        let from = portion(paced.size, paced.sent, paced.parts);
        paced.sent += 1;
        let to = portion(paced.size, paced.sent, paced.parts);
        // At most a period long, because there are enough parts.
        Poll::Ready(Some(Ok(Frame::data(content(from, (to - from) as usize)))))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Paced(paced) => paced.sent == paced.parts,
            Self::Scripted(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64))
            }
            Self::Paced(paced) if paced.announced => {
                SizeHint::with_exact(paced.size - portion(paced.size, paced.sent, paced.parts))
            }
            Self::Paced(_) | Self::Scripted(_) => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_the_whole() {
        for (size, parts) in [(0, 5), (1, 5), (10, 3), (1_000_003, 7), (1 << 20, 1)] {
            let mut body = Payload::Paced(Paced::new(Clock::new(), size, parts, Nanos::ZERO));
            let mut all = Vec::new();
            let mut cx = Context::from_waker(std::task::Waker::noop());
            while let Poll::Ready(Some(Ok(frame))) = Pin::new(&mut body).poll_frame(&mut cx) {
                all.extend_from_slice(&frame.into_data().expect("data"));
                assert_eq!(body.size_hint().exact(), Some(size - all.len() as u64));
            }
            assert_eq!(all.len() as u64, size);
            assert!(body.is_end_stream());
            assert!(
                all.iter()
                    .enumerate()
                    .all(|(i, b)| *b == CONTENT[i % PERIOD]),
                "{size}"
            );
        }
    }

    #[test]
    fn the_last_part_is_due_at_the_end() {
        let paced = Paced::new(Clock::new(), 10_000_000, 3, Nanos::from_secs(2));
        assert_eq!(paced.parts, 153);
        assert_eq!(paced.due(paced.parts), paced.start + Nanos::from_secs(2));
        assert_eq!(portion(u64::MAX, u64::MAX, u64::MAX), u64::MAX);
    }
}
