//! Redirects: the request that a response asks for instead.

use std::borrow::Cow;

use http::header::{CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, Method};

use crate::engine::compiled::base_url;
use crate::engine::compiled::headers::TargetHeaders;
use crate::engine::compiled::quoted::quoted;
use crate::engine::world::World;
use crate::metrics::FailureKind;
use crate::plan::secrets::without_users;
use crate::transport::TransportError;
use crate::transport::body::Payload;
use crate::transport::http::PreparedRequest;

/// Returns whether a response asks for another request.
pub(crate) fn asks(status: u16, headers: &HeaderMap) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308) && headers.contains_key(LOCATION)
}

/// The headers that describe a body.
const OF_BODIES: [HeaderName; 4] = [
    CONTENT_LENGTH,
    CONTENT_TYPE,
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
];

/// Returns the request that a redirect asks for, and the target it goes to. At another origin it
/// has the headers of the target there, whose values `put` fills in, and none of the previous ones:
/// what was meant for one service is not disclosed to another.
///
/// # Errors
/// If it does not lead to a target of the plan, a failure of kind `redirects`; or if `put` fails.
pub(crate) fn next(
    world: &World<'_>,
    request: &PreparedRequest,
    target: usize,
    status: u16,
    headers: &HeaderMap,
    put: impl FnOnce(&TargetHeaders) -> Result<HeaderMap, TransportError>,
) -> Result<(PreparedRequest, usize), TransportError> {
    let location = location(headers)?;
    let refused = |why: &str| {
        let shown = quoted(&without_users(&location));
        let message = format!(
            "redirected to {shown}, which is {why}; requests go only to the scenario's own targets"
        );
        TransportError {
            kind: FailureKind::Redirects,
            message,
        }
    };
    let base_url = |target: usize| world.base_urls.get(target).and_then(Option::as_ref);
    let here = &base_url(target)
        .ok_or_else(|| refused("not a target that a step uses"))?
        .origin;
    let (origin, path) = base_url::resolve(&location, here, request.path())
        .ok_or_else(|| refused("not an http:// URL"))?;
    let is_there = |target: &usize| {
        base_url(*target).is_some_and(|base_url| base_url.origin == origin)
            && world.dials[*target].is_some()
    };
    // The same target first, because others may have the same address.
    let to = std::iter::once(target)
        .chain(0..world.base_urls.len())
        .find(is_there)
        .ok_or_else(|| refused("not a target that a step uses"))?;
    let mut next = request.clone();
    next.uri = PathAndQuery::try_from(path)
        .ok()
        .zip(base_url(to))
        .and_then(|(path, there)| there.uri(path).ok())
        .ok_or_else(|| refused("not a URL"))?;
    let becomes_get = match status {
        303 => next.method != Method::HEAD,
        301 | 302 => next.method == Method::POST,
        _ => false,
    };
    if becomes_get {
        next.method = Method::GET;
        next.body = Payload::default();
        for name in OF_BODIES {
            next.headers.remove(name);
        }
    }
    if origin != *here {
        let there = world.headers[to]
            .as_ref()
            .ok_or_else(|| refused("not a target that a step uses"))?;
        let before = std::mem::replace(&mut next.headers, put(there)?);
        if !next.body.is_empty() {
            // The body is kept (RFC 9110, section 15.4), and so are the headers that describe it.
            for name in OF_BODIES {
                before
                    .get(&name)
                    .and_then(|value| next.headers.insert(name, value.clone()));
            }
        }
    }
    Ok((
        PreparedRequest::new(next.method, next.uri, next.headers, next.body),
        to,
    ))
}

/// Returns the `location` of a response.
fn location(headers: &HeaderMap) -> Result<Cow<'_, str>, TransportError> {
    let mut lines = headers.get_all(LOCATION).iter();
    let first = lines.next();
    // Several lines do not form a list here, and none takes precedence.
    if lines.any(|other| Some(other) != first) {
        return Err(TransportError {
            kind: FailureKind::Redirects,
            message: "the response has several `location` lines that differ".into(),
        });
    }
    Ok(first
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .unwrap_or_default())
}

/// Creates the failure of a redirect beyond the limit.
pub(crate) fn too_many(most: u32) -> TransportError {
    TransportError {
        kind: FailureKind::Redirects,
        message: format!("more than {most} consecutive redirects"),
    }
}
