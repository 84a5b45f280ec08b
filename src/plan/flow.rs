//! Flows: the steps that an iteration goes through.

use serde::{Deserialize, Serialize};

use super::Delay;
use crate::base::{Nanos, Share};

/// One step of a flow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Free text; equal names in one mix entry share figures.
    pub name: String,
    /// What it does.
    pub kind: StepKind,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepKind {
    /// Something that is measured.
    Operation(Box<Operation>),
    /// A pause: not an operation, and not measured.
    Think(Delay),
}

/// A step that is measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// Its place among all operations of the plan: mix entry by mix entry, in the order written.
    pub id: u32,
    /// The work.
    pub action: Action,
    /// The longest a try may take, from `started` to the whole response.
    pub timeout: Nanos,
    /// What makes a completed operation a good one.
    pub expect: Expect,
    /// How often a mock operation fails after its time.
    pub fail: Share,
    /// Whether the iteration goes on after a failure.
    pub continue_on_error: bool,
}

/// The work of an operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// An HTTP request.
    Http(HttpRequest),
    /// Waits, as for something remote that needs none of this machine's processor.
    Sleep(Delay),
    /// Uses this much processor time of one core.
    Cpu(Delay),
    /// A blocking call.
    Block {
        /// How long it blocks.
        duration: Delay,
        /// Whether the async mode hands it to a pool of threads.
        offload: bool,
    },
}

/// A request, resolved as far as can be before the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpRequest {
    /// Index into the plan's targets.
    pub target: usize,
    /// The method, in capitals.
    pub method: String,
    /// Path and query, percent-encoded; begins with `/`.
    pub path: String,
    /// Headers in lower case, in the order sent; the target's own come before them.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: Option<Body>,
}

/// The body of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// As written.
    Text(String),
    /// A JSON text.
    Json(String),
}

impl Body {
    /// The bytes as they are sent.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) | Self::Json(text) => text.as_bytes(),
        }
    }

    /// The content type that goes with it, where the request names none.
    pub const fn content_type(&self) -> Option<&'static str> {
        match self {
            Self::Text(_) => None,
            Self::Json(_) => Some("application/json"),
        }
    }
}

/// What makes a response a good one. Without rules, any status in 2xx and 3xx.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expect {
    /// The status must fit one of these.
    pub status: Vec<StatusRule>,
}

impl Expect {
    /// Whether a response with this status is a good one.
    pub fn accepts(&self, status: u16) -> bool {
        if self.status.is_empty() {
            return (200..400).contains(&status);
        }
        self.status.iter().any(|rule| match rule {
            StatusRule::Code(code) => *code == status,
            StatusRule::Class(class) => u16::from(*class) == status / 100,
        })
    }
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
