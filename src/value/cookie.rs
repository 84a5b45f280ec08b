//! The pairs of a `set-cookie` line (RFC 6265, section 5.2). Of octets, as the standard has it.

/// `name=value` without the blanks around both; no value where there is no `=`.
pub(crate) fn pair(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|byte| *byte == b'=') {
        Some(at) => (trimmed(&text[..at]), Some(trimmed(&text[at + 1..]))),
        None => (trimmed(text), None),
    }
}

/// Without blanks and tabs at both ends: no other byte is one, whatever it would be in some
/// alphabet.
fn trimmed(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}
