//! [`KeptBody`]: the body of a response, as far as it is needed.

use http::HeaderMap;
use http::response::Parts;

use crate::engine::compiled::call::Call;
use crate::metrics::FailureKind;
use crate::result::{Body, MAX_TEXT};
use crate::transport::TransportError;
use crate::transport::decode::decoded;
use crate::transport::sink::BodySink;

/// The most that is kept of a body, in bytes, before it is decoded.
const MAX_BODY: usize = 16 << 20;

/// What an exchange makes of the body of a response.
pub(crate) trait ResponseBody: BodySink {
    /// Creates it when only the head has arrived: whether something looks at it, and whether people
    /// who debug do.
    fn create(head: &Parts, is_needed: bool, is_recorded: bool) -> Self;

    /// Returns the status that the head alone tells, or 0.
    fn status(head: &Parts) -> u16;

    /// Returns whether the server says behind the body that it has failed, which explains an early
    /// end of a stream.
    fn has_failed(&self, head: &Parts) -> bool;

    /// Returns it for people who debug; `call` is what it belongs to, if that is one of gRPC.
    fn to_show(&self, headers: &HeaderMap, call: Option<&Call>, is_whole: bool) -> Body;
}

/// The part of a body that is kept while it is received.
pub(crate) struct KeptBody {
    /// The most that is kept, in bytes: [`MAX_BODY`] if the body is needed, and nothing if nobody
    /// looks at it.
    most: usize,
    bytes: Vec<u8>,
    /// The number of bytes received.
    size: u64,
}

impl KeptBody {
    /// Creates an empty body, which is needed or not.
    pub(crate) const fn new(wanted: bool) -> Self {
        Self::keeping(if wanted { MAX_BODY } else { 0 })
    }

    /// Creates an empty body whose beginning is shown even if it is not needed.
    pub(crate) const fn shown(wanted: bool) -> Self {
        Self::keeping(if wanted { MAX_BODY } else { MAX_TEXT })
    }

    const fn keeping(most: usize) -> Self {
        Self {
            most,
            bytes: Vec::new(),
            size: 0,
        }
    }

    /// Returns the number of bytes received.
    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    /// Returns the body without its content encodings; empty if it is not needed.
    ///
    /// # Errors
    /// If it is too large to be kept, or cannot be decoded.
    pub(crate) fn decoded(self, headers: &HeaderMap) -> Result<Vec<u8>, TransportError> {
        if self.most < MAX_BODY {
            return Ok(Vec::new());
        }
        if self.size > MAX_BODY as u64 {
            let message = format!(
                "the body is larger than {} MiB, too large to keep for checks, captures and tags",
                MAX_BODY >> 20
            );
            return Err(TransportError {
                kind: FailureKind::Check,
                message,
            });
        }
        decoded(headers, self.bytes)
    }
}

impl BodySink for KeptBody {
    const WANTS_TRAILERS: bool = false;

    #[inline]
    fn take(&mut self, data: &[u8]) -> Result<(), TransportError> {
        self.size += data.len() as u64;
        if self.most > 0 {
            let room = self.most - self.bytes.len();
            self.bytes.extend_from_slice(&data[..data.len().min(room)]);
        }
        Ok(())
    }

    fn take_trailers(&mut self, _: HeaderMap) {}
}

impl ResponseBody for KeptBody {
    #[inline]
    fn create(_: &Parts, is_needed: bool, is_recorded: bool) -> Self {
        if is_recorded {
            Self::shown(is_needed)
        } else {
            Self::new(is_needed)
        }
    }

    #[inline]
    fn status(head: &Parts) -> u16 {
        head.status.as_u16()
    }

    fn has_failed(&self, _: &Parts) -> bool {
        false
    }

    /// Its beginning, without its content encodings if it has arrived whole.
    fn to_show(&self, headers: &HeaderMap, _: Option<&Call>, is_whole: bool) -> Body {
        let is_whole = is_whole && self.bytes.len() as u64 == self.size;
        let decoded = is_whole
            .then(|| decoded(headers, self.bytes.clone()).ok())
            .flatten();
        Body::new(
            decoded.as_deref().unwrap_or(&self.bytes),
            self.size,
            is_whole,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_kept_than_there_may_be() {
        let headers = HeaderMap::new();
        let mut kept = KeptBody::new(true);
        kept.take(b"ab").expect("it takes all");
        kept.take(b"c").expect("it takes all");
        assert_eq!(
            (kept.size(), kept.decoded(&headers).expect("small")),
            (3, b"abc".to_vec())
        );
        let mut large = KeptBody::new(true);
        (0..17).for_each(|_| large.take(&[0; 1 << 20]).expect("it takes all"));
        assert!(large.bytes.len() <= MAX_BODY);
        assert!(
            large
                .decoded(&headers)
                .is_err_and(|e| e.kind == FailureKind::Check && e.message.contains("16 MiB"))
        );
        let mut unwanted = KeptBody::new(false);
        unwanted.take(&[0; 100]).expect("it takes all");
        assert_eq!(
            (
                unwanted.size(),
                unwanted.decoded(&headers).expect("an empty body")
            ),
            (100, Vec::new())
        );
    }
}
