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
        Self::of_request(request, schema).map(Some)
    }

    /// Returns the messages of the call that a request is; `schema` is that of its target.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of_request(
        request: &HttpRequest,
        schema: Option<&Schema>,
    ) -> Result<Self, InvalidRequest> {
        let GrpcMethod { input, output, .. } = InvalidRequest::method(request, schema)?;
        Ok(Self { input, output })
    }

    /// Returns the message of a request for people who debug.
    pub fn shown(&self, request: &Payload) -> Option<Payload> {
        let Payload::Bytes(frame) = request else {
            return None;
        };
        let json = to_json(&unframed(frame)?, &self.input).ok()?;
        Some(Payload::Bytes(json.into()))
    }

    /// Returns the message of an answer as JSON.
    ///
    /// # Errors
    /// If it is not such a message, with the reason.
    pub fn json(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        to_json(message, &self.output)
    }
}
