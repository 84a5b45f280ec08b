//! The errors of a WebSocket.

use tungstenite::protocol::CloseFrame;

use crate::metrics::FailureKind;
use crate::transport::TransportError;

/// Creates the error of a protocol violation by the peer.
pub(super) fn protocol(message: &str) -> TransportError {
    TransportError {
        kind: FailureKind::Protocol,
        message: message.into(),
    }
}

/// Creates the error of a closed connection.
pub(super) fn closed(message: &str) -> TransportError {
    TransportError {
        kind: FailureKind::Incomplete,
        message: message.into(),
    }
}

/// Returns what a peer said when it closed.
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

/// Truncates a text for a message.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(100).collect()
}
