//! Floor 3: bytes on the wire. Knows nothing of rates, schedules, histograms or retries.

pub(crate) mod body;
pub(crate) mod counted;
pub(crate) mod decode;
#[cfg(any(test, fuzzing))]
pub mod differential;
pub mod endpoint;
pub(crate) mod error;
pub(crate) mod events;
pub(crate) mod exec;
pub(crate) mod file;
pub(crate) mod gate;
pub(crate) mod grpc;
pub(crate) mod http;
pub(crate) mod http2;
mod json;
pub(crate) mod link;
pub(crate) mod proxy;
pub(crate) mod redis;
mod replay;
pub(crate) mod selfwake;
pub(crate) mod sink;
pub(crate) mod sql;
pub(crate) mod stream;
pub(crate) mod task;
pub(crate) mod tcp;
pub(crate) mod tls;
pub(crate) mod websocket;
pub(crate) mod wire;

pub use error::TransportError;
pub use sql::Session as SqlSession;
