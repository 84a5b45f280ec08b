//! [`Tee`]: a body that is copied onto the tape as it passes.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::tape::{Side, Tape};

/// A body that is copied onto the tape as it passes.
pub(super) struct Tee {
    /// The body.
    pub inner: Incoming,
    /// The tape.
    pub tape: Rc<RefCell<Tape>>,
    /// The number of its exchange; without one, it is not copied.
    pub number: Option<usize>,
    /// Which of the two bodies it is.
    pub side: Side,
}

impl Body for Tee {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if let Some(number) = self.number {
            let mut tape = self.tape.borrow_mut();
            match &frame {
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        tape.add(number, self.side, data);
                    }
                }
                Some(Err(_)) | None => tape.end(number, self.side),
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
