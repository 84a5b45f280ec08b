//! The figures of a run as metrics of OpenTelemetry, over HTTP (OTLP).
//!
//! Figures so far arrive about once a second, and grow; what was added since the last ones is sent
//! as deltas, so that the sum of all that was sent is the result. A thread of its own sends from a
//! bounded queue, and tries again where the protocol says so.

mod delta;
mod exponential;
mod message;
mod post;
mod sender;
mod target;

pub(crate) use self::message::Common;
pub(crate) use self::sender::{Otlp, OtlpTotals};
pub(crate) use self::target::{OtlpSettings, OtlpUrl};
