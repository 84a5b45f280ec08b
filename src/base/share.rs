//! [`Share`]: a fraction of a whole.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A number from 0 to 1, written in scenarios as `0.5%`.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Share(pub f64);

impl Share {
    /// A share of zero.
    pub const ZERO: Self = Self(0.0);
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Rounded to nine digits, so that 0.3 is not shown as 30.000000000000004%.
        let percent = (self.0 * 1e11).round() / 1e9;
        write!(f, "{percent}%")
    }
}

/// Files hold quantities as in a scenario; [`parse`](super::parse) reads them back.
impl From<Share> for String {
    fn from(value: Share) -> Self {
        value.to_string()
    }
}
