//! [`Message`]: a message of protobuf in its frame, the body of a call of gRPC.

use std::sync::Arc;

use bytes::Bytes;

use crate::plan::{MessageValue, Target, Template};
use crate::transport::TransportError;
use crate::transport::grpc::{PREFIX, framed};
use crate::value::protobuf::{GrpcMethod, MessageError, MessageTemplate};
use crate::value::{Facts, Names, Scope, ValueError};

/// The room that is made for a message at first.
const ROOM: usize = 128;

/// A message in its frame.
pub(super) struct Message {
    content: MessageTemplate,
    is_gzip: bool,
}

impl Message {
    /// Compiles the message that a method of `target` takes.
    ///
    /// # Errors
    /// If the message does not fit, with the reason.
    pub(super) fn new(
        value: &MessageValue,
        method: &GrpcMethod,
        target: &Target,
        names: &Names,
    ) -> Result<Self, String> {
        let whole = |errors: Vec<MessageError>| {
            let errors = errors.iter().map(MessageError::to_string);
            format!("message: {}", errors.collect::<Vec<_>>().join("; "))
        };
        let template: MessageTemplate<Template> =
            MessageTemplate::new(value, &method.input).map_err(whole)?;
        Ok(Self {
            content: template.compile(names).map_err(|e| e.0)?,
            is_gzip: target.grpc.as_ref().is_some_and(|grpc| grpc.is_gzip),
        })
    }

    /// Makes the frame of one try.
    pub(super) fn make(&self, scope: &Scope, facts: &Arc<Facts>) -> Result<Bytes, TransportError> {
        let mut frame = Vec::with_capacity(ROOM);
        frame.resize(PREFIX, 0);
        self.content
            .encode(scope, facts, &mut frame)
            .map_err(|e| ValueError(format!("message: {e}")))?;
        framed(frame, self.is_gzip)
    }
}
