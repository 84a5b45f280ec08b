//! gRPC over HTTP/2: the frames of messages, and the answers of calls with one message or several.
//!
//! It knows neither connections nor what the messages contain.

mod answer;
mod frame;
mod gzip;
mod incoming;
mod messages;
mod outcome;
mod percent;
mod stream;

pub(crate) use self::answer::{GrpcAnswer, GrpcEnd};
pub(crate) use self::frame::{PREFIX, framed, unframed};
pub(crate) use self::messages::Messages;
pub(crate) use self::outcome::is_of_grpc;
pub(crate) use self::percent::decoded as message_text;
pub(crate) use self::stream::GrpcStream;
