//! Values that an iteration carries: their names, where they are taken from, and the feeds that
//! bring rows.

use serde::{Deserialize, Deserializer, Serialize};

/// A name that templates and conditions may use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Name {
    /// An identifier.
    pub name: String,
    /// What it stands for when an iteration begins: a variable has a value, a capture none.
    pub value: Option<serde_json::Value>,
}

/// Reads a value that is there, so that `null` is one and only what is left out is none.
pub(super) fn present<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<serde_json::Value>, D::Error> {
    serde_json::Value::deserialize(from).map(Some)
}

/// Takes a value out of a response.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Capture {
    /// The name that it gets.
    pub name: String,
    /// Where it is.
    pub source: Source,
    /// What it is where nothing is found; without one that is a failure. `null` is a value.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub default: Option<serde_json::Value>,
}

/// Splits the figures of an operation by a value of its response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// What the split is called.
    pub name: String,
    /// Where the value is.
    pub source: Source,
}

/// A place in a response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The first value that a JSONPath query (RFC 9535) finds in the body.
    JsonPath(String),
    /// What a group of a regular expression matched in the body, at its first match.
    Regex {
        /// The expression.
        pattern: String,
        /// The group; 0 is the whole match.
        group: u32,
    },
    /// A header, its name in lower case.
    Header(String),
    /// A cookie that the response sets.
    Cookie(String),
    /// The whole body as text.
    Body,
    /// The status as a number.
    Status,
}

/// The order in which rows are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// As in the file.
    #[default]
    Sequential,
    /// As in the file after one shuffle by the seed; another one for each time through.
    Shuffled,
    /// Each time any of them.
    Random,
}

/// What happens after the last row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AtEnd {
    /// The first row comes again.
    #[default]
    Recycle,
    /// The run ends.
    Stop,
}

/// A file of rows, one for each iteration that uses it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feed {
    /// An identifier.
    pub name: String,
    /// Its path, relative to the scenario.
    pub file: String,
    /// The order of its rows.
    pub order: Order,
    /// What comes after the last one.
    pub at_end: AtEnd,
    /// The names of its columns.
    pub columns: Vec<String>,
    /// How many rows it had when the scenario was compiled.
    pub rows: u64,
    /// The first 16 hexadecimal digits of the SHA-256 of its content.
    pub digest: String,
}
