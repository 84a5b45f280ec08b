//! [`Response`]: the response of an operation, as far as it was kept.

use std::borrow::Cow;
use std::cell::OnceCell;

use encoding_rs::{Encoding, UTF_8};
use http::HeaderMap;
use http::header::{CONTENT_TYPE, SET_COOKIE};
use minijinja::Value;

use super::json::{Document, Found};
use super::markup::{self, Selection};
use super::query::Query;
use crate::base::Nanos;

/// The maximum number of characters of a body in a message.
const MAX_SHOWN: usize = 60;

/// What was seen of a stream of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamSeen {
    /// The number of counted events.
    pub events: u64,
    /// The longest time between two of them; zero for fewer than two.
    pub max_gap: Nanos,
    /// The time per unit, if it has one.
    pub time_per_unit: Option<Nanos>,
}

/// A response, as far as it was kept.
pub struct Response<'a> {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its decoded body if needed; otherwise empty.
    pub body: &'a [u8],
    /// The number of rows of a statement, if it is the answer to one.
    pub rows: Option<u64>,
    /// What was seen of its events, if it is a stream.
    pub stream: Option<StreamSeen>,
    json: OnceCell<Result<Document<'a>, String>>,
    text: OnceCell<Result<Decoded<'a>, String>>,
}

/// A body as text, and as a document if that is needed.
struct Decoded<'a> {
    text: Cow<'a, str>,
    /// In a box, because only few scenarios have it, and every response is moved about.
    markup: OnceCell<Box<Result<markup::Document, String>>>,
}

impl<'a> Response<'a> {
    /// Creates a response.
    pub const fn new(status: u16, headers: &'a HeaderMap, body: &'a [u8]) -> Self {
        Self {
            status,
            headers,
            body,
            rows: None,
            stream: None,
            json: OnceCell::new(),
            text: OnceCell::new(),
        }
    }

    /// Returns the value of a header: its lines joined as a list (RFC 9110, section 5.3), or the
    /// first line of `set-cookie`, the only header whose lines are not a list.
    pub fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut lines = self.header_lines(name);
        let first = lines.next()?;
        let is_cookie = name.eq_ignore_ascii_case(SET_COOKIE.as_str());
        Some(if is_cookie {
            first
        } else {
            lines.fold(first, |list, line| format!("{list}, {line}").into())
        })
    }

    /// Iterates over the lines of a header.
    pub fn header_lines(&self, name: &str) -> impl Iterator<Item = Cow<'_, str>> {
        self.headers
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
    }

    /// Returns the first match of a query in the body, which is JSON and thus UTF-8 regardless of the
    /// content type (RFC 8259, section 8.1).
    ///
    /// # Errors
    /// If the body is not JSON, with the reason.
    pub fn find(&self, query: &Query) -> Result<Option<Found<'_>>, String> {
        let document = self.json.get_or_init(|| Document::new(self.body));
        let document = document.as_ref().map_err(String::clone);
        document
            .and_then(|document| document.find(query))
            .map_err(|why| {
                let seen =
                    String::from_utf8_lossy(&self.body[..self.body.len().min(MAX_SHOWN * 4)]);
                format!("the body is not JSON ({why}), seen {}", shown(&seen))
            })
    }

    /// Returns the body as text, in the charset of its byte order mark or its content type, or else
    /// in UTF-8; decoded at most once.
    ///
    /// # Errors
    /// If the charset is unknown.
    pub fn text(&self) -> Result<&str, &str> {
        self.decoded().map(|decoded| &*decoded.text)
    }

    fn decoded(&self) -> Result<&Decoded<'a>, &str> {
        let decoded = || {
            Ok(Decoded {
                text: self.encoding()?.decode(self.body).0,
                markup: OnceCell::new(),
            })
        };
        let decoded = self.text.get_or_init(decoded);
        decoded.as_ref().map_err(String::as_str)
    }

    /// Returns what a selector finds in the body, which is read as HTML or XML at most once.
    ///
    /// # Errors
    /// If the body is neither, with the reason.
    pub(crate) fn select(&self, selection: &Selection) -> Result<Option<Value>, String> {
        let decoded = self.decoded()?;
        let document = decoded.markup.get_or_init(|| {
            let of_type = self.headers.get_all(CONTENT_TYPE).iter().next_back();
            let of_type = of_type.map(|value| String::from_utf8_lossy(value.as_bytes()));
            Box::new(markup::read(&decoded.text, &of_type.unwrap_or_default()))
        });
        match &**document {
            Ok(document) => Ok(selection.find(document)),
            Err(why) => Err(format!("{why}, seen {}", shown(&decoded.text))),
        }
    }

    fn encoding(&self) -> Result<&'static Encoding, String> {
        // A body has one type: of several header lines the last one counts, as in browsers.
        let Some(charset) = self
            .headers
            .get_all(CONTENT_TYPE)
            .iter()
            .next_back()
            .and_then(|value| charset(value.as_bytes()))
        else {
            return Ok(UTF_8);
        };
        Encoding::for_label(charset).ok_or_else(|| {
            format!(
                "the charset {} of the body is not supported",
                shown(&String::from_utf8_lossy(charset))
            )
        })
    }
}

/// Returns a text for a message: truncated, and without characters that control a terminal.
fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(MAX_SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}

/// Returns the charset in a content type.
fn charset(content_type: &[u8]) -> Option<&[u8]> {
    content_type
        .split(|byte| *byte == b';')
        .skip(1)
        .find_map(|parameter| {
            let (name, value) =
                parameter.split_at(parameter.iter().position(|byte| *byte == b'=')?);
            let value = value[1..].trim_ascii();
            let value = value
                .strip_prefix(b"\"")
                .and_then(|value| value.strip_suffix(b"\""))
                .unwrap_or(value);
            (name.trim_ascii().eq_ignore_ascii_case(b"charset") && !value.is_empty())
                .then_some(value)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(content_types: &[&str], body: &[u8]) -> Result<String, String> {
        let mut headers = HeaderMap::new();
        for content_type in content_types {
            headers.append(CONTENT_TYPE, content_type.parse().expect("a value"));
        }
        let response = Response::new(200, &headers, body);
        response.text().map(str::to_owned).map_err(str::to_owned)
    }

    #[test]
    fn a_text_is_in_the_charset_that_is_named() {
        for (content_type, body) in [
            ("text/html; charset=ISO-8859-1", &b"caf\xe9"[..]),
            ("text/html;x=y;Charset=\"windows-1252\"", b"caf\xe9"),
            ("text/plain; charset = latin1 ", b"caf\xe9"),
            ("text/plain; charset=utf-8", "café".as_bytes()),
            ("text/plain; charset=", "café".as_bytes()),
            ("text/plain", "café".as_bytes()),
            ("text/plain; charset=utf-16le", b"c\0a\0f\0\xe9\0"),
            // A byte order mark takes precedence over a header.
            ("text/plain; charset=iso-8859-1", "\u{feff}café".as_bytes()),
            ("text/plain", b"\xff\xfec\0a\0f\0\xe9\0"),
            ("text/plain", b"\xfe\xff\0c\0a\0f\0\xe9"),
        ] {
            assert_eq!(
                text(&[content_type], body).as_deref(),
                Ok("café"),
                "{content_type}"
            );
        }
        assert_eq!(
            text(&["text/plain; charset=windows-1252"], b"5 \x80").as_deref(),
            Ok("5 €")
        );
        assert_eq!(
            text(&["text/plain; charset=shift_jis"], b"\x93\xfa\x96\x7b").as_deref(),
            Ok("日本")
        );
        assert_eq!(
            text(&["text/plain", "text/html; charset=latin1"], b"caf\xe9").as_deref(),
            Ok("café"),
            "the last line"
        );
        assert_eq!(text(&[], b"caf\xe9").as_deref(), Ok("caf\u{fffd}"));
        assert_eq!(
            text(&["text/plain; charset=klingon"], b"x"),
            Err("the charset \"klingon\" of the body is not supported".into())
        );
    }
}
