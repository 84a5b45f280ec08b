//! Why a request can't be sent: whatever the values filled in, or because of them.

use thiserror::Error;

use crate::metrics::FailureKind;
use crate::plan::{Body, HttpRequest, Target, Template};
use crate::transport::TransportError;
use crate::value::ValueError;
use crate::value::protobuf::{GrpcMethod, Schema};

/// A request that cannot be sent, regardless of the values filled in.
#[derive(Debug, Error)]
#[error("{method} {path}: {reason}")]
pub struct InvalidRequest {
    method: String,
    path: String,
    reason: String,
}

impl InvalidRequest {
    /// Creates the error of a request.
    pub(super) fn of(request: &HttpRequest, reason: String) -> Self {
        let shown = |template: &Template| {
            let text = template.as_text();
            text.map_or_else(|| "{{…}}".into(), str::to_owned)
        };
        Self {
            method: shown(&request.method),
            path: shown(&request.path),
            reason,
        }
    }

    /// Creates the error of the headers of a target.
    pub(super) fn of_target(target: &Target, reason: String) -> Self {
        Self {
            method: "headers of".into(),
            path: target.name.clone(),
            reason,
        }
    }

    /// Finds the method that a request calls.
    ///
    /// # Errors
    /// If the schema has no such method, or it takes another number of messages.
    pub(super) fn method(
        request: &HttpRequest,
        schema: Option<&Schema>,
    ) -> Result<GrpcMethod, Self> {
        let path = request.path.as_text().unwrap_or_default();
        let invalid = |reason: String| Self::of(request, reason);
        let schema = schema.ok_or_else(|| invalid("the target has no services".into()))?;
        let method = schema
            .method(path)
            .map_err(|wrong| invalid(wrong.to_string()))?;
        let sends_stream = matches!(request.body, Some(Body::Messages(_)));
        match method.refuse_sent(sends_stream) {
            None => Ok(method),
            Some(wrong) => Err(invalid(wrong.to_string())),
        }
    }
}

/// Creates a failure of kind `data`.
pub(crate) fn data(message: String) -> TransportError {
    TransportError {
        kind: FailureKind::Data,
        message,
    }
}

impl From<ValueError> for TransportError {
    fn from(error: ValueError) -> Self {
        data(error.0)
    }
}
