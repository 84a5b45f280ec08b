//! [`Reply`]: the response of a handler, and [`Problem`]: why there is none. Both become JSON or
//! bytes here.
//!
//! Knows nothing of routes and connections.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::paced::{Paced, Payload};
use super::scripted::Scripted;
use crate::base::Nanos;

/// A response and the moment it is due.
pub(super) struct Reply {
    response: Response<Payload>,
    /// The moment of the server's clock before which the response is held back.
    pub(super) not_before: Nanos,
}

impl Reply {
    /// Creates a response with a completely known body.
    pub(super) fn bytes(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self::with(content_type, Payload::whole(body.into()))
    }

    /// Creates a response whose body is sent in parts.
    pub(super) fn paced(body: Paced) -> Self {
        Self::with("application/octet-stream", Payload::Paced(body))
    }

    /// Creates a stream of server-sent events.
    pub(super) fn events(body: Scripted) -> Self {
        Self::with("text/event-stream", Payload::Scripted(Box::new(body)))
            .header(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
    }

    /// Creates a JSON response.
    pub(super) fn json(value: &Value) -> Self {
        Self::bytes("application/json", value.to_string())
    }

    /// Creates a response without a body.
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

    /// Sets the status instead of 200.
    pub(super) fn status(mut self, status: StatusCode) -> Self {
        *self.response.status_mut() = status;
        self
    }

    /// Adds a header.
    pub(super) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.response.headers_mut().insert(name, value);
        self
    }

    /// Holds the response back until this moment of the server's clock.
    pub(super) fn not_before(mut self, at: Nanos) -> Self {
        self.not_before = at;
        self
    }

    /// Converts to hyper's type.
    pub(super) fn into_response(self) -> Response<Payload> {
        self.response
    }
}

/// The response to a request that its route did not answer: a status, and JSON that says what is
/// wrong.
pub(super) struct Problem(Box<Reply>);

impl Problem {
    /// Creates a problem.
    pub(super) fn new(status: StatusCode, message: &str) -> Self {
        Self(Box::new(
            Reply::json(&json!({ "error": message })).status(status),
        ))
    }

    /// Creates the problem of invalid input; `message` says what to write.
    pub(super) fn bad_request(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// Creates the problem of an unknown path.
    pub(super) fn not_found(path: &str) -> Self {
        Self(Box::new(
            Reply::json(&json!({ "error": "not found", "path": path }))
                .status(StatusCode::NOT_FOUND),
        ))
    }

    /// Creates the problem of a method that the path does not allow.
    pub(super) fn method_not_allowed(allow: &'static str) -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            &format!("this method is not allowed here; use one of {allow}"),
        )
        .header(header::ALLOW, HeaderValue::from_static(allow))
    }

    /// Closes the connection after the response.
    pub(super) fn closing(self) -> Self {
        self.header(header::CONNECTION, HeaderValue::from_static("close"))
    }

    /// Adds a header.
    pub(super) fn header(self, name: HeaderName, value: HeaderValue) -> Self {
        Self(Box::new(self.0.header(name, value)))
    }
}

impl From<Problem> for Reply {
    fn from(problem: Problem) -> Self {
        *problem.0
    }
}
