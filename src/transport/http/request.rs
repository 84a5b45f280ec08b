//! [`PreparedRequest`]: a request from which each try creates its message.

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};

use super::wire_request::{Prepared, WireRequest};
use crate::transport::body::{Outgoing, Payload};

/// A message to send: a head and a body.
pub(crate) type Message = Request<Outgoing>;

/// A complete request, from which each try creates its message.
#[derive(Clone, Debug)]
pub struct PreparedRequest {
    /// The method.
    pub method: Method,
    /// Path and query, or the whole URL for a proxy that forwards it.
    pub uri: Uri,
    /// All headers except those for the length of the body, if there is one.
    pub headers: HeaderMap,
    /// The body.
    pub body: Payload,
    /// The same as it is sent, for the client that sends it as it is.
    prepared: Prepared,
}

impl PreparedRequest {
    /// Creates a request. If its method usually has a body and it is empty, it says so explicitly,
    /// because many servers refuse it otherwise and RFC 9110 (section 8.6) requires it.
    pub fn new(method: Method, uri: Uri, mut headers: HeaderMap, body: Payload) -> Self {
        if body.is_empty() && matches!(method, Method::POST | Method::PUT | Method::PATCH) {
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        Self {
            method,
            uri,
            headers,
            body,
            prepared: Prepared::default(),
        }
    }

    /// Creates a copy that shares no count of references with this one, as messages made of both
    /// would change it; only a large body is shared.
    pub(crate) fn detached(&self) -> Self {
        let header = |(name, value): (&HeaderName, &HeaderValue)| {
            // A name that is not a standard one is text, which is counted like a value.
            let name = HeaderName::from_bytes(name.as_str().as_bytes());
            name.map(|name| (name, detached(value)))
        };
        let uri = Uri::try_from(self.uri.to_string());
        Self {
            method: self.method.clone(),
            uri: uri.unwrap_or_else(|_| self.uri.clone()),
            headers: self.headers.iter().flat_map(header).collect(),
            body: self.body.detached(),
            prepared: Prepared::default(),
        }
    }

    /// Returns path and query of what it asks for.
    pub fn path(&self) -> &str {
        self.uri.path_and_query().map_or("/", |path| path.as_str())
    }

    /// Returns the request as it is sent over HTTP/1.1.
    pub(super) fn on_wire(&self) -> &WireRequest {
        self.prepared
            .get(&self.method, &self.uri, &self.headers, &self.body)
    }

    /// Creates the message of one try. Its headers go into the given empty map: hyper passes the
    /// map of a request on to the response, and the response's serves the next request, so that no
    /// map is allocated per request.
    #[inline]
    pub fn message(&self, mut headers: HeaderMap) -> Message {
        for (name, value) in &self.headers {
            headers.append(name, value.clone());
        }
        let mut request = Request::new(self.body.outgoing());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        // The new request's own map is empty and has no allocation: dropping it would only take
        // time.
        std::mem::forget(std::mem::replace(request.headers_mut(), headers));
        request
    }
}

/// Creates a copy of a header's value that shares no count of references with it.
pub(crate) fn detached(value: &HeaderValue) -> HeaderValue {
    HeaderValue::from_bytes(value.as_bytes()).map_or_else(
        |_| value.clone(),
        |mut copy| {
            copy.set_sensitive(value.is_sensitive());
            copy
        },
    )
}
