//! [`Reply`]: what a handler answers, and [`Problem`]: why it would not. Both become JSON or bytes here.
//!
//! Knows nothing of routes and connections.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::paced::{Paced, Payload};
use crate::base::Nanos;

/// An answer and the moment it is due.
pub(super) struct Reply {
    response: Response<Payload>,
    /// The answer waits until the server's clock shows this.
    pub(super) not_before: Nanos,
}

impl Reply {
    /// An answer with a body that is known whole.
    pub(super) fn bytes(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self::with(content_type, Payload::whole(body.into()))
    }

    /// An answer whose body comes in parts.
    pub(super) fn paced(body: Paced) -> Self {
        Self::with("application/octet-stream", Payload::Paced(body))
    }

    /// An answer in JSON.
    pub(super) fn json(value: &Value) -> Self {
        Self::bytes("application/json", value.to_string())
    }

    /// An answer without a body.
    pub(super) fn empty(status: StatusCode) -> Self {
        Self {
            response: Response::new(Payload::whole(Bytes::new())),
            not_before: Nanos::ZERO,
        }
        .status(status)
    }

    fn with(content_type: &'static str, body: Payload) -> Self {
        let response = Response::new(body);
        Self {
            response,
            not_before: Nanos::ZERO,
        }
        .header(header::CONTENT_TYPE, HeaderValue::from_static(content_type))
    }

    /// With this status instead of 200.
    pub(super) fn status(mut self, status: StatusCode) -> Self {
        *self.response.status_mut() = status;
        self
    }

    /// With one header more.
    pub(super) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.response.headers_mut().insert(name, value);
        self
    }

    /// Not before this moment of the server's clock.
    pub(super) fn not_before(mut self, at: Nanos) -> Self {
        self.not_before = at;
        self
    }

    /// For hyper.
    pub(super) fn into_response(self) -> Response<Payload> {
        self.response
    }
}

/// A request that got no answer of its route: a status, and JSON that says what is wrong.
pub(super) struct Problem(Box<Reply>);

impl Problem {
    /// Any problem.
    pub(super) fn new(status: StatusCode, message: &str) -> Self {
        Self(Box::new(
            Reply::json(&json!({ "error": message })).status(status),
        ))
    }

    /// The client wrote something that makes no sense; `message` says what to write.
    pub(super) fn bad_request(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// There is nothing at this path.
    pub(super) fn not_found(path: &str) -> Self {
        Self(Box::new(
            Reply::json(&json!({ "error": "not found", "path": path }))
                .status(StatusCode::NOT_FOUND),
        ))
    }

    /// The path exists, but not with this method.
    pub(super) fn method_not_allowed(allow: &'static str) -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            &format!("this method does not fit here; use one of {allow}"),
        )
        .header(header::ALLOW, HeaderValue::from_static(allow))
    }

    /// The connection can't be used again.
    pub(super) fn closing(self) -> Self {
        self.header(header::CONNECTION, HeaderValue::from_static("close"))
    }

    /// With one header more.
    pub(super) fn header(self, name: HeaderName, value: HeaderValue) -> Self {
        Self(Box::new(self.0.header(name, value)))
    }
}

impl From<Problem> for Reply {
    fn from(problem: Problem) -> Self {
        *problem.0
    }
}
