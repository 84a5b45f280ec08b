//! [`InlineName`]: a short name that is kept in place.

use std::fmt;

/// A name of at most `MAX` bytes, of which there are fewer than 256, kept in place so that what holds it
/// stays cheap to copy.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct InlineName<const MAX: usize> {
    bytes: [u8; MAX],
    length: u8,
}

impl<const MAX: usize> InlineName<MAX> {
    /// Creates a name; returns `None` if the text is longer than that.
    pub(super) fn new(text: &str) -> Option<Self> {
        let length = u8::try_from(text.len()).ok()?;
        let mut bytes = [0; MAX];
        bytes
            .get_mut(..text.len())?
            .copy_from_slice(text.as_bytes());
        Some(Self { bytes, length })
    }

    /// Returns the name as text.
    pub(super) fn as_str(&self) -> &str {
        let bytes = &self.bytes[..usize::from(self.length)];
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl<const MAX: usize> fmt::Debug for InlineName<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}
