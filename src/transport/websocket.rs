//! WebSocket (RFC 6455): opened by a request over HTTP/1.1, then messages both ways.

mod failure;
mod handshake;
mod socket;

pub(crate) use self::handshake::{Opened, ask, open};
pub(crate) use self::socket::{WebSocket, yield_now};
