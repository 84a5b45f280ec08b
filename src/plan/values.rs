//! Values of an iteration: their names, the places that they are extracted from, and the feeds that
//! provide rows.

use serde::{Deserialize, Deserializer, Serialize};

use super::LogSource;
use super::http::is_default;

/// A name that templates and conditions can use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Name {
    /// The name, an identifier.
    pub name: String,
    /// Value at the start of an iteration: that of a variable; `None` for a capture.
    pub value: Option<serde_json::Value>,
}

/// Deserializes a value that is present, so that `null` becomes `Some` and only a missing field
/// becomes `None`.
pub(super) fn present<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<serde_json::Value>, D::Error> {
    serde_json::Value::deserialize(from).map(Some)
}

/// Extracts a value from a response.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Capture {
    /// Name that the value is assigned to.
    pub name: String,
    /// Place to extract the value from.
    pub source: Source,
    /// Value if nothing is found, which may be `null`; without a default, that is a failure.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub default: Option<serde_json::Value>,
}

/// Splits the metrics of an operation by a value of its response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// Name of the tag.
    pub name: String,
    /// Place to extract the value from.
    pub source: Source,
}

/// A place in a response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The first value that a JSONPath query (RFC 9535) selects in the body, or its length if
    /// `|length` follows the query.
    JsonPath(String),
    /// What the first element is that a CSS selector finds in HTML or XML.
    Css {
        /// The selector.
        selector: String,
        /// The attribute to take; missing for the text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attribute: Option<String>,
    },
    /// What a query in a part of XPath finds first in XML or HTML.
    XPath(String),
    /// A group of the first match of a regular expression in the body.
    Regex {
        /// The regular expression.
        pattern: String,
        /// Index of the group; 0 is the whole match.
        group: u32,
    },
    /// A header; the name is in lower case.
    Header(String),
    /// A group of the first match of a regular expression in a header.
    HeaderMatch {
        /// The name of the header, in lower case.
        header: String,
        /// The regular expression.
        pattern: String,
        /// Index of the group; 0 is the whole match.
        group: u32,
    },
    /// A cookie set by the response.
    Cookie(String),
    /// The whole body as text.
    Body,
    /// The status as a number.
    Status,
    /// The pattern of the path of a crawl's page.
    Path,
    /// The pattern of the path that a replayed log has.
    #[serde(rename = "logged_path")]
    LoggedPath,
}

impl Source {
    /// Returns whether the place is in the body.
    pub const fn is_in_body(&self) -> bool {
        match self {
            Self::JsonPath(_)
            | Self::Css { .. }
            | Self::XPath(_)
            | Self::Regex { .. }
            | Self::Body => true,
            Self::Header(_)
            | Self::HeaderMatch { .. }
            | Self::Cookie(_)
            | Self::Status
            | Self::Path
            | Self::LoggedPath => false,
        }
    }

    /// Returns whether the place is in the headers.
    pub const fn is_in_headers(&self) -> bool {
        matches!(
            self,
            Self::Header(_) | Self::HeaderMatch { .. } | Self::Cookie(_)
        )
    }
}

/// The order in which rows are taken from a feed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// In file order.
    #[default]
    Sequential,
    /// In an order shuffled by the seed, differently in each pass.
    Shuffled,
    /// A random row each time, with replacement.
    Random,
}

impl Order {
    /// Returns whether the run takes one row of the file after the other.
    pub const fn is_of_file(self, split: Split) -> bool {
        matches!((self, split), (Self::Sequential, Split::Shared))
    }
}

/// What happens after the last row of a feed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AtEnd {
    /// Starts again with the first row.
    #[default]
    Recycle,
    /// Ends the run.
    Stop,
    /// Leaves iterations without a row, so that steps that need one fail.
    Fail,
}

/// Who takes the rows of a feed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// All virtual users together.
    #[default]
    Shared,
    /// Each virtual user has rows of its own: of `n` users, user `u` has the rows `u`, `u + n` and so
    /// on, as many as all others.
    ByUser,
}

/// Where the rows of a feed come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FeedSource {
    /// A file.
    File(FeedFile),
    /// The scenario itself: a list of maps, as JSON text, which keeps all digits.
    Rows(String),
    /// A log of requests.
    Log(LogSource),
    /// A range of integers, each a row by itself.
    Range(FeedRange),
}

impl FeedSource {
    /// Returns the path of the file, if it is one.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::File(file) => Some(&file.path),
            Self::Log(log) => Some(&log.path),
            Self::Rows(_) | Self::Range(_) => None,
        }
    }
}

/// A file of rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedFile {
    /// Path relative to the scenario.
    pub path: String,
    /// What separates the cells of a CSV file, unless its name tells.
    pub separator: Option<char>,
    /// Label of its encoding (WHATWG Encoding Standard); UTF-8 if not given.
    pub encoding: Option<String>,
}

/// The integers from `first` up to `last`, both included, at a distance of `step`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedRange {
    /// The first one.
    pub first: i64,
    /// The bound that none of them passes.
    pub last: i64,
    /// The distance between two; negative if they decrease.
    pub step: i64,
}

impl FeedRange {
    /// Returns how many integers it has; 0 if the first one is beyond the bound, or `step` is 0.
    pub fn count(self) -> u64 {
        let span = i128::from(self.last) - i128::from(self.first);
        let whole = span.checked_div(i128::from(self.step)).filter(|steps| {
            *steps >= 0 && (span == 0 || span.signum() == i128::from(self.step).signum())
        });
        whole.map_or(0, |steps| u64::try_from(steps + 1).unwrap_or(u64::MAX))
    }

    /// Returns the one at an index below its count.
    pub fn at(self, index: u64) -> i64 {
        let value = i128::from(self.first) + i128::from(self.step) * i128::from(index);
        i64::try_from(value).unwrap_or(self.last)
    }
}

/// Rows; each iteration that uses them takes one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feed {
    /// Name of the feed, an identifier.
    pub name: String,
    /// Where the rows come from.
    pub source: FeedSource,
    /// Order of the rows.
    pub order: Order,
    /// What happens after the last row.
    pub at_end: AtEnd,
    /// Who takes the rows.
    #[serde(default, skip_serializing_if = "is_default")]
    pub split: Split,
    /// Names of the columns; empty if a row is a number.
    pub columns: Vec<String>,
    /// Number of rows when the scenario was compiled.
    pub rows: u64,
    /// The first 16 hexadecimal digits of the SHA-256 of the content.
    pub digest: String,
}
