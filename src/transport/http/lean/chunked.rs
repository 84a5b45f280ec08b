//! [`Chunked`]: the chunks of a body, their extensions and the trailers (RFC 9112, section 7.1).

use super::failure::{malformed, trailers_too_large, truncated};
use crate::transport::TransportError;

/// The maximum length of all extensions of a body's chunks, in bytes.
const MAX_EXTENSIONS: u32 = 16 << 10;
/// The maximum length of the trailers, in bytes.
const MAX_TRAILERS: usize = 16 << 10;
/// The maximum number of lines of the trailers.
const MAX_TRAILER_LINES: usize = 100;

/// The progress of a chunked body.
#[derive(Debug, Default)]
pub(super) struct Chunked {
    state: State,
    /// The size of the chunk, or what is left of it.
    size: u64,
    /// The length of all extensions so far.
    extensions: u32,
    /// The trailers so far, with the line break that ends them.
    trailers: Vec<u8>,
    trailer_lines: usize,
}

/// What comes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// The first digit of a chunk's size.
    #[default]
    Start,
    /// More digits.
    Size,
    /// White space after the size.
    Space,
    Extension,
    /// The line feed that ends the line of the size.
    SizeEnd,
    Data,
    /// The line break after a chunk.
    DataCr,
    DataLf,
    /// The rest of a line of the trailers.
    Trailer,
    TrailerLf,
    /// The empty line that ends the body, or a line of the trailers.
    EndCr,
    EndLf,
    End,
}

/// What a piece of input begins with.
pub(super) enum Piece {
    /// This many bytes of framing, then this many of the body.
    Data(usize, usize),
    /// Only framing; the body goes on.
    Framing,
    /// This many bytes of framing, which end the body.
    End(usize),
}

impl Chunked {
    /// Takes input up to the end of the first data in it.
    ///
    /// # Errors
    /// If it is malformed, or exceeds the limits.
    pub(super) fn take(&mut self, input: &[u8]) -> Result<Piece, TransportError> {
        for (at, byte) in input.iter().enumerate() {
            if self.state == State::Data {
                let own = usize::try_from(self.size).unwrap_or(usize::MAX);
                let own = own.min(input.len() - at);
                self.size -= own as u64;
                if self.size == 0 {
                    self.state = State::DataCr;
                }
                return Ok(Piece::Data(at, own));
            }
            self.state = self.step(*byte)?;
            if self.state == State::End {
                return self.check_trailers().map(|()| Piece::End(at + 1));
            }
        }
        Ok(Piece::Framing)
    }

    /// Creates the error of a connection that ends here.
    pub(super) fn truncated(&self) -> TransportError {
        truncated(if self.state == State::Data {
            "end of file before message length reached"
        } else {
            "unexpected EOF during chunk size line"
        })
    }

    fn step(&mut self, byte: u8) -> Result<State, TransportError> {
        Ok(match (self.state, byte) {
            (State::Start, _) => {
                self.size = 0;
                self.digit(byte, "Invalid chunk size line: missing size digit")?;
                State::Size
            }
            (State::Size | State::Space, b'\t' | b' ') => State::Space,
            (State::Size | State::Space, b';') => State::Extension,
            (State::Size | State::Space | State::Extension, b'\r') => State::SizeEnd,
            (State::Size, _) => {
                self.digit(byte, "Invalid chunk size line: Invalid Size")?;
                State::Size
            }
            (State::Space, _) => return Err(malformed("Invalid chunk size linear white space")),
            (State::Extension, b'\n') => {
                // Others may take it for the end of the line.
                return Err(malformed("invalid chunk extension contains newline"));
            }
            (State::Extension, _) => {
                self.extensions += 1;
                if self.extensions >= MAX_EXTENSIONS {
                    return Err(malformed("chunk extensions over limit"));
                }
                State::Extension
            }
            (State::SizeEnd, b'\n') if self.size == 0 => State::EndCr,
            (State::SizeEnd, b'\n') => State::Data,
            (State::SizeEnd, _) => return Err(malformed("Invalid chunk size LF")),
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataCr, _) => return Err(malformed("Invalid chunk body CR")),
            (State::DataLf, b'\n') => State::Start,
            (State::DataLf, _) => return Err(malformed("Invalid chunk body LF")),
            (State::Trailer, _) => {
                self.keep(byte)?;
                if byte == b'\r' {
                    State::TrailerLf
                } else {
                    State::Trailer
                }
            }
            (State::TrailerLf, b'\n') => {
                if self.trailer_lines == MAX_TRAILER_LINES {
                    return Err(trailers_too_large());
                }
                self.trailer_lines += 1;
                self.keep(byte)?;
                State::EndCr
            }
            (State::TrailerLf, _) => return Err(malformed("Invalid trailer end LF")),
            (State::EndCr, b'\r') => {
                self.keep_end(byte)?;
                State::EndLf
            }
            (State::EndCr, _) => {
                self.keep(byte)?;
                State::Trailer
            }
            (State::EndLf, b'\n') => {
                self.keep_end(byte)?;
                State::End
            }
            (State::EndLf, _) => return Err(malformed("Invalid chunk end LF")),
            (State::Data | State::End, _) => unreachable!("neither has framing"),
        })
    }

    /// Appends a digit to the size.
    fn digit(&mut self, byte: u8, otherwise: &str) -> Result<(), TransportError> {
        let digit = char::from(byte).to_digit(16);
        let digit = digit.ok_or_else(|| malformed(otherwise))?;
        let size = self.size.checked_mul(16);
        let size = size.and_then(|size| size.checked_add(digit.into()));
        self.size = size.ok_or_else(|| malformed("invalid chunk size: overflow"))?;
        Ok(())
    }

    fn keep(&mut self, byte: u8) -> Result<(), TransportError> {
        self.trailers.push(byte);
        if self.trailers.len() >= MAX_TRAILERS {
            return Err(trailers_too_large());
        }
        Ok(())
    }

    /// Appends a byte of the line break that ends the trailers, if there are any.
    fn keep_end(&mut self, byte: u8) -> Result<(), TransportError> {
        if self.trailers.is_empty() {
            Ok(())
        } else {
            self.keep(byte)
        }
    }

    /// Checks whether the trailers are lines of headers; nobody asks for their values.
    fn check_trailers(&self) -> Result<(), TransportError> {
        if self.trailers.is_empty() {
            return Ok(());
        }
        let mut lines = vec![httparse::EMPTY_HEADER; self.trailer_lines];
        match httparse::parse_headers(&self.trailers, &mut lines) {
            Ok(httparse::Status::Complete(_)) => Ok(()),
            Ok(httparse::Status::Partial) => Err(malformed("Partial header")),
            Err(error) => Err(malformed(&error.to_string())),
        }
    }
}
