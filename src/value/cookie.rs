//! The pairs of a `set-cookie` line (RFC 6265, section 5.2), as octets like in the standard.

/// Splits `name=value`, without surrounding blanks; the value is `None` if there is no `=`.
pub(crate) fn pair(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|byte| *byte == b'=') {
        Some(at) => (trimmed(&text[..at]), Some(trimmed(&text[at + 1..]))),
        None => (trimmed(text), None),
    }
}

/// Strips blanks and tabs from both ends, and no other bytes, whatever the character set.
fn trimmed(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}
