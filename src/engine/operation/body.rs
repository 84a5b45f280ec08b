//! [`KeptBody`]: the body of a response, as far as it is needed.

use http::HeaderMap;

use crate::metrics::FailureKind;
use crate::transport::TransportError;
use crate::transport::decode::decoded;

/// The most that is kept of a body, in bytes, before it is decoded.
const MAX_BODY: usize = 16 << 20;

/// The part of a body that is kept while it is received.
pub(crate) struct KeptBody {
    /// Whether the body is needed.
    wanted: bool,
    bytes: Vec<u8>,
    /// The number of bytes received.
    size: u64,
}

impl KeptBody {
    /// Creates an empty body.
    pub(crate) const fn new(wanted: bool) -> Self {
        Self {
            wanted,
            bytes: Vec::new(),
            size: 0,
        }
    }

    /// Appends received data.
    pub(crate) fn take(&mut self, data: &[u8]) {
        self.size += data.len() as u64;
        if self.wanted && self.size <= MAX_BODY as u64 {
            self.bytes.extend_from_slice(data);
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
        if !self.wanted {
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
