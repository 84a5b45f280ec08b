//! [`KeptBody`]: the body of a response, as far as it is needed.

use std::ops::ControlFlow;

use http::HeaderMap;

use crate::metrics::FailureKind;
use crate::result::{Body, MAX_TEXT};
use crate::transport::TransportError;
use crate::transport::decode::decoded;

/// The most that is kept of a body, in bytes, before it is decoded.
const MAX_BODY: usize = 16 << 20;

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

    /// Appends received data.
    pub(crate) fn take(&mut self, data: &[u8]) {
        self.size += data.len() as u64;
        if self.most > 0 {
            let room = self.most - self.bytes.len();
            self.bytes.extend_from_slice(&data[..data.len().min(room)]);
        }
    }

    /// Does the same for who reads a body to its end.
    pub(crate) fn keep(&mut self, data: &[u8]) -> ControlFlow<()> {
        self.take(data);
        ControlFlow::Continue(())
    }

    /// Returns the number of bytes received.
    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    /// Returns its beginning for people who debug, without its content encodings if it has arrived
    /// whole.
    pub(crate) fn to_show(&self, headers: &HeaderMap, is_whole: bool) -> Body {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_kept_than_there_may_be() {
        let headers = HeaderMap::new();
        let mut kept = KeptBody::new(true);
        kept.take(b"ab");
        kept.take(b"c");
        assert_eq!(
            (kept.size(), kept.decoded(&headers).expect("small")),
            (3, b"abc".to_vec())
        );
        let mut large = KeptBody::new(true);
        (0..17).for_each(|_| large.take(&[0; 1 << 20]));
        assert!(large.bytes.len() <= MAX_BODY);
        assert!(
            large
                .decoded(&headers)
                .is_err_and(|e| e.kind == FailureKind::Check && e.message.contains("16 MiB"))
        );
        let mut unwanted = KeptBody::new(false);
        unwanted.take(&[0; 100]);
        assert_eq!(
            (
                unwanted.size(),
                unwanted.decoded(&headers).expect("an empty body")
            ),
            (100, Vec::new())
        );
    }
}
