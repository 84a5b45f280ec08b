//! What is expected of a response, and which message is waited for.

use serde::{Deserialize, Serialize};

use super::Template;
use crate::base::{Nanos, Size};

/// What makes a response a good one. Without rules, any status in 2xx and 3xx.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Expect {
    /// The status must fit one of these.
    pub status: Vec<StatusRule>,
    /// Headers that must be there, in lower case, with the value that they must have.
    pub headers: Vec<(String, String)>,
    /// What the body must be.
    pub body: Option<BodyRule>,
    /// What must be found in a JSON body.
    pub json: Vec<JsonRule>,
    /// The fewest bytes that the body may have.
    pub min_size: Option<Size>,
    /// The most bytes that the body may have.
    pub max_size: Option<Size>,
    /// The longest response time that counts as good.
    pub max_response: Option<Nanos>,
}

/// What a body must be; every part that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BodyRule {
    /// Must be in it.
    pub contains: Option<String>,
    /// A regular expression that must match somewhere in it.
    pub matches: Option<String>,
    /// Must be the whole of it.
    pub equals: Option<String>,
}

/// Which message is waited for: every part that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Receive {
    /// Must be in it.
    pub contains: Option<Template>,
    /// A regular expression that must match somewhere in it.
    pub matches: Option<String>,
    /// What must be found in it as JSON.
    pub json: Vec<JsonRule>,
}

/// One status, or a class of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StatusRule {
    /// This code.
    Code(u16),
    /// `2` for 200 to 299, and so on.
    Class(u8),
}

impl StatusRule {
    /// Whether a status is meant.
    pub fn fits(self, status: u16) -> bool {
        match self {
            Self::Code(code) => code == status,
            Self::Class(class) => u16::from(class) == status / 100,
        }
    }
}

/// What must be found at a place in a JSON body; every part that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct JsonRule {
    /// A JSONPath query (RFC 9535); its first value is meant.
    pub path: String,
    /// Whether anything must be there at all, or nothing; where neither is said, something must be.
    pub exists: Option<bool>,
    /// What it must be; `null` is a value.
    #[serde(
        default,
        deserialize_with = "super::values::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub equals: Option<serde_json::Value>,
    /// A regular expression that its text must match somewhere.
    pub matches: Option<String>,
    /// Its type.
    pub kind: Option<JsonKind>,
    /// The smallest number that it may be.
    pub min: Option<f64>,
    /// The largest number that it may be.
    pub max: Option<f64>,
    /// The fewest items, members or characters that it may have.
    pub min_len: Option<u64>,
    /// The most items, members or characters that it may have.
    pub max_len: Option<u64>,
}

/// The type of a JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JsonKind {
    /// `null`.
    Null,
    /// True or false.
    Boolean,
    /// Any number.
    Number,
    /// A number without a fraction.
    Integer,
    /// A text.
    String,
    /// A list.
    Array,
    /// A map.
    Object,
}
