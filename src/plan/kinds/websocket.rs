//! `websocket`: the request that opens a WebSocket, and the messages sent over it.

use serde::{Deserialize, Serialize};

use crate::plan::profile::{Connection, Profile, Text};
use crate::plan::{HttpRequest, Receive, Template};

/// A message to send over a WebSocket, and the message to wait for; at least one of the two is set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Index of the connection's target in the plan's targets.
    pub target: usize,
    /// Operation id of the handshake that opens the connection.
    pub handshake: u32,
    /// The text to send.
    pub send: Option<Template>,
    /// Selects the message to wait for.
    pub receive: Option<Receive>,
}

/// Returns the profile of the request that opens a WebSocket.
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

/// Returns the profile of a message over an open WebSocket: its connection belongs to the
/// handshake.
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
