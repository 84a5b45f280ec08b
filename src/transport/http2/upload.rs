//! [`Upload`]: the body of a request, on its way.

use std::task::{Context, Poll};

use bytes::Bytes;
use h2::{Reason, SendStream};

use crate::transport::TransportError;
use crate::transport::body::Outgoing;

/// A body on its way, as far as the server has room for it.
pub(super) struct Upload {
    pub(super) body: Outgoing,
    pub(super) stream: SendStream<Bytes>,
}

impl Upload {
    /// Sends what there is room for; ready when all is sent, or the server wants no more.
    ///
    /// # Errors
    /// When the rest of a file can't be sent. The server is told that it doesn't come.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        while self.body.left() > 0 {
            self.stream.reserve_capacity(1);
            while self.stream.capacity() == 0 {
                match self.stream.poll_capacity(cx) {
                    Poll::Ready(Some(Ok(_))) => {}
                    // What has become of the stream is said by its answer.
                    Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(Ok(())),
                    Poll::Pending => return Poll::Pending,
                }
            }
            // The answer may have come without all of the request; the server says then that it can
            // do without the rest.
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
            // It fails only where the stream has ended meanwhile.
            if self.stream.send_data(piece, self.body.left() == 0).is_err() {
                return Poll::Ready(Ok(()));
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// Sends what is left of a request, where something is.
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
