//! Flows: the steps that an iteration goes through.

use serde::{Deserialize, Serialize};

use super::{Delay, Limits};
use crate::base::{Nanos, Share, Size};

/// One step of a flow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Free text; equal names in one mix entry share figures.
    pub name: String,
    /// What it does.
    pub kind: StepKind,
    /// How often it is run at all, where not always.
    pub chance: Option<Share>,
    /// Whether only the first iteration of a virtual user runs it.
    pub once: bool,
    /// Whether the flow goes on after a failure in it.
    pub continue_on_error: bool,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepKind {
    /// Something that is measured.
    Operation(Box<Operation>),
    /// A pause: not an operation, and not measured.
    Think(Delay),
    /// Steps in order.
    Flow(Vec<Step>),
    /// Branches side by side, all of them.
    Parallel(Parallel),
    /// Branches side by side, until one is there first.
    Race(Race),
    /// Steps in order, again and again.
    Repeat(Repeat),
}

/// Branches side by side: waits for all of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parallel {
    /// The branches; never empty.
    pub branches: Vec<Step>,
    /// At most this many at once.
    pub concurrency: Option<u32>,
    /// Whether the first failure cancels the rest.
    pub cancel_on_error: bool,
}

/// Branches side by side: the first to complete wins, and the others are cancelled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Race {
    /// The branches; never empty.
    pub branches: Vec<Step>,
    /// Whether a branch must succeed to win.
    pub must_succeed: bool,
}

/// Steps in order, again and again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Repeat {
    /// How often; at least once.
    pub times: u32,
    /// The steps of one pass.
    pub flow: Vec<Step>,
}

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
    /// Headers that must be there, in lower case, with the value that they must have.
    pub headers: Vec<(String, String)>,
    /// What the body must be.
    pub body: Option<BodyRule>,
    /// The fewest bytes that the body may have.
    pub min_size: Option<Size>,
    /// The most bytes that the body may have.
    pub max_size: Option<Size>,
    /// The longest response time that counts as good.
    pub max_response: Option<Nanos>,
}

impl Expect {
    /// Whether a response with this status is a good one.
    pub fn accepts(&self, status: u16) -> bool {
        if self.status.is_empty() {
            return (200..400).contains(&status);
        }
        self.status.iter().any(|rule| rule.fits(status))
    }
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

/// Calls `visit` with every step, and with the steps inside of it after it.
pub fn each<'a>(steps: &'a [Step], visit: &mut impl FnMut(&'a Step)) {
    for step in steps {
        visit(step);
        each(step.inside(), visit);
    }
}

impl Step {
    /// The steps inside of a group; none for what is no group.
    pub fn inside(&self) -> &[Self] {
        match &self.kind {
            StepKind::Operation(_) | StepKind::Think(_) => &[],
            StepKind::Flow(steps) => steps,
            StepKind::Parallel(parallel) => &parallel.branches,
            StepKind::Race(race) => &race.branches,
            StepKind::Repeat(repeat) => &repeat.flow,
        }
    }

    /// The first operation in it, in the order written.
    pub fn first_operation(&self) -> Option<&Operation> {
        match &self.kind {
            StepKind::Operation(operation) => Some(operation),
            _ => self.inside().iter().find_map(Self::first_operation),
        }
    }
}

/// How many operations these steps complete where nothing fails, on average: what an arrival rate of
/// iterations amounts to.
pub fn expected(steps: &[Step]) -> f64 {
    let each = |step: &Step| {
        let of_one = match &step.kind {
            StepKind::Operation(_) => 1.0,
            StepKind::Think(_) => 0.0,
            StepKind::Flow(steps) => expected(steps),
            StepKind::Parallel(parallel) => expected(&parallel.branches),
            // One branch is there first; which one is not known here.
            StepKind::Race(race) => expected(&race.branches) / race.branches.len() as f64,
            StepKind::Repeat(repeat) => f64::from(repeat.times) * expected(&repeat.flow),
        };
        of_one * step.chance.map_or(1.0, |share| share.0)
    };
    steps.iter().map(each).sum()
}
