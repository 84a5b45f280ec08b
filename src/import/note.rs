//! [`Note`]: something in a source that the scenario does not say.

use std::fmt;

/// Something in the source that the scenario does not say, or says differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    /// Where it stands in the source.
    pub place: Place,
    /// What it is.
    pub message: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// A place in a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A line, from 1.
    Line(usize),
    /// A part that people find by its name, such as `entry 12` or `paths./pets.get`.
    Part(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Part(part) => f.write_str(part),
        }
    }
}
