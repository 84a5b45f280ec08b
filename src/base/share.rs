//! [`Share`]: a part of a whole.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A number from 0 to 1, written in scenarios as `0.5%`.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Share(pub f64);

impl Share {
    /// Nothing of it.
    pub const ZERO: Self = Self(0.0);
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Rounded to nine digits, so that 0.3 does not show as 30.000000000000004%.
        let percent = (self.0 * 1e11).round() / 1e9;
        write!(f, "{percent}%")
    }
}

/// In files a quantity stands as a scenario would write it; [`parse`](super::parse) reads it back.
impl From<Share> for String {
    fn from(value: Share) -> Self {
        value.to_string()
    }
}
