//! [`GrpcStream`]: the answer of a call with any number of messages.

use http::HeaderMap;
use http::response::Parts;

use super::answer::GrpcEnd;
use super::messages::Messages;
use super::outcome;
use crate::base::status::GRPC_OK;
use crate::transport::TransportError;
use crate::transport::sink::BodySink;

/// The answer of a call with any number of messages while it is received. What reads them is the
/// stream's own; this has what is shown of them, and the trailers.
pub(crate) struct GrpcStream {
    /// How many bytes are shown.
    most: usize,
    bytes: Vec<u8>,
    /// Bytes received, prefixes included.
    size: u64,
    trailers: Option<HeaderMap>,
}

impl GrpcStream {
    /// Creates an answer of which the head has arrived; this many bytes of it are shown.
    pub(crate) const fn new(most: usize) -> Self {
        Self {
            most,
            bytes: Vec::new(),
            size: 0,
            trailers: None,
        }
    }

    /// Returns the number of bytes received.
    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    /// Returns whether what is shown is all.
    pub(crate) const fn is_all_shown(&self) -> bool {
        self.bytes.len() as u64 == self.size
    }

    /// Passes each whole message of what is shown to `see`.
    pub(crate) fn each_shown(&self, head: &HeaderMap, mut see: impl FnMut(&[u8])) {
        let mut messages = Messages::new();
        messages.begin(head);
        // What can't be read has failed where the stream was read.
        let _ = messages.take(&self.bytes, |message| {
            see(message);
            true
        });
    }

    /// Returns whether the server says that the call has failed, which explains an early end.
    pub(crate) fn has_failed(&self, head: &Parts) -> bool {
        self.status(head).is_ok_and(|status| status != GRPC_OK)
    }

    fn status(&self, head: &Parts) -> Result<u16, TransportError> {
        let none = HeaderMap::new();
        let trailers = self.trailers.as_ref().unwrap_or(&none);
        outcome::status(head, trailers, self.size == 0, || None)
    }

    /// Judges the answer when its stream was read; returns `None` if the client needed no more of it
    /// (`is_abandoned`), and hung up before the status.
    ///
    /// # Errors
    /// If it is not an answer of gRPC, or has no status.
    pub(crate) fn end(
        mut self,
        head: &Parts,
        is_abandoned: bool,
    ) -> Result<Option<GrpcEnd>, TransportError> {
        if is_abandoned && self.trailers.is_none() {
            return Ok(None);
        }
        Ok(Some(GrpcEnd {
            status: self.status(head)?,
            trailers: self.trailers.take().unwrap_or_default(),
            ..GrpcEnd::default()
        }))
    }
}

impl BodySink for GrpcStream {
    const WANTS_TRAILERS: bool = true;

    fn take(&mut self, data: &[u8]) -> Result<(), TransportError> {
        self.size += data.len() as u64;
        let room = self.most - self.bytes.len();
        self.bytes.extend_from_slice(&data[..data.len().min(room)]);
        Ok(())
    }

    fn take_trailers(&mut self, trailers: HeaderMap) {
        self.trailers = Some(trailers);
    }
}
