//! The text of a status, which gRPC percent-encodes.

use percent_encoding::percent_decode;

/// Decodes the text of a status. Escapes that are not valid are kept, as the specification asks.
pub(crate) fn decoded(message: &[u8]) -> String {
    percent_decode(message).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn a_message_is_decoded_as_far_as_it_can_be() {
        assert_eq!(decoded(b"no such order"), "no such order");
        assert_eq!(
            decoded(b"50%25 off \xe2\x82\xac %E2%82%AC%0a"),
            "50% off € €\n"
        );
        assert_eq!(decoded(b"100% %zz %4"), "100% %zz %4");
        assert_eq!(decoded(b"%ff"), "\u{fffd}");
    }
}
