//! `websocket`: the request that opens one, and the messages that go over it.

use serde::{Deserialize, Serialize};

use crate::plan::profile::{Connection, Profile, Text};
use crate::plan::{HttpRequest, Receive, Template};

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

/// The request that opens a WebSocket.
pub(super) const fn handshake(request: &HttpRequest) -> Profile<'_> {
    Profile {
        target: Some(request.target),
        connection: Some(Connection {
            target: request.target,
            protocol: "websocket",
            is_pooled: false,
        }),
        request: Some(request),
        ..Profile::NETWORK
    }
}

/// A message over one that is open: the connection is the handshake's.
pub(super) const fn message(message: &Message) -> Profile<'_> {
    Profile {
        target: Some(message.target),
        text: Some(Text {
            send: message.send.as_ref(),
            receive: message.receive.as_ref(),
        }),
        uses_open_socket: true,
        ..Profile::NETWORK
    }
}
