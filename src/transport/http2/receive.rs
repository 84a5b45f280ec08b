//! The body of a response, and the trailers behind it.

use std::ops::ControlFlow;
use std::task::Poll;

use h2::RecvStream;

use super::failure::{closed, error};
use super::upload::push;
use super::{Http2, run};
use crate::transport::TransportError;

impl Http2 {
    /// Reads a body to its end, one piece at a time, and passes each to `keep`, which may break off.
    /// Returns `false` if there was none.
    ///
    /// # Errors
    /// If the connection or the stream fails.
    pub(crate) async fn receive(
        &mut self,
        body: &mut RecvStream,
        mut keep: impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<bool, TransportError> {
        let mut more = false;
        while !body.is_end_stream() {
            let upload = &mut self.upload;
            let piece = run(&mut self.driver, &mut self.ended, |cx| {
                if let Err(failed) = push(upload, cx) {
                    return Poll::Ready(Some(Err(failed)));
                }
                body.poll_data(cx).map_err(|e| error(&e, false))
            });
            more = true;
            let Some(piece) = piece.await.ok_or_else(closed)? else {
                break;
            };
            let piece = piece?;
            // It fails only if more is released than was received.
            let _ = body.flow_control().release_capacity(piece.len());
            if keep(&piece).is_break() {
                break;
            }
        }
        // The server did not wait for the rest: dropping it resets the stream.
        self.upload = None;
        self.claim();
        Ok(more)
    }

    /// Receives the trailers behind a body that was read to its end, if there are any.
    ///
    /// # Errors
    /// If the connection or the stream fails.
    pub(crate) async fn trailers(
        &mut self,
        body: &mut RecvStream,
    ) -> Result<Option<http::HeaderMap>, TransportError> {
        let trailers = run(&mut self.driver, &mut self.ended, |cx| {
            body.poll_trailers(cx).map_err(|e| error(&e, false))
        });
        trailers.await.ok_or_else(closed)?
    }

    /// Resets the stream of a body whose rest is not read.
    pub(crate) async fn hang_up(&mut self, body: RecvStream) {
        // Dropping it resets the stream, which the driver tells the server.
        drop(body);
        run(&mut self.driver, &mut self.ended, |_| Poll::Ready(())).await;
    }
}
