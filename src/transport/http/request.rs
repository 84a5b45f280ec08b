//! [`PreparedRequest`]: a request from which the message of each try is made.

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderValue, Method, Request, Uri};

use crate::transport::body::{Outgoing, Payload};

/// What is sent: a head and a body.
pub(crate) type Message = Request<Outgoing>;

/// A request with all its parts, from which the message of each try is made.
#[derive(Clone, Debug)]
pub struct PreparedRequest {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub uri: Uri,
    /// Every header but those that say how long the body is, where there is one.
    pub headers: HeaderMap,
    /// The body.
    pub body: Payload,
}

impl PreparedRequest {
    /// A request of this kind. Where its method is one that sends something and it sends nothing,
    /// it says so: many servers refuse it otherwise, and RFC 9110 (section 8.6) wants it.
    pub fn new(method: Method, uri: Uri, mut headers: HeaderMap, body: Payload) -> Self {
        if body.is_empty() && matches!(method, Method::POST | Method::PUT | Method::PATCH) {
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        Self {
            method,
            uri,
            headers,
            body,
        }
    }

    /// The message of one try. Its headers go into the empty map given: hyper hands the map of a
    /// request on to the response, and the response's serves the next request, so that none is made
    /// anew.
    pub fn message(&self, mut headers: HeaderMap) -> Message {
        for (name, value) in &self.headers {
            headers.append(name, value.clone());
        }
        let mut request = Request::new(self.body.outgoing());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        // The new request's own map is empty and has no memory: dropping it would only take time.
        std::mem::forget(std::mem::replace(request.headers_mut(), headers));
        request
    }
}
