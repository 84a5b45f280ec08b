//! [`Call`]: the messages of a call of gRPC, as people and checks see them.

use super::invalid::InvalidRequest;
use crate::plan::{Action, HttpRequest, Operation};
use crate::transport::body::Payload;
use crate::transport::grpc::unframed;
use crate::value::protobuf::{GrpcMethod, MessageDescriptor, Schema, to_json};

/// The messages of a call of gRPC.
pub struct Call {
    input: MessageDescriptor,
    output: MessageDescriptor,
}

impl Call {
    /// Returns the messages of an operation, if it is a call; `schemas` are those of the targets.
    ///
    /// # Errors
    /// If its target has no such method; validation of the scenario reports it first.
    pub fn new(
        operation: &Operation,
        schemas: &[Option<Schema>],
    ) -> Result<Option<Self>, InvalidRequest> {
        let Action::Grpc(request) = &operation.action else {
            return Ok(None);
        };
        let schema = schemas.get(request.target).and_then(Option::as_ref);
        let is_stream = operation.stream.is_some();
        Self::of_request(request, is_stream, schema).map(Some)
    }

    /// Returns the messages of the call that a request is, whose answer is read as a stream or not;
    /// `schema` is that of its target.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of_request(
        request: &HttpRequest,
        is_stream: bool,
        schema: Option<&Schema>,
    ) -> Result<Self, InvalidRequest> {
        let method = InvalidRequest::method(request, schema)?;
        if let Some(wrong) = method.refuse_received(is_stream) {
            return Err(InvalidRequest::of(request, wrong.to_string()));
        }
        let GrpcMethod { input, output, .. } = method;
        Ok(Self { input, output })
    }

    /// Returns the type of the message of an answer.
    pub const fn output(&self) -> &MessageDescriptor {
        &self.output
    }

    /// Returns the messages of a request for people who debug, one a line.
    pub fn shown(&self, request: &Payload) -> Option<Payload> {
        let Payload::Bytes(frames) = request else {
            return None;
        };
        let messages = unframed(frames)?.into_iter();
        let lines = messages.map(|message| to_json(&message, &self.input).ok());
        let lines: Vec<_> = lines.collect::<Option<_>>()?;
        Some(Payload::Bytes(lines.join(&b'\n').into()))
    }

    /// Returns the message of an answer as JSON.
    ///
    /// # Errors
    /// If it is not such a message, with the reason.
    pub fn json(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        to_json(message, &self.output)
    }
}
