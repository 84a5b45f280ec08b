//! Exchanges: what is sent over a connection that is not HTTP, and the answer that is waited for.

use serde::{Deserialize, Serialize};

use crate::plan::{JsonRule, Template};

/// A text over a TCP connection, and its answer. At least one of the two is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpExchange {
    /// Index into the plan's targets.
    pub target: usize,
    /// What is sent, as it is.
    pub send: Option<Template>,
    /// How the answer ends.
    pub receive: Option<Framing>,
}

/// How an answer ends that has no length of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Framing {
    /// With the end of a line.
    Line,
    /// After so many bytes.
    Bytes(u64),
    /// With this text.
    Until(String),
}

/// A message over a WebSocket, and the one that is waited for. At least one of the two is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Index into the plan's targets: that of the connection.
    pub target: usize,
    /// The handshake of the connection, by its operation's id.
    pub handshake: u32,
    /// The text that is sent.
    pub send: Option<Template>,
    /// Which message is waited for.
    pub receive: Option<Receive>,
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
