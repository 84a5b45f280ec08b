//! WebSocket (RFC 6455): opened by a request over HTTP/1.1, then messages both ways.

mod failure;
mod handshake;
mod socket;

pub use self::handshake::{Opened, open};
pub use self::socket::{WebSocket, give_way};
