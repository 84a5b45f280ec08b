//! `tcp`: a text over a TCP connection, and its answer.

use serde::{Deserialize, Serialize};

use crate::plan::Template;
use crate::plan::profile::{Connection, Profile, Text};

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
