//! What a worker writes down of each operation and each iteration.

use super::FailureKind;
use crate::base::Nanos;

/// How an operation or an iteration ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Completed, and well.
    Ok,
    /// Completed, and badly.
    Failed(FailureKind),
    /// Refused by a full limit.
    Dropped,
    /// Planned, but what it belongs to ended before it started.
    Skipped,
    /// Started, then ended by a race's winner or a failed sibling.
    Cancelled,
    /// In flight when the drain ended.
    Unfinished,
}

impl Outcome {
    /// Whether the times of what ended so say something: it completed, and not because a request
    /// could not even be made.
    pub const fn is_timed(self) -> bool {
        match self {
            Self::Ok => true,
            Self::Failed(kind) => !matches!(kind, FailureKind::Data),
            Self::Dropped | Self::Skipped | Self::Cancelled | Self::Unfinished => false,
        }
    }
}

/// The record of one operation. Instants are of the run's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// [`crate::plan::Operation::id`].
    pub operation: u32,
    /// When the plan has it.
    pub intended: Nanos,
    /// Deliberate waiting between `intended` and `started`.
    pub queue: Nanos,
    /// When work began; meaningless where it did not.
    pub started: Nanos,
    /// When the whole response was read; meaningless where it was not.
    pub completed: Nanos,
    /// How it ended.
    pub outcome: Outcome,
    /// Tries after the first.
    pub retries: u32,
    /// Requests sent again because the server had not processed them.
    pub resent: u32,
    /// HTTP status of the last request, or 0 where it was not answered.
    pub status: u16,
    /// Time to connect, where the last try had to. This and all that follow but the bytes are of
    /// the last try.
    pub connect: Option<Nanos>,
    /// Time of the TLS handshake, where there was one.
    pub tls: Option<Nanos>,
    /// Time until the whole request had gone out, from when the connection was there.
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
    /// An operation that the plan has at this moment, of which nothing has happened yet.
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

    /// completed − intended.
    pub fn response(&self) -> Nanos {
        self.completed - self.intended
    }

    /// completed − started.
    pub fn service(&self) -> Nanos {
        self.completed - self.started
    }

    /// started − intended − queue: the generator's own lateness.
    pub fn lag(&self) -> Nanos {
        self.started - self.intended - self.queue
    }
}

/// The record of one iteration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IterationSample {
    /// Index of its mix entry.
    pub mix: u32,
    /// When the plan has it.
    pub intended: Nanos,
    /// The end of its flow.
    pub completed: Nanos,
    /// How it ended; an iteration with a failed operation is failed.
    pub outcome: Outcome,
}
