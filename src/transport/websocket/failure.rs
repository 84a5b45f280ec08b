//! What goes wrong with a WebSocket.

use tungstenite::protocol::CloseFrame;

use crate::metrics::FailureKind;
use crate::transport::TransportError;

/// The peer broke the rules of the protocol.
pub(super) fn protocol(message: &str) -> TransportError {
    TransportError {
        kind: FailureKind::Protocol,
        message: message.into(),
    }
}

/// The connection is at its end.
pub(super) fn closed(message: &str) -> TransportError {
    TransportError {
        kind: FailureKind::Incomplete,
        message: message.into(),
    }
}

/// What a peer said when it closed.
pub(super) fn closing_words(frame: Option<&CloseFrame>) -> String {
    let said = frame.map(|CloseFrame { code, reason }| {
        let reason = shown(reason.as_str());
        if reason.is_empty() {
            format!(" (code {code})")
        } else {
            format!(" (code {code}: {reason})")
        }
    });
    format!(
        "the server closed the WebSocket{}",
        said.unwrap_or_default()
    )
}

/// As much of a text as a message shows.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(100).collect()
}
