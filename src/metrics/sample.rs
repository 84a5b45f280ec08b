//! The records that a worker makes of each operation and each iteration.

use super::{FailureKind, StartPace};
use crate::base::Nanos;

/// How an operation or an iteration ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Completed successfully.
    Ok,
    /// Completed with a failure.
    Failed(FailureKind),
    /// Refused by a full limit.
    Dropped,
    /// Planned, but its iteration or group ended before it started.
    Skipped,
    /// Started, then cancelled because of a race's winner or a failed sibling.
    Cancelled,
    /// In flight when the drain ended.
    Unfinished,
}

impl Outcome {
    /// Returns whether the times of such an outcome are meaningful: it completed, and not because
    /// the request could not even be made.
    pub const fn is_timed(self) -> bool {
        match self {
            Self::Ok => true,
            Self::Failed(kind) => !matches!(kind, FailureKind::Data),
            Self::Dropped | Self::Skipped | Self::Cancelled | Self::Unfinished => false,
        }
    }
}

/// The record of one operation. Instants are on the run's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// [`crate::plan::Operation::id`].
    pub operation: u32,
    /// When the plan schedules it.
    pub intended: Nanos,
    /// Deliberate waiting between `intended` and `started`.
    pub queue: Nanos,
    /// When work began; meaningless if it did not.
    pub started: Nanos,
    /// When the whole response was read; meaningless if it was not.
    pub completed: Nanos,
    /// How it ended.
    pub outcome: Outcome,
    /// Tries after the first one.
    pub retries: u32,
    /// Requests sent again because the server had not processed them.
    pub resent: u32,
    /// The HTTP status of the last response, or 0 if there was none.
    pub status: u16,
    /// The time to connect, if the last try opened a connection. This and the following fields,
    /// except for the bytes, describe the last try.
    pub connect: Option<Nanos>,
    /// The time of the TLS handshake, if there was one.
    pub tls: Option<Nanos>,
    /// The time from the connection being available to the whole request being sent.
    pub send: Option<Nanos>,
    /// From the start of the try to the head of the response.
    pub first_byte: Option<Nanos>,
    /// From the head of the response to the end of its body.
    pub body: Option<Nanos>,
    /// Bytes received, by all tries.
    pub bytes_in: u64,
    /// Bytes sent, by all tries.
    pub bytes_out: u64,
}

impl Sample {
    /// Creates the record of an operation planned at `intended` that has not started.
    pub const fn planned(operation: u32, intended: Nanos) -> Self {
        Self {
            operation,
            intended,
            queue: Nanos::ZERO,
            started: intended,
            completed: intended,
            outcome: Outcome::Skipped,
            retries: 0,
            resent: 0,
            status: 0,
            connect: None,
            tls: None,
            send: None,
            first_byte: None,
            body: None,
            bytes_in: 0,
            bytes_out: 0,
        }
    }

    /// Returns completed − intended.
    pub fn response(&self) -> Nanos {
        self.completed - self.intended
    }

    /// Returns completed − started.
    pub fn service(&self) -> Nanos {
        self.completed - self.started
    }

    /// Returns started − intended − queue: the load generator's own delay.
    pub fn lag(&self) -> Nanos {
        self.started - self.intended - self.queue
    }
}

/// The record of one iteration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IterationSample {
    /// The index of its mix entry.
    pub mix: u32,
    /// When the plan schedules it.
    pub intended: Nanos,
    /// When its flow ended.
    pub completed: Nanos,
    /// How it ended; an iteration with a failed operation has failed.
    pub outcome: Outcome,
    /// Whether it started when the pace of its user said.
    pub pace: StartPace,
}

/// The record of one pass through a timed group. Instants are on the run's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupSample {
    /// [`crate::plan::TimedFlow::group`].
    pub group: u32,
    /// When the plan schedules its first operation.
    pub intended: Nanos,
    /// When its last operation ended; meaningless if it did not complete.
    pub completed: Nanos,
    /// The pauses in it.
    pub think: Nanos,
    /// How it ended; a group with a failed operation has failed.
    pub outcome: Outcome,
}

impl GroupSample {
    /// Returns completed − intended − think.
    pub fn response(&self) -> Nanos {
        self.completed - self.intended - self.think
    }
}
