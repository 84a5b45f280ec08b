//! [`WireRequest`]: a request as it is sent.

use std::fmt;
use std::io::Write as _;
use std::sync::OnceLock;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, Method, Uri, Version};

use crate::transport::body::{Outgoing, Payload};

/// The largest body that is sent in one piece with the head, and kept beside it.
const MAX_JOINED: usize = 16 << 10;

/// What a request asks for, as far as the framing of its response depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Asked {
    /// A body, if there is one.
    #[default]
    Other,
    /// No body.
    Head,
    /// Another protocol.
    Connect,
}

/// A request as it is sent: its head, and its body if that is small.
#[derive(Clone, Debug, Default)]
pub(super) struct WireRequest {
    /// What is sent first.
    pub bytes: Box<[u8]>,
    /// Whether the body is not in it, and follows.
    pub has_more: bool,
    /// Whether it asks the peer to close the connection.
    pub closes: bool,
    /// What it asks for.
    pub(super) asked: Asked,
}

/// The parts of a request.
struct RequestParts<'r> {
    method: &'r Method,
    uri: &'r Uri,
    headers: &'r HeaderMap,
    /// The length of the body.
    length: u64,
    /// The body, if it is in memory.
    body: Option<&'r Bytes>,
    /// The version that the peer spoke last.
    version: Version,
}

impl WireRequest {
    /// Writes a request as hyper does.
    fn new(request: &RequestParts<'_>) -> Self {
        let RequestParts {
            method, headers, ..
        } = request;
        let has_word = |wanted: &str| {
            let lines = headers.get_all(CONNECTION).iter();
            let mut words = lines
                .filter_map(|line| line.to_str().ok())
                .flat_map(|line| line.split(','));
            words.any(|word| word.trim().eq_ignore_ascii_case(wanted))
        };
        let closes = has_word("close");
        let is_old = request.version == Version::HTTP_10;
        let body = request.body.filter(|body| body.len() <= MAX_JOINED);
        let joined = body.map_or(&[][..], |body| body);
        let mut bytes = Vec::with_capacity(64 + 64 * headers.len() + joined.len());
        let version = if is_old { "HTTP/1.0" } else { "HTTP/1.1" };
        // Writing to memory cannot fail.
        let _ = write!(bytes, "{method} {} {version}\r\n", request.uri);
        let mut line = |name: &[u8], value: &[u8]| {
            for part in [name, b": ", value, b"\r\n"] {
                bytes.extend_from_slice(part);
            }
        };
        for (name, value) in *headers {
            // The length of the body is known, so it is never sent in chunks.
            if *name != TRANSFER_ENCODING {
                line(name.as_str().as_bytes(), value.as_bytes());
            }
        }
        if is_old && !closes && !has_word("keep-alive") {
            line(CONNECTION.as_str().as_bytes(), b"keep-alive");
        }
        if request.length > 0 && !headers.contains_key(CONTENT_LENGTH) {
            let length = request.length.to_string();
            line(CONTENT_LENGTH.as_str().as_bytes(), length.as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(joined);
        Self {
            bytes: bytes.into(),
            has_more: request.length > joined.len() as u64,
            closes,
            asked: match **method {
                Method::HEAD => Asked::Head,
                Method::CONNECT => Asked::Connect,
                _ => Asked::Other,
            },
        }
    }

    /// Writes a message for a peer that spoke this version.
    pub(super) fn of_message(message: &http::Request<Outgoing>, version: Version) -> Self {
        Self::new(&RequestParts {
            method: message.method(),
            uri: message.uri(),
            headers: message.headers(),
            length: message.body().left(),
            body: match message.body() {
                Outgoing::Bytes(bytes) => Some(bytes),
                Outgoing::Later(_) => None,
            },
            version,
        })
    }
}

/// A prepared request as it is sent, written when it is first needed. A clone starts without
/// one, because it is made to be changed.
#[derive(Default)]
pub(super) struct Prepared(OnceLock<WireRequest>);

impl Prepared {
    /// Returns the request with these parts as it is sent.
    pub(super) fn get(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        payload: &Payload,
    ) -> &WireRequest {
        self.0.get_or_init(|| {
            let (body, length) = match payload {
                Payload::Bytes(bytes) => (Some(bytes), bytes.len() as u64),
                Payload::File(_) => (None, payload.outgoing().left()),
            };
            WireRequest::new(&RequestParts {
                method,
                uri,
                headers,
                length,
                body,
                version: Version::HTTP_11,
            })
        })
    }
}

impl Clone for Prepared {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Prepared").finish_non_exhaustive()
    }
}
