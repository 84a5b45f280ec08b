//! Texts of a log as they were before servers escaped them.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Returns a text without the escapes of Apache and nginx: `\x22`, `\"`, `\\`, `\n`, `\t` and the
/// other letters of C.
pub(super) fn unescape(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'\\') {
        return text.into();
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if *first != b'\\' {
            out.push(*first);
            continue;
        }
        let Some((code, behind)) = rest.split_first() else {
            out.push(b'\\');
            break;
        };
        let simple = match code {
            b'"' | b'\\' | b'\'' => Some(*code),
            b'n' => Some(b'\n'),
            b'r' => Some(b'\r'),
            b't' => Some(b'\t'),
            b'b' => Some(8),
            b'f' => Some(12),
            b'v' => Some(11),
            _ => None,
        };
        let hex = behind.get(..2).filter(|_| *code == b'x');
        let hex = hex
            .and_then(|digits| str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let Some(byte) = simple {
            out.push(byte);
            rest = behind;
        } else if let Some(byte) = hex {
            out.push(byte);
            rest = &behind[2..];
        } else {
            out.push(b'\\');
        }
    }
    out.into()
}

/// Returns the text of a path: what can't be part of one is percent-encoded, as a client would have
/// sent it.
pub(super) fn path_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let encode = |text: &mut String, bytes: &[u8]| {
        for byte in bytes {
            let _ = write!(text, "%{byte:02X}");
        }
    };
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() {
                encode(&mut text, c.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                text.push(c);
            }
        }
        encode(&mut text, chunk.invalid());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_of_servers_are_undone() {
        for (escaped, plain) in [
            (&b"/a"[..], &b"/a"[..]),
            (b"a \\x22b\\x22", b"a \"b\""),
            (b"\\\"q\\\" \\\\ \\n\\t\\r", b"\"q\" \\ \n\t\r"),
            (b"\\xC3\\xA9\\xe9", b"\xc3\xa9\xe9"),
            // What is not an escape stays.
            (b"C:\\dir\\x\\xg1\\x1", b"C:\\dir\\x\\xg1\\x1"),
            (b"end\\", b"end\\"),
        ] {
            assert_eq!(unescape(escaped), plain, "{escaped:?}");
        }
    }

    #[test]
    fn a_path_has_only_what_a_path_may_have() {
        assert_eq!(path_text("/é?q=ü z".as_bytes()), "/é?q=ü z");
        assert_eq!(path_text(b"/a\xe9\xff\r\nb\x7f"), "/a%E9%FF%0D%0Ab%7F");
    }
}
