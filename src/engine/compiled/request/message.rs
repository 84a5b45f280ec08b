//! [`Message`]: messages of protobuf in their frames, the body of a call of gRPC.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::plan::{MessageValue, Target, Template};
use crate::transport::TransportError;
use crate::transport::grpc::{PREFIX, framed};
use crate::value::protobuf::{GrpcMethod, MessageError, MessageTemplate};
use crate::value::{Facts, Names, Scope, ValueError};

/// The room that is made for a message at first.
const ROOM: usize = 128;

/// Messages, each in its frame.
pub(super) struct Message {
    content: Vec<MessageTemplate>,
    is_gzip: bool,
}

impl Message {
    /// Compiles the messages that a method of `target` takes.
    ///
    /// # Errors
    /// If a message does not fit, with the reason.
    pub(super) fn new(
        values: &[MessageValue],
        method: &GrpcMethod,
        target: &Target,
        names: &Names,
    ) -> Result<Self, String> {
        let whole = |errors: Vec<MessageError>| {
            let errors = errors.iter().map(MessageError::to_string);
            format!("message: {}", errors.collect::<Vec<_>>().join("; "))
        };
        let compiled = |value| {
            let template: MessageTemplate<Template> =
                MessageTemplate::new(value, &method.input).map_err(whole)?;
            template.compile(names).map_err(|e| e.0)
        };
        Ok(Self {
            content: values.iter().map(compiled).collect::<Result<_, String>>()?,
            is_gzip: target.grpc.as_ref().is_some_and(|grpc| grpc.is_gzip),
        })
    }

    /// Makes the frames of one try.
    pub(super) fn make(&self, scope: &Scope, facts: &Arc<Facts>) -> Result<Bytes, TransportError> {
        let frame = |content: &MessageTemplate| {
            let mut frame = Vec::with_capacity(ROOM);
            frame.resize(PREFIX, 0);
            content
                .encode(scope, facts, &mut frame)
                .map_err(|e| ValueError(format!("message: {e}")))?;
            framed(frame, self.is_gzip)
        };
        if let [content] = self.content.as_slice() {
            return frame(content);
        }
        let mut frames = BytesMut::new();
        for content in &self.content {
            frames.extend_from_slice(&frame(content)?);
        }
        Ok(frames.freeze())
    }
}
