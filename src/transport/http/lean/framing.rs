//! [`Framing`]: where the body of a response ends.

use super::chunked::{Chunked, Piece};
use super::failure::truncated;
use crate::transport::TransportError;

/// Where the body of a response ends, as seen from what was read so far.
#[derive(Debug, Default)]
pub(super) enum Framing {
    /// Here.
    #[default]
    End,
    /// After this many bytes.
    Length(u64),
    /// After its last chunk.
    Chunked(Chunked),
    /// Where the peer closes the connection.
    Close,
}

impl Framing {
    /// Returns whether the body has ended.
    pub(super) const fn is_end(&self) -> bool {
        matches!(self, Self::End)
    }

    /// Takes some of the input, and passes what belongs to the body to `keep`; returns how many
    /// bytes were taken, at least one unless the input is empty.
    ///
    /// # Errors
    /// If it is malformed.
    pub(super) fn take(
        &mut self,
        input: &[u8],
        keep: &mut impl FnMut(&[u8]),
    ) -> Result<usize, TransportError> {
        Ok(match self {
            Self::End => 0,
            Self::Length(left) => {
                let own = usize::try_from(*left).unwrap_or(usize::MAX);
                let own = own.min(input.len());
                keep(&input[..own]);
                *left -= own as u64;
                if *left == 0 {
                    *self = Self::End;
                }
                own
            }
            Self::Chunked(chunked) => match chunked.take(input)? {
                Piece::Framing => input.len(),
                Piece::Data(at, length) => {
                    keep(&input[at..at + length]);
                    at + length
                }
                Piece::End(length) => {
                    *self = Self::End;
                    length
                }
            },
            Self::Close => {
                keep(input);
                input.len()
            }
        })
    }

    /// Ends the body where the connection ends.
    ///
    /// # Errors
    /// If the rest of it is missing.
    pub(super) fn close(&mut self) -> Result<(), TransportError> {
        match self {
            Self::End | Self::Close => {
                *self = Self::End;
                Ok(())
            }
            Self::Length(_) => Err(truncated("end of file before message length reached")),
            Self::Chunked(chunked) => Err(chunked.truncated()),
        }
    }
}
