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

/// Returns the messages of frames, unpacked; `None` if they are not whole ones.
pub(crate) fn unframed(mut frames: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut messages = Vec::new();
    while !frames.is_empty() {
        let (prefix, rest) = frames.split_first_chunk::<PREFIX>()?;
        let [flag, length @ ..] = *prefix;
        let (message, rest) = rest.split_at_checked(u32::from_be_bytes(length) as usize)?;
        messages.push(match flag {
            0 => message.to_vec(),
            _ => gzip::unpacked(message, MAX_MESSAGE).ok()?,
        });
        frames = rest;
    }
    Some(messages)
}
