//! [`Messages`]: splits an answer into its messages.

use http::{HeaderMap, HeaderValue};

use super::incoming::{ENCODING, Incoming};
use crate::transport::TransportError;

/// Splits an answer into its messages, however it is cut into pieces.
#[derive(Debug)]
pub(crate) struct Messages {
    incoming: Incoming,
    /// How they are compressed, if the server says so.
    encoding: Option<HeaderValue>,
}

impl Messages {
    /// Creates it at the beginning of an answer.
    pub(crate) const fn new() -> Self {
        Self {
            incoming: Incoming::new(true),
            encoding: None,
        }
    }

    /// Notes how the messages behind a head are compressed.
    pub(crate) fn begin(&mut self, head: &HeaderMap) {
        self.encoding = head.get(ENCODING).cloned();
    }

    /// Takes the next piece, and passes every message that ends in it to `see`, until that returns
    /// `false`.
    ///
    /// # Errors
    /// If a message is too long, or compressed in a way that is not known.
    pub(crate) fn take(
        &mut self,
        mut piece: &[u8],
        mut see: impl FnMut(&[u8]) -> bool,
    ) -> Result<(), TransportError> {
        while !piece.is_empty() {
            piece = self.incoming.take(piece)?;
            if self.incoming.is_whole() {
                let encoding = self.encoding.as_ref().map(HeaderValue::as_bytes);
                let goes_on = see(&self.incoming.unpacked(encoding)?);
                self.incoming.clear();
                if !goes_on {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Ends the answer.
    ///
    /// # Errors
    /// If it ends in the middle of a message.
    pub(crate) fn end(&self) -> Result<(), TransportError> {
        if self.incoming.is_empty() {
            Ok(())
        } else {
            Err(self.incoming.cut())
        }
    }
}
