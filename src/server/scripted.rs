//! [`Scripted`]: a body whose parts have their own times, and which may end badly.
//!
//! Knows nothing of routes, and of what the parts mean.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use thiserror::Error;
use tokio::time::Sleep;

use crate::base::{Clock, Nanos};

/// The body ended in the middle: the connection is closed without the end of the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("cut on purpose")]
pub(super) struct Cut;

/// A part of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// The time after the one before it; after the head, for the first.
    pub(super) after: Nanos,
    /// Its bytes, or the bad end.
    pub(super) content: Result<Bytes, Cut>,
}

/// A body that is sent in parts, each after its time. Times add up, so a late part does not delay
/// those after it.
pub(super) struct Scripted {
    clock: Clock,
    parts: Box<dyn Iterator<Item = Part>>,
    /// When the last part was due.
    at: Option<Nanos>,
    next: Option<Part>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Scripted {
    /// Creates a body of these parts.
    pub(super) fn new(clock: Clock, parts: impl Iterator<Item = Part> + 'static) -> Self {
        Self {
            clock,
            parts: Box::new(parts),
            at: None,
            next: None,
            sleep: None,
        }
    }

    /// Returns the next part when it is due, and `None` after the last one.
    pub(super) fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        let begun = *self.at.get_or_insert_with(|| self.clock.now());
        if self.next.is_none() {
            self.next = self.parts.next();
        }
        let Some(part) = &self.next else {
            return Poll::Ready(None);
        };
        let due = Nanos(begun.0.saturating_add(part.after.0));
        loop {
            if let Some(sleep) = &mut self.sleep {
                ready!(sleep.as_mut().poll(cx));
                self.sleep = None;
            }
            let now = self.clock.now();
            if now >= due {
                break;
            }
            self.sleep = Some(Box::pin(tokio::time::sleep((due - now).as_duration())));
        }
        self.at = Some(due);
        Poll::Ready(self.next.take().map(|part| part.content))
    }
}
