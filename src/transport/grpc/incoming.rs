//! [`Incoming`]: a message in its frame while it is received.

use std::borrow::Cow;

use super::frame::{MAX_MESSAGE, PREFIX};
use super::gzip;
use super::outcome::{protocol, shown};
use crate::metrics::FailureKind;
use crate::transport::TransportError;

/// The header that says how messages are compressed.
pub(super) const ENCODING: &str = "grpc-encoding";

/// A message in its frame while it is received, in any pieces.
#[derive(Debug)]
pub(super) struct Incoming {
    /// Whether the message is looked at; otherwise it is only counted.
    is_needed: bool,
    prefix: [u8; PREFIX],
    /// How much of the prefix has arrived.
    prefixed: usize,
    message: Vec<u8>,
    /// How much of the message has arrived, and how much has been announced.
    arrived: usize,
    announced: usize,
}

impl Incoming {
    /// Creates a message of which nothing has arrived.
    pub(super) const fn new(is_needed: bool) -> Self {
        Self {
            is_needed,
            prefix: [0; PREFIX],
            prefixed: 0,
            message: Vec::new(),
            arrived: 0,
            announced: 0,
        }
    }

    /// Begins the next message, in the same memory.
    pub(super) fn clear(&mut self) {
        self.message.clear();
        (self.prefixed, self.arrived, self.announced) = (0, 0, 0);
    }

    /// Returns whether nothing of it has arrived.
    pub(super) const fn is_empty(&self) -> bool {
        self.prefixed == 0
    }

    /// Returns whether all of it has arrived.
    pub(super) const fn is_whole(&self) -> bool {
        self.prefixed == PREFIX && self.arrived == self.announced
    }

    /// Returns what has arrived of the message, as it came.
    pub(super) fn raw(&self) -> &[u8] {
        &self.message
    }

    /// Takes a piece; returns what is behind the end of the message.
    ///
    /// # Errors
    /// If it does not begin as a message does, or announces too much.
    pub(super) fn take<'d>(&mut self, mut data: &'d [u8]) -> Result<&'d [u8], TransportError> {
        if self.prefixed < PREFIX {
            let part = data.len().min(PREFIX - self.prefixed);
            self.prefix[self.prefixed..self.prefixed + part].copy_from_slice(&data[..part]);
            self.prefixed += part;
            data = &data[part..];
            if self.prefixed < PREFIX {
                return Ok(data);
            }
            self.announce()?;
        }
        let (part, rest) = data.split_at(data.len().min(self.announced - self.arrived));
        if self.is_needed {
            self.message.extend_from_slice(part);
        }
        self.arrived += part.len();
        Ok(rest)
    }

    /// Reads the prefix, which is complete.
    fn announce(&mut self) -> Result<(), TransportError> {
        let [flag, length @ ..] = self.prefix;
        if flag > 1 {
            return Err(protocol(format!(
                "a message begins with {flag}, which is neither 0 (plain) nor 1 (compressed)"
            )));
        }
        self.announced = u32::from_be_bytes(length) as usize;
        if self.announced > MAX_MESSAGE {
            return Err(protocol(format!(
                "a message announces {} B, more than {} MiB",
                self.announced,
                MAX_MESSAGE >> 20
            )));
        }
        Ok(())
    }

    /// Returns the message without its compression, which this header names; empty if it is not
    /// needed.
    ///
    /// # Errors
    /// If it is compressed in a way that is not known.
    pub(super) fn unpacked(
        &self,
        encoding: Option<&[u8]>,
    ) -> Result<Cow<'_, [u8]>, TransportError> {
        if self.prefix[0] == 0 {
            return Ok(Cow::Borrowed(&self.message));
        }
        match encoding {
            Some(b"gzip") if self.is_needed => gzip::unpacked(&self.message, MAX_MESSAGE)
                .map(Cow::Owned)
                .map_err(protocol),
            Some(b"gzip") => Ok(Cow::Borrowed(&[])),
            None | Some(b"identity") => Err(protocol(format!(
                "the message is compressed, and `{ENCODING}` does not say how"
            ))),
            Some(other) => Err(protocol(format!(
                "the message is compressed by {}, and loadgen accepts gzip only",
                shown(other)
            ))),
        }
    }

    /// Creates the error of an answer that ended in the middle of the message.
    pub(super) fn cut(&self) -> TransportError {
        let message = if self.prefixed < PREFIX {
            format!(
                "the answer ended in the middle of a prefix, after {} of {PREFIX} B",
                self.prefixed
            )
        } else {
            format!(
                "the answer ended in the middle of a message, after {} of {} B",
                self.arrived, self.announced
            )
        };
        TransportError {
            kind: FailureKind::Incomplete,
            message,
        }
    }
}
