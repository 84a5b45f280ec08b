//! Floor 3: bytes on the wire. Knows nothing of rates, schedules, histograms or retries.

pub mod counted;
pub mod decode;
pub mod error;
pub mod http;
pub mod tcp;
pub mod websocket;

pub use error::TransportError;
