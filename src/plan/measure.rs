//! [`Measure`]: a figure that a scenario defines, read from responses.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Source;
use super::inline_name::InlineName;

/// The most figures that a scenario may define, by their names.
pub const MAX_MEASURES: usize = 32;

/// A figure that is read from each successful response of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measure {
    /// The number of its name: names are numbered in the order of their first places in the
    /// scenario.
    pub number: u32,
    /// Its name; equal names have equal units.
    pub name: MeasureName,
    /// Place to read the value from.
    pub source: Source,
    /// The unit that the value is in.
    pub unit: MeasureUnit,
}

/// The name of a measure: an identifier of at most [`MeasureName::MAX`] bytes, kept in place so that
/// metrics stay cheap to copy.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct MeasureName(InlineName<{ Self::MAX }>);

impl MeasureName {
    /// The most bytes of a name.
    pub const MAX: usize = 31;

    /// Creates a name from ASCII letters, digits and `_` that does not begin with a digit; returns
    /// `None` for other texts.
    pub fn new(text: &str) -> Option<Self> {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let begins = text.bytes().next().is_some_and(|b| !b.is_ascii_digit());
        if !begins || !text.bytes().all(is_part) {
            return None;
        }
        InlineName::new(text).map(Self)
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Debug for MeasureName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for MeasureName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<MeasureName> for String {
    fn from(name: MeasureName) -> Self {
        name.as_str().to_owned()
    }
}

impl TryFrom<String> for MeasureName {
    type Error = String;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(&text).ok_or_else(|| format!("`{text}` is not the name of a measure"))
    }
}

/// What the values of a measure are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeasureKind {
    /// Times, reported in milliseconds.
    Time,
    /// Sizes, reported in bytes.
    Size,
    /// Plain numbers.
    Number,
    /// Yes or no; the share of yes is reported.
    Share,
    /// Numbers of which only the sum is reported.
    Total,
}

impl MeasureKind {
    /// Returns how many stored units one reported unit has: times are stored in nanoseconds, sizes
    /// in bytes, plain numbers and totals in thousandths, and shares as 0 or 1.
    pub const fn stored_per_reported(self) -> f64 {
        match self {
            Self::Time => 1e6,
            Self::Size | Self::Share => 1.0,
            Self::Number | Self::Total => 1e3,
        }
    }

    /// Returns the kind whose values are reported in this unit.
    pub fn of_reported(unit: &str) -> Option<Self> {
        [
            Self::Time,
            Self::Size,
            Self::Number,
            Self::Share,
            Self::Total,
        ]
        .into_iter()
        .find(|kind| kind.reported_unit() == unit)
    }

    /// Returns whether its values are reported as a distribution.
    pub const fn is_spread(self) -> bool {
        matches!(self, Self::Time | Self::Size | Self::Number)
    }

    /// Returns the unit of the reported values.
    pub const fn reported_unit(self) -> &'static str {
        match self {
            Self::Time => "ms",
            Self::Size => "bytes",
            Self::Number => "count",
            Self::Share => "share",
            Self::Total => "total",
        }
    }
}

/// The unit that the values of a measure are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct MeasureUnit(usize);

/// The units as scenarios write them, what their values are, and how many stored units each has.
const UNITS: [(&str, MeasureKind, u64); 14] = [
    ("ns", MeasureKind::Time, 1),
    ("us", MeasureKind::Time, 1_000),
    ("ms", MeasureKind::Time, 1_000_000),
    ("s", MeasureKind::Time, 1_000_000_000),
    ("B", MeasureKind::Size, 1),
    ("KB", MeasureKind::Size, 1_000),
    ("MB", MeasureKind::Size, 1_000_000),
    ("GB", MeasureKind::Size, 1_000_000_000),
    ("KiB", MeasureKind::Size, 1 << 10),
    ("MiB", MeasureKind::Size, 1 << 20),
    ("GiB", MeasureKind::Size, 1 << 30),
    ("count", MeasureKind::Number, 1_000),
    ("share", MeasureKind::Share, 1),
    ("total", MeasureKind::Total, 1_000),
];

impl MeasureUnit {
    /// Returns the names of all units.
    pub fn names() -> impl Iterator<Item = &'static str> {
        UNITS.iter().map(|(name, ..)| *name)
    }

    /// Returns the unit with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::names().position(|known| known == name).map(Self)
    }

    /// Returns the name.
    pub const fn name(self) -> &'static str {
        UNITS[self.0].0
    }

    /// Returns what the values are.
    pub const fn kind(self) -> MeasureKind {
        UNITS[self.0].1
    }

    /// Reads a value from its text, as it is stored. Returns `None` for texts that are not a number
    /// (or, of a share, `true` or `false` in any case), and for numbers below zero or above `most`.
    pub fn read(self, text: &str, most: u64) -> Option<u64> {
        let text = text.trim();
        if self.kind() == MeasureKind::Share {
            for (truth, word) in ["false", "true"].into_iter().enumerate() {
                if text.eq_ignore_ascii_case(word) {
                    return Some(truth as u64);
                }
            }
        }
        let number = text.parse::<f64>().ok().filter(|n| n.is_finite())?;
        if self.kind() == MeasureKind::Share {
            return Some(u64::from(number != 0.0));
        }
        let stored = (number * UNITS[self.0].2 as f64).round();
        (0.0..=most as f64)
            .contains(&stored)
            .then_some(stored as u64)
    }
}

impl From<MeasureUnit> for String {
    fn from(unit: MeasureUnit) -> Self {
        unit.name().to_owned()
    }
}

impl TryFrom<String> for MeasureUnit {
    type Error = String;
    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::from_name(&name).ok_or_else(|| format!("`{name}` is not the unit of a measure"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_in_their_unit_and_others_are_not() {
        let read = |unit: &str, text: &str| {
            MeasureUnit::from_name(unit)
                .expect("a unit")
                .read(text, 3_600_000_000_000)
        };
        assert_eq!(read("ms", " 1.5 "), Some(1_500_000));
        assert_eq!(read("s", "2e-3"), Some(2_000_000));
        assert_eq!(read("KiB", "2"), Some(2_048));
        assert_eq!(read("count", "2.5"), Some(2_500));
        assert_eq!(read("share", "True"), Some(1));
        assert_eq!(read("share", "false"), Some(0));
        assert_eq!(read("share", "0"), Some(0));
        for text in ["", "-1", "nan", "inf", "1 ms", "true", "1e300"] {
            assert_eq!(read("ms", text), None, "{text}");
        }
    }

    #[test]
    fn a_name_is_a_short_identifier() {
        let longest = "a".repeat(MeasureName::MAX);
        for good in ["db", "_x1", longest.as_str()] {
            let name = MeasureName::new(good).expect("good");
            assert_eq!(name.as_str(), good);
        }
        for bad in ["", "1a", "a-b", "a.b", "ü", &"a".repeat(32)] {
            assert_eq!(MeasureName::new(bad), None, "{bad}");
        }
    }
}
