//! [`BodySink`]: what takes the body of a response.

use http::HeaderMap;

use super::TransportError;

/// What takes the body of a response while it is received.
pub(crate) trait BodySink {
    /// Whether the trailers are wanted, which only HTTP/2 has here.
    const WANTS_TRAILERS: bool;

    /// Takes received data.
    ///
    /// # Errors
    /// If it does not want the rest.
    fn take(&mut self, data: &[u8]) -> Result<(), TransportError>;

    /// Takes the trailers.
    fn take_trailers(&mut self, trailers: HeaderMap);
}
