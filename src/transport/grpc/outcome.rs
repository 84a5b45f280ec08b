//! What a call ended with: its status, and where the server must say it.

use http::header::CONTENT_TYPE;
use http::response::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::base::status;
use crate::metrics::FailureKind;
use crate::transport::TransportError;

/// The header with the status.
const STATUS: &str = "grpc-status";
/// The longest value of a header in a message, in characters.
const MAX_SHOWN: usize = 60;

/// Returns the status of an answer, as [`status()`] numbers it. It is in the trailers, or in the head
/// of an answer that `is_empty`. `cut` is how an answer without a status was cut, if it was.
///
/// # Errors
/// If it is not an answer of gRPC, or has no status where it must be.
pub(super) fn status(
    head: &Parts,
    trailers: &HeaderMap,
    is_empty: bool,
    cut: impl FnOnce() -> Option<TransportError>,
) -> Result<u16, TransportError> {
    is_of_grpc(head)?;
    let found = match (trailers.get(STATUS), head.headers.get(STATUS)) {
        (Some(found), _) => found,
        (None, Some(found)) if is_empty => found,
        (None, Some(_)) => {
            return Err(protocol(format!(
                "`{STATUS}` is in the head of an answer that has a message, and not in its trailers"
            )));
        }
        (None, None) => {
            return Err(cut().unwrap_or_else(|| {
                protocol(format!(
                    "the answer ended without `{STATUS}` in its trailers"
                ))
            }));
        }
    };
    let code = std::str::from_utf8(found.as_bytes()).ok();
    let code: u32 = code.and_then(|code| code.parse().ok()).ok_or_else(|| {
        protocol(format!(
            "`{STATUS}` is {}, which is not a number",
            shown(found.as_bytes())
        ))
    })?;
    Ok(status::of_grpc(code))
}

/// Checks that a head is that of an answer of gRPC.
///
/// # Errors
/// If it is of another protocol.
pub(crate) fn is_of_grpc(head: &Parts) -> Result<(), TransportError> {
    let content_type = head.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    if head.status != StatusCode::OK {
        return Err(protocol(format!(
            "the server answers with the HTTP status {}, not as gRPC does",
            head.status.as_u16()
        )));
    }
    let rest = content_type.and_then(|known| known.strip_prefix(b"application/grpc"));
    match (rest, content_type) {
        (Some([] | [b'+' | b';', ..]), _) => Ok(()),
        (_, None) => Err(protocol(
            "the answer has no content type, instead of `application/grpc`".into(),
        )),
        (_, Some(other)) => Err(protocol(format!(
            "the content type is {}, instead of `application/grpc`",
            shown(other)
        ))),
    }
}

pub(super) fn protocol(message: String) -> TransportError {
    TransportError {
        kind: FailureKind::Protocol,
        message,
    }
}

/// Returns the value of a header for a message.
pub(super) fn shown(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    format!("{:?}", text.chars().take(MAX_SHOWN).collect::<String>())
}
