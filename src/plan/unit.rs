//! [`Unit`]: the unit of a metric.

use serde::{Deserialize, Serialize};

/// The unit of a metric, here and in results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// Milliseconds.
    #[serde(rename = "ms")]
    Millis,
    /// A fraction of the whole, from 0 to 1.
    #[serde(rename = "share")]
    Share,
    /// Events per second.
    #[serde(rename = "/s")]
    PerSecond,
    /// Bytes.
    #[serde(rename = "bytes")]
    Bytes,
    /// A plain number.
    #[serde(rename = "")]
    Number,
}

impl Unit {
    /// Returns whether what is watched in this unit is an increase per second, so that it adds up over
    /// time.
    pub const fn adds_up(self) -> bool {
        matches!(self, Self::Share | Self::PerSecond)
    }

    /// Returns its name, as results have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Millis => "ms",
            Self::Share => "share",
            Self::PerSecond => "/s",
            Self::Bytes => "bytes",
            Self::Number => "",
        }
    }
}
