//! Operations: the steps that are measured.

use serde::{Deserialize, Serialize};

use super::{Capture, Delay, Expect, Limits, Message, StatusRule, Tag, TcpExchange, Template};
use crate::base::{Nanos, Share};

/// A step that is measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// Its place among all operations of the plan: mix entry by mix entry, in the order written.
    pub id: u32,
    /// The work.
    pub action: Action,
    /// How long a try and its parts may take.
    pub timeout: Timeouts,
    /// What makes a completed operation a good one.
    pub expect: Expect,
    /// What is tried again.
    pub retry: Option<Retry>,
    /// Caps of this operation alone.
    pub limits: Limits,
    /// How often a mock operation fails after its time.
    pub fail: Share,
    /// What is taken out of its response.
    pub captures: Vec<Capture>,
    /// What its figures are split by.
    pub tags: Vec<Tag>,
}

/// How long a try may take. Each counts from the try's `started`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeouts {
    /// Until the connection is made, where one has to be.
    pub connect: Option<Nanos>,
    /// Until the head of the response is there.
    pub first_byte: Option<Nanos>,
    /// Until the whole response is there.
    pub total: Nanos,
}

/// What is tried again after a failure, how often, and after which wait.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Retry {
    /// All tries, the first one included; at least 1.
    pub attempts: u32,
    /// The failures that are tried again, by kind; `timeout` stands for all timeouts.
    pub errors: Vec<String>,
    /// The statuses that are tried again. Where this and `errors` are empty every failure is.
    pub status: Vec<StatusRule>,
    /// The wait before the next try.
    pub backoff: Backoff,
}

/// The wait before the k-th retry.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backoff {
    /// Always the same.
    Constant(Nanos),
    /// k · step.
    Linear {
        /// The step.
        step: Nanos,
    },
    /// initial · factor^(k−1), no more than `max`.
    Exponential {
        /// The first wait.
        initial: Nanos,
        /// What each wait is multiplied by to make the next.
        factor: f64,
        /// The longest wait.
        max: Nanos,
        /// Whether each wait is drawn evenly between zero and itself ("full jitter").
        jitter: bool,
    },
}

/// The work of an operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// An HTTP request.
    Http(HttpRequest),
    /// The request that opens a WebSocket.
    Handshake(HttpRequest),
    /// A message over the WebSocket that is open, and the one that answers it.
    Message(Message),
    /// A text over a TCP connection, and its answer.
    Tcp(TcpExchange),
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

impl Action {
    /// The target that it goes to, by its index; none of a mock operation.
    pub const fn target(&self) -> Option<usize> {
        match self {
            Self::Http(request) | Self::Handshake(request) => Some(request.target),
            Self::Message(message) => Some(message.target),
            Self::Tcp(exchange) => Some(exchange.target),
            Self::Sleep(_) | Self::Cpu(_) | Self::Block { .. } => None,
        }
    }
}

/// A request, resolved as far as can be before the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpRequest {
    /// Index into the plan's targets.
    pub target: usize,
    /// The method, in capitals.
    pub method: String,
    /// Path and query, percent-encoded; begins with `/`.
    pub path: Template,
    /// Headers in lower case, in the order sent; the target's own come before them.
    pub headers: Vec<(String, Template)>,
    /// What is sent.
    pub body: Option<Body>,
}

/// The body of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// As written.
    Text(Template),
    /// A JSON text.
    Json(Template),
    /// Pairs of a form, percent-encoded.
    Form(Template),
    /// The content of a file, by its path relative to the scenario.
    File(String),
    /// Parts of a form that may hold files.
    Multipart(Vec<Part>),
}

/// A part of a multipart body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The field's name.
    pub name: String,
    /// What is in it.
    pub content: Content,
    /// The name of the file that it claims to be.
    pub filename: Option<String>,
    /// Its content type, where it names one.
    pub content_type: Option<String>,
}

/// What is in a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// Text.
    Text(Template),
    /// The content of a file, by its path relative to the scenario.
    File(String),
}

impl HttpRequest {
    /// Every template in it.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        let body: Vec<&Template> = match &self.body {
            Some(Body::Text(text) | Body::Json(text) | Body::Form(text)) => vec![text],
            Some(Body::Multipart(parts)) => parts
                .iter()
                .filter_map(|part| match &part.content {
                    Content::Text(text) => Some(text),
                    Content::File(_) => None,
                })
                .collect(),
            Some(Body::File(_)) | None => Vec::new(),
        };
        std::iter::once(&self.path)
            .chain(self.headers.iter().map(|(_, value)| value))
            .chain(body)
    }
}
