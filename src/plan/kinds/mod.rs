//! Kinds of operations, each in a file of its own: its compiled form, and its [`Profile`], which is
//! all that the rest of the house asks of it.
//!
//! A new kind is a file here, its `mod` line, its variant of [`Action`] and its arm in
//! [`Action::profile`]; `scenario::kinds` tells the whole way.

mod block;
mod cpu;
mod http;
mod sleep;
pub mod tcp;
pub(crate) mod websocket;

use serde::{Deserialize, Serialize};

use super::profile::Profile;
use super::{Delay, HttpRequest};

/// The work of an operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// An HTTP request.
    Http(HttpRequest),
    /// The request that opens a WebSocket.
    Handshake(HttpRequest),
    /// A message over the WebSocket that is open, and the one that answers it.
    Message(websocket::Message),
    /// A text over a TCP connection, and its answer.
    Tcp(tcp::TcpExchange),
    /// Waits, as for something remote that needs none of this machine's processor.
    Sleep(Delay),
    /// Uses this much processor time of one core.
    Cpu(Delay),
    /// A blocking call.
    Block {
        /// How long it blocks.
        duration: Delay,
        /// Whether the async mode hands it to a pool of threads.
        offload: bool,
    },
}

impl Action {
    /// What everyone but the files of its kind has to know of it.
    #[inline]
    pub const fn profile(&self) -> Profile<'_> {
        match self {
            Self::Http(request) => http::profile(request),
            Self::Handshake(request) => websocket::handshake(request),
            Self::Message(message) => websocket::message(message),
            Self::Tcp(exchange) => tcp::profile(exchange),
            Self::Sleep(duration) => sleep::profile(*duration),
            Self::Cpu(duration) => cpu::profile(*duration),
            Self::Block { duration, offload } => block::profile(*duration, *offload),
        }
    }

    /// The target that it goes to, by its index; none of a mock operation.
    pub const fn target(&self) -> Option<usize> {
        self.profile().target
    }
}
