//! Operations: the measured steps.

use serde::{Deserialize, Serialize};

use super::{
    Action, Capture, Expect, ExpectedPart, Limits, Measure, Source, StatusRule, Stream, Tag,
};
use crate::base::{Nanos, Share};

/// A measured step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// Index among all operations of the plan: by mix entry, in source order.
    pub id: u32,
    /// The work to do.
    pub action: Action,
    /// Timeouts of an attempt and of its phases.
    pub timeout: Timeouts,
    /// Criteria for a good response.
    pub expect: Expect,
    /// Which failures are retried, if any.
    pub retry: Option<Retry>,
    /// Limits of this operation alone.
    pub limits: Limits,
    /// Probability that a mock operation fails after its duration.
    pub fail: Share,
    /// Values to extract from the response.
    pub captures: Vec<Capture>,
    /// Tags by which the metrics are split.
    pub tags: Vec<Tag>,
    /// Figures to read from the response.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measures: Vec<Measure>,
    /// How its answer is read as a stream of events, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<Box<Stream>>,
    /// Whether it belongs to the teardown of virtual users, which is neither throughput nor
    /// lengthens the run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_teardown: bool,
}

impl Operation {
    /// Returns whether something looks into the bodies of its responses: a check, a capture, a tag
    /// or a measure. Otherwise they are only counted.
    pub fn reads_bodies(&self) -> bool {
        self.expect.body.is_some()
            || !self.expect.json.is_empty()
            || self.expects_of(|part| part.is_in_body())
            || self.condition_uses(&["body", "json"])
            || self.sources().any(Source::is_in_body)
    }

    /// Returns whether something looks at the headers of its responses.
    pub fn reads_headers(&self) -> bool {
        !self.expect.headers.is_empty()
            || self.expects_of(|part| !part.is_in_body())
            || self.condition_uses(&["headers"])
            || self.stream.is_some()
            || self.sources().any(Source::is_in_headers)
    }

    /// Returns whether a value of the run is expected of such a part of its responses.
    fn expects_of(&self, is_such: impl Fn(&ExpectedPart) -> bool) -> bool {
        self.expect.values.iter().any(|own| is_such(&own.part))
    }

    /// Returns whether the condition on its responses uses one of these values.
    fn condition_uses(&self, names: &[&str]) -> bool {
        let condition = self.expect.when.as_ref();
        condition.is_some_and(|own| names.iter().any(|name| own.uses(name)))
    }

    /// Returns the places of its captures, tags and measures.
    fn sources(&self) -> impl Iterator<Item = &Source> {
        let captured = self.captures.iter().map(|capture| &capture.source);
        let measured = self.measures.iter().map(|measure| &measure.source);
        captured
            .chain(self.tags.iter().map(|tag| &tag.source))
            .chain(measured)
    }
}

/// Timeouts of an attempt, each relative to its `started`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeouts {
    /// Until the connection is established, if the attempt needs a new one.
    pub connect: Option<Nanos>,
    /// Until the head of the response has arrived.
    pub first_byte: Option<Nanos>,
    /// Until the whole response has arrived.
    pub total: Nanos,
}

/// Which failures are retried, how often, and with what backoff.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Retry {
    /// Maximum number of attempts, including the first; at least 1.
    pub attempts: u32,
    /// Kinds of failures that are retried; `timeout` stands for all timeouts.
    pub errors: Vec<String>,
    /// Statuses that are retried. If both this and `errors` are empty, every failure is retried.
    pub status: Vec<StatusRule>,
    /// The wait before the next attempt.
    pub backoff: Backoff,
}

/// The wait before the k-th retry.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backoff {
    /// A constant wait.
    Constant(Nanos),
    /// k · step.
    Linear {
        /// The step.
        step: Nanos,
    },
    /// initial · factor^(k−1), at most `max`.
    Exponential {
        /// The first wait.
        initial: Nanos,
        /// The factor between consecutive waits.
        factor: f64,
        /// The maximum wait.
        max: Nanos,
        /// Whether each wait is drawn uniformly between zero and its value ("full jitter").
        jitter: bool,
    },
}
