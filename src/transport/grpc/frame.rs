//! Frames: messages, each with its length before it.

use bytes::Bytes;

use super::gzip;
use crate::metrics::FailureKind;
use crate::transport::TransportError;

/// The bytes before each message: whether it is compressed, and its length.
pub(crate) const PREFIX: usize = 5;
/// The largest message, in bytes.
pub(super) const MAX_MESSAGE: usize = 16 << 20;

/// Returns the frame of a message, which `frame` has behind room for the prefix.
///
/// # Errors
/// If the message is too large to be sent.
pub(crate) fn framed(mut frame: Vec<u8>, is_gzip: bool) -> Result<Bytes, TransportError> {
    if is_gzip {
        frame = gzip::packed(&frame[PREFIX..], PREFIX);
    }
    let length = frame.len() - PREFIX;
    let length = u32::try_from(length).map_err(|_| TransportError {
        kind: FailureKind::Data,
        message: "the message has more than 4 GiB".into(),
    })?;
    frame[0] = u8::from(is_gzip);
    frame[1..PREFIX].copy_from_slice(&length.to_be_bytes());
    Ok(frame.into())
}

/// Returns the message of a frame, unpacked; `None` if it is not a whole one.
pub(crate) fn unframed(frame: &[u8]) -> Option<Vec<u8>> {
    let (prefix, message) = frame.split_at_checked(PREFIX)?;
    match prefix[0] {
        0 => Some(message.to_vec()),
        _ => gzip::unpacked(message, MAX_MESSAGE).ok(),
    }
}
