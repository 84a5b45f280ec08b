//! Operations: the steps that are measured.

use serde::{Deserialize, Serialize};

use super::{Action, Capture, Expect, Limits, StatusRule, Tag};
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
