//! Floor 3: bytes on the wire. Knows nothing of rates, schedules, histograms or retries.

pub mod body;
pub mod counted;
pub mod decode;
pub mod endpoint;
pub mod error;
pub mod http;
pub mod http2;
pub mod link;
mod replay;
pub mod selfwake;
pub mod task;
pub mod tcp;
pub mod tls;
pub mod websocket;
pub mod wire;

pub use error::TransportError;
