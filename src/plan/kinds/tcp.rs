//! `tcp`: a text sent over a TCP connection, and its response.

use serde::{Deserialize, Serialize};

use crate::plan::Template;
use crate::plan::profile::{Connection, Profile, Text};

/// A text sent over a TCP connection, and its response; at least one of the two is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpExchange {
    /// Index into the plan's targets.
    pub target: usize,
    /// The text to send, sent verbatim.
    pub send: Option<Template>,
    /// How the end of the response is found; `None` if no response is read.
    pub receive: Option<Framing>,
}

/// How the end of a response is found, which has no length of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Framing {
    /// At the end of a line.
    Line,
    /// After this many bytes.
    Bytes(u64),
    /// After this text.
    Until(String),
}

pub(super) const fn profile(exchange: &TcpExchange) -> Profile<'_> {
    Profile {
        target: Some(exchange.target),
        connection: Some(Connection {
            target: exchange.target,
            protocol: "tcp",
            is_pooled: false,
        }),
        text: Some(Text {
            send: exchange.send.as_ref(),
            receive: None,
        }),
        ..Profile::NETWORK
    }
}
