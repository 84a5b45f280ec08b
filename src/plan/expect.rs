//! What is expected of a response, and which message an exchange waits for.

use serde::{Deserialize, Serialize};

use super::Template;
use crate::base::status::is_of_grpc;
use crate::base::{Nanos, Size};

/// The names of what a condition on a response can use besides the values of the iteration.
pub const RESPONSE_VALUES: [&str; 5] = ["status", "headers", "body", "json", "response_ms"];

/// The criteria for a good response. Without status rules, every 2xx and 3xx status is good.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Expect {
    /// Accepted statuses; one of these rules must match.
    pub status: Vec<StatusRule>,
    /// Required headers, names in lower case, and their required values.
    pub headers: Vec<(String, String)>,
    /// Rule for the body as text.
    pub body: Option<BodyRule>,
    /// Rules for values in a JSON body.
    pub json: Vec<JsonRule>,
    /// Minimum size of the body.
    pub min_size: Option<Size>,
    /// Maximum size of the body.
    pub max_size: Option<Size>,
    /// Minimum number of rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_rows: Option<u64>,
    /// Maximum number of rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rows: Option<u64>,
    /// Maximum response time.
    pub max_response: Option<Nanos>,
    /// Rules for the events of a stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamRule>,
    /// Values that are only known during the run, and that parts of the response must have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<ExpectedValue>,
    /// A condition that must hold: an expression over the response and the values of the iteration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<ResponseCondition>,
    /// The failures that make the operation good; no others do, and neither does success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fail: Option<ExpectedFailure>,
    /// Whether a broken rule is only counted, and fails nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub soft: bool,
}

/// A value that is expected of a part of a response, and that is only known during the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedValue {
    /// What is compared with it.
    pub part: ExpectedPart,
    /// The value: a text, or of JSON its text.
    pub value: Template,
}

/// The part of a response that is compared with a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpectedPart {
    /// The header of this name, in lower case, must be equal to it.
    Header(String),
    /// The body must contain it.
    BodyContains,
    /// The body must not contain it.
    BodyNotContains,
    /// The body must be equal to it.
    BodyEquals,
    /// The first value that this JSONPath query selects must be equal to it.
    Json(String),
}

impl ExpectedPart {
    /// Returns whether it is in the body.
    pub const fn is_in_body(&self) -> bool {
        !matches!(self, Self::Header(_))
    }
}

/// A condition on a response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseCondition {
    /// The expression.
    pub text: String,
    /// Which of [`RESPONSE_VALUES`] it uses, in that order.
    pub uses: [bool; RESPONSE_VALUES.len()],
}

impl ResponseCondition {
    /// Returns whether it uses this one of [`RESPONSE_VALUES`].
    pub fn uses(&self, name: &str) -> bool {
        let named = RESPONSE_VALUES.iter().zip(self.uses);
        named
            .into_iter()
            .any(|(known, used)| used && *known == name)
    }
}

/// The failures that are expected of an operation; one of them must occur.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedFailure {
    /// Statuses of responses.
    pub status: Vec<StatusRule>,
    /// Kinds of failures without a response; `timeout` stands for all timeouts.
    pub kinds: Vec<String>,
}

/// Rules for the events of a stream; all given parts must hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamRule {
    /// Minimum number of counted events.
    pub min_events: Option<u64>,
    /// Maximum time from intended to the first counted event.
    pub max_first: Option<Nanos>,
    /// Maximum time between counted events.
    pub max_gap: Option<Nanos>,
    /// Maximum time per unit.
    pub max_unit: Option<Nanos>,
}

/// Rule for a text body; all given parts must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BodyRule {
    /// Text that the body must contain.
    pub contains: Option<String>,
    /// Text that the body must not contain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_contains: Option<String>,
    /// Regular expression that must match somewhere in the body.
    pub matches: Option<String>,
    /// Text that the body must be equal to.
    pub equals: Option<String>,
}

/// Selects the message to wait for; all given parts must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Receive {
    /// Text that the message must contain.
    pub contains: Option<Template>,
    /// Regular expression that must match somewhere in the message.
    pub matches: Option<String>,
    /// Rules for values in the message, parsed as JSON.
    pub json: Vec<JsonRule>,
}

/// A status code, or a class of codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StatusRule {
    /// Exactly this code.
    Code(u16),
    /// A class of codes: `2` means 200 to 299, and so on.
    Class(u8),
}

impl StatusRule {
    /// Returns whether rules are those of gRPC's statuses, whose codes are above those of HTTP.
    pub fn are_of_grpc(rules: &[Self]) -> bool {
        let is_one = |rule: &Self| matches!(rule, Self::Code(code) if is_of_grpc(*code));
        rules.iter().any(is_one)
    }

    /// Returns whether the rule matches this status.
    pub fn fits(self, status: u16) -> bool {
        match self {
            Self::Code(code) => code == status,
            Self::Class(class) => u16::from(class) == status / 100,
        }
    }
}

/// Rule for a value in a JSON body; all given parts must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct JsonRule {
    /// JSONPath query (RFC 9535); the rule applies to the first value that it selects.
    pub path: String,
    /// Whether a value must exist (`true`) or must not (`false`); if not given, one must exist.
    pub exists: Option<bool>,
    /// Value that it must be equal to, which may be `null`.
    #[serde(
        default,
        deserialize_with = "super::values::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub equals: Option<serde_json::Value>,
    /// Regular expression that must match somewhere in the value as text.
    pub matches: Option<String>,
    /// Required type.
    pub kind: Option<JsonKind>,
    /// Minimum, for a number.
    pub min: Option<f64>,
    /// Maximum, for a number.
    pub max: Option<f64>,
    /// Minimum number of items, members or characters.
    pub min_len: Option<u64>,
    /// Maximum number of items, members or characters.
    pub max_len: Option<u64>,
}

/// The type of a JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JsonKind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean,
    /// Any number.
    Number,
    /// A number without a fraction.
    Integer,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}
