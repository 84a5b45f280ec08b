//! [`Size`]: a number of bytes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Bytes, written in scenarios as `10KB` (powers of 1000) or `4MiB` (powers of 1024).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(into = "String", try_from = "String")]
pub struct Size(pub u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, scale) in [
            ("GiB", 1 << 30),
            ("GB", 1_000_000_000),
            ("MiB", 1 << 20),
            ("MB", 1_000_000),
            ("KiB", 1 << 10),
            ("KB", 1_000),
        ] {
            if self.0 >= scale && self.0.is_multiple_of(scale) {
                return write!(f, "{}{unit}", self.0 / scale);
            }
        }
        write!(f, "{}B", self.0)
    }
}

/// Files hold quantities as in a scenario; [`parse`](super::parse) reads them back.
impl From<Size> for String {
    fn from(value: Size) -> Self {
        value.to_string()
    }
}
