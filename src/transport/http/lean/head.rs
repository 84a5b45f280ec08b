//! The head of a response: its lines, how its body is framed, and whether the connection goes on.

use std::mem::MaybeUninit;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, LOCATION, SET_COOKIE, WWW_AUTHENTICATE};
use http::response::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Version};
use httparse::{Header, ParserConfig, Status};
use hyper::ext::ReasonPhrase;

use super::super::limits::{MAX_HEAD, MAX_HEADER_LINES, head_too_large};
use super::super::wire_request::Asked;
use super::chunked::Chunked;
use super::failure::invalid;
use super::framing::Framing;
use crate::transport::TransportError;

/// Where a server says what follows credentials that it has accepted (RFC 7615).
pub(crate) const AUTHENTICATION_INFO: HeaderName = HeaderName::from_static("authentication-info");
/// The number of lines of a head that is read without an allocation.
const USUAL_LINES: usize = 100;
/// The largest length that a body can have; hyper needs the two above it for itself.
const MAX_LENGTH: u64 = u64::MAX - 2;
/// A longer name of a header cannot be represented.
const MAX_NAME: usize = u16::MAX as usize;

/// The headers of a response that somebody looks at. The others need not be kept.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HeaderNeeds {
    /// All of them.
    pub all: bool,
    /// What a reader of the body must know: its encoding and its type.
    pub body: bool,
    /// Cookies.
    pub cookies: bool,
    /// The location of a redirect.
    pub location: bool,
    /// What a server says about credentials.
    pub challenges: bool,
}

impl HeaderNeeds {
    /// Returns whether somebody looks at any header of a head in which this was seen.
    const fn are_met(self, seen: &Seen) -> bool {
        self.all
            || self.body
            || self.challenges
            || (self.cookies && seen.has_cookies)
            || (self.location && seen.has_location)
    }

    /// Returns whether somebody looks at the headers of a name, whose characters may be of any case.
    fn include(self, name: &str) -> bool {
        let is = |wanted: &HeaderName| name.eq_ignore_ascii_case(wanted.as_str());
        self.all
            || (self.body && (is(&CONTENT_TYPE) || is(&CONTENT_ENCODING)))
            || (self.cookies && is(&SET_COOKIE))
            || (self.location && is(&LOCATION))
            || (self.challenges && (is(&WWW_AUTHENTICATE) || is(&AUTHENTICATION_INFO)))
    }
}

/// A complete head.
pub(super) struct Head {
    /// Its length in bytes.
    pub length: usize,
    /// The head itself, or `None` if it is informational. It has headers only if some are needed.
    pub parts: Option<Parts>,
    pub framing: Framing,
    /// Whether the connection can carry another request.
    pub keep_alive: bool,
    /// Whether it is `100 Continue`.
    pub is_continue: bool,
}

/// Parses a head; returns `None` if it is not complete yet.
///
/// # Errors
/// If it is not HTTP, or exceeds the limits.
pub(super) fn parse(
    input: &[u8],
    asked: Asked,
    needs: HeaderNeeds,
) -> Result<Option<Head>, TransportError> {
    let mut lines = [const { MaybeUninit::uninit() }; USUAL_LINES];
    match parse_into(&mut lines, input, asked, needs) {
        Err(httparse::Error::TooManyHeaders) => {
            let mut lines = vec![MaybeUninit::uninit(); MAX_HEADER_LINES];
            match parse_into(&mut lines, input, asked, needs) {
                Ok(read) => read,
                Err(error) => Err(not_http(error)),
            }
        }
        Ok(read) => read,
        Err(error) => Err(not_http(error)),
    }
}

/// Returns whether the input, of which `known` bytes are not a complete head, may be one by now. It
/// is cheaper than parsing it again whenever a few bytes arrive.
pub(super) fn may_be_complete(input: &[u8], known: usize) -> bool {
    let new = &input[known.saturating_sub(3)..];
    new.iter().enumerate().any(|(at, byte)| {
        let behind = &new[at + 1..];
        match byte {
            b'\r' => behind.starts_with(b"\n\r\n"),
            b'\n' => behind.starts_with(b"\n") || behind.starts_with(b"\r\n"),
            _ => false,
        }
    })
}

/// Fails if a head that is not complete exceeds the limits already.
pub(super) fn check_partial(input: &[u8]) -> Result<(), TransportError> {
    if input.len() >= MAX_HEAD {
        Err(head_too_large())
    } else {
        Ok(())
    }
}

fn not_http(error: httparse::Error) -> TransportError {
    match error {
        httparse::Error::TooManyHeaders => head_too_large(),
        httparse::Error::Version => invalid("HTTP version"),
        httparse::Error::Status => invalid("HTTP status-code"),
        _ => invalid("HTTP header"),
    }
}

type Read = Result<Option<Head>, TransportError>;

fn parse_into<'b>(
    lines: &mut [MaybeUninit<Header<'b>>],
    input: &'b [u8],
    asked: Asked,
    needs: HeaderNeeds,
) -> Result<Read, httparse::Error> {
    let mut response = httparse::Response::new(&mut []);
    let config = ParserConfig::default();
    let parsed = config.parse_response_with_uninit_headers(&mut response, input, lines)?;
    Ok(match parsed {
        Status::Partial => check_partial(input).map(|()| None),
        Status::Complete(length) => read(&response, &input[..length], asked, needs).map(Some),
    })
}

/// What the lines of a head say about its connection and its body.
#[derive(Default)]
struct Seen {
    closes: bool,
    keeps: bool,
    has_encoding: bool,
    /// Whether the last `transfer-encoding` ends with `chunked`.
    is_chunked: bool,
    has_length: bool,
    /// The length, if all lines agree on one.
    length: Option<u64>,
    has_cookies: bool,
    has_location: bool,
}

impl Seen {
    fn line(&mut self, line: &Header<'_>) {
        let is = |name: &str| line.name.eq_ignore_ascii_case(name);
        // By length first: most lines are none of these.
        match line.name.len() {
            8 if is("location") => self.has_location = true,
            // What most servers say, and need not.
            10 if is("connection") && line.value == b"keep-alive" => self.keeps = true,
            10 if is("connection") => {
                self.closes |= has_word(line.value, "close");
                self.keeps |= has_word(line.value, "keep-alive");
            }
            10 if is("set-cookie") => self.has_cookies = true,
            14 if is("content-length") => self.length(line.value),
            17 if is("transfer-encoding") => {
                self.has_encoding = true;
                self.is_chunked = words(line.value)
                    .next_back()
                    .is_some_and(|last| last.eq_ignore_ascii_case(b"chunked"))
                    && is_text(line.value);
            }
            _ => {}
        }
    }

    fn length(&mut self, value: &[u8]) {
        // Nearly always there is one line with one number.
        if let (false, Some(length)) = (self.has_length, digits(value)) {
            (self.has_length, self.length) = (true, Some(length));
            return;
        }
        for word in words(value) {
            let length = digits(word);
            if !self.has_length {
                self.length = length;
            } else if self.length != length {
                self.length = None;
            }
            self.has_length = true;
        }
    }
}

/// Iterates over the words of a list.
fn words(value: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

/// Returns whether a list contains a word.
fn has_word(value: &[u8], wanted: &str) -> bool {
    is_text(value) && words(value).any(|word| word.eq_ignore_ascii_case(wanted.as_bytes()))
}

/// Returns whether a value consists of characters that lists of words consist of.
fn is_text(value: &[u8]) -> bool {
    value.is_ascii()
}

/// Returns the number that consists of these digits and nothing else.
fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| byte - b'0')?;
        number.checked_mul(10)?.checked_add(digit.into())
    })
}

fn read(
    response: &httparse::Response<'_, '_>,
    head: &[u8],
    asked: Asked,
    needs: HeaderNeeds,
) -> Result<Head, TransportError> {
    let status = StatusCode::from_u16(response.code.unwrap_or_default())
        .map_err(|_| invalid("HTTP status-code"))?;
    let is_old = response.version == Some(0);
    let mut seen = Seen::default();
    for line in response.headers.iter() {
        if line.name.len() > MAX_NAME {
            return Err(head_too_large());
        }
        seen.line(line);
    }
    if head.len() > MAX_HEAD && size(response.headers) > MAX_HEAD {
        return Err(head_too_large());
    }
    let (framing, upgrades) = framing(status.as_u16(), is_old, asked, &seen)?;
    let is_informational = status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS;
    let parts = if is_informational {
        None
    } else {
        let (mut parts, ()) = Response::new(()).into_parts();
        parts.status = status;
        if is_old {
            parts.version = Version::HTTP_10;
        }
        if needs.are_met(&seen) {
            keep(&mut parts, response, needs)?;
        }
        Some(parts)
    };
    Ok(Head {
        length: head.len(),
        parts,
        framing,
        keep_alive: !seen.closes && !upgrades && (!is_old || seen.keeps),
        is_continue: is_informational && status == StatusCode::CONTINUE,
    })
}

/// Returns the size of the lines of a head, as the limits count it.
fn size(lines: &[Header<'_>]) -> usize {
    let sizes = lines
        .iter()
        .map(|line| line.name.len() + line.value.len() + ": \r\n".len());
    sizes.sum()
}

/// Returns how the body of a response is framed (RFC 9112, section 6.3), and whether the connection
/// now speaks another protocol.
fn framing(
    status: u16,
    is_old: bool,
    asked: Asked,
    seen: &Seen,
) -> Result<(Framing, bool), TransportError> {
    let body = match (status, asked) {
        (101, _) | (200..=299, Asked::Connect) if status != 204 => return Ok((Framing::End, true)),
        (100..=199 | 204 | 304, _) | (_, Asked::Head) => Framing::End,
        // HTTP/1.0 does not define transfer codings, so the peer does not know where the body ends.
        _ if seen.has_encoding && is_old => {
            return Err(TransportError {
                message: "unexpected transfer-encoding parsed".into(),
                ..invalid("")
            });
        }
        _ if seen.has_encoding && seen.is_chunked => Framing::Chunked(Chunked::default()),
        _ if seen.has_encoding => Framing::Close,
        _ if seen.has_length => match seen.length {
            Some(0) => Framing::End,
            Some(length) if length <= MAX_LENGTH => Framing::Length(length),
            _ => return Err(invalid("content-length")),
        },
        _ => Framing::Close,
    };
    Ok((body, false))
}

/// Keeps those headers of a response that somebody looks at; with all of them, also its reason. Not
/// inlined: most heads are read without it.
#[inline(never)]
fn keep(
    parts: &mut Parts,
    response: &httparse::Response<'_, '_>,
    needs: HeaderNeeds,
) -> Result<(), TransportError> {
    let needed = || (response.headers.iter()).filter(|line| needs.include(line.name));
    let mut headers = HeaderMap::with_capacity(needed().count());
    for line in needed() {
        let name = HeaderName::from_bytes(line.name.as_bytes());
        let value = HeaderValue::from_bytes(line.value);
        match (name, value) {
            (Ok(name), Ok(value)) => headers.append(name, value),
            _ => return Err(invalid("HTTP header")),
        };
    }
    parts.headers = headers;
    if needs.all {
        let reason = response.reason.unwrap_or_default();
        if Some(reason) != parts.status.canonical_reason()
            && let Ok(reason) = ReasonPhrase::try_from(reason.as_bytes())
        {
            parts.extensions.insert(reason);
        }
    }
    Ok(())
}
