//! The conversion of a message to a request of HTTP/2.

use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderName, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Request, Uri, Version};

use crate::metrics::FailureKind;
use crate::transport::TransportError;

/// Headers about a connection of HTTP/1.1, which HTTP/2 forbids (RFC 9113, section 8.2.2).
const OF_HTTP1: [HeaderName; 5] = [
    CONNECTION,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// Returns whether a header of a message is not sent over HTTP/2.
pub(crate) fn omits(name: &HeaderName) -> bool {
    OF_HTTP1.contains(name)
}

/// Converts a message to a request of HTTP/2.
pub(super) fn request(
    head: Parts,
    scheme: Scheme,
    length: u64,
) -> Result<Request<()>, TransportError> {
    let Parts {
        method,
        uri,
        mut headers,
        ..
    } = head;
    let wrong = |what: &str| TransportError {
        kind: FailureKind::Data,
        message: format!("{what} can't be sent over HTTP/2"),
    };
    let host = headers.remove(HOST);
    let authority = host
        .and_then(|host| Authority::try_from(host.as_bytes()).ok())
        .ok_or_else(|| wrong("the `host` header"))?;
    for name in OF_HTTP1 {
        headers.remove(name);
    }
    if length > 0 {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    let mut parts = uri.into_parts();
    parts.scheme = Some(scheme);
    parts.authority = Some(authority);
    let mut request = Request::new(());
    *request.method_mut() = method;
    *request.uri_mut() = Uri::from_parts(parts).map_err(|_| wrong("the URL"))?;
    *request.version_mut() = Version::HTTP_2;
    *request.headers_mut() = headers;
    Ok(request)
}
