//! [`Stream`]: how an answer that comes in pieces is read.

use serde::{Deserialize, Serialize};

use super::JsonRule;
use crate::base::Nanos;

/// How the answer of an operation is read as a stream of events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stream {
    /// What separates its events.
    pub framing: StreamFraming,
    /// The data of the event that ends it; without it, the end of the answer does.
    pub until: Option<String>,
    /// Rules for the message that ends it, in addition: all of them must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub until_json: Vec<JsonRule>,
    /// JSONPath query: only events with a value there that is not empty are counted.
    pub event: Option<String>,
    /// JSONPath query for the number of units that the server reports; without it, units are events.
    pub units: Option<String>,
    /// Hang up after this many counted events.
    pub stop_after_events: Option<u64>,
    /// Hang up this long after the start of the attempt.
    pub stop_after_time: Option<Nanos>,
}

/// What separates the events of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StreamFraming {
    /// Server-sent events, as specified in the HTML standard.
    Sse,
    /// A line feed after each, as in NDJSON; blank lines are none.
    Lines,
    /// Nothing: each piece of the answer, as it is read, is an event.
    Chunks,
    /// The frames of gRPC: each message is an event, whose data is its JSON.
    Messages,
}

impl StreamFraming {
    /// Returns the name in the scenario.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sse => "sse",
            Self::Lines => "lines",
            Self::Chunks => "chunks",
            Self::Messages => "messages",
        }
    }
}
