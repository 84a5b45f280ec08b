//! gRPC over HTTP/2: the frames of messages, and the answer of a call with one message each way.
//!
//! It knows neither connections nor what the messages contain.

mod answer;
mod frame;
mod gzip;
mod percent;

pub(crate) use self::answer::{GrpcAnswer, GrpcEnd};
pub(crate) use self::frame::{PREFIX, framed, unframed};
pub(crate) use self::percent::decoded as message_text;
