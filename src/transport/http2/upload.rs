//! [`Upload`]: the body of a request that is being sent.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::{Reason, SendStream};
use http::StatusCode;

use crate::transport::TransportError;
use crate::transport::body::Outgoing;

/// A body that is being sent as the server's window allows.
pub(super) struct Upload {
    pub(super) body: Outgoing,
    pub(super) stream: SendStream<Bytes>,
}

impl Upload {
    /// Sends as much as the window allows; ready when all is sent, or the server wants no more.
    ///
    /// # Errors
    /// If the rest of a file cannot be sent. The stream is then reset.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        ready!(self.body.poll_released(cx));
        while self.body.left() > 0 {
            self.stream.reserve_capacity(1);
            while self.stream.capacity() == 0 {
                match self.stream.poll_capacity(cx) {
                    Poll::Ready(Some(Ok(_))) => {}
                    // The response will tell what happened to the stream.
                    Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(Ok(())),
                    Poll::Pending => return Poll::Pending,
                }
            }
            // The response may have come before the whole request was sent; the server then resets
            // the stream to say that it does not need the rest.
            if self.stream.poll_reset(cx).is_ready() {
                return Poll::Ready(Ok(()));
            }
            let piece = match self.body.piece() {
                Ok(piece) => piece.unwrap_or_default(),
                Err(error) => {
                    self.stream.send_reset(Reason::CANCEL);
                    return Poll::Ready(Err(error.into()));
                }
            };
            // It fails only if the stream has ended in the meantime.
            if self.stream.send_data(piece, self.body.left() == 0).is_err() {
                return Poll::Ready(Ok(()));
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// Releases a body that is held back if the server asks for it.
pub(super) fn release(
    upload: &Option<Upload>,
    response: &mut ResponseFuture,
    cx: &mut Context<'_>,
) {
    let Some(gate) = upload.as_ref().and_then(|upload| upload.body.gate()) else {
        return;
    };
    while !gate.is_open()
        && let Poll::Ready(Some(Ok(head))) = response.poll_informational(cx)
    {
        if head.status() == StatusCode::CONTINUE {
            gate.open();
        }
    }
}

/// Sends the rest of a request, if any.
pub(super) fn push(
    upload: &mut Option<Upload>,
    cx: &mut Context<'_>,
) -> Result<(), TransportError> {
    if let Some(Poll::Ready(end)) = upload.as_mut().map(|upload| upload.poll(cx)) {
        *upload = None;
        end?;
    }
    Ok(())
}
