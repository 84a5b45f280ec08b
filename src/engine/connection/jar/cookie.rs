//! [`Cookie`]: the cookie that a `set-cookie` line sets, according to RFC 6265. Comments name the
//! section that each rule comes from.
//!
//! Names and values are octets, as in the standard: what a server sets is sent back byte for byte,
//! whatever its encoding.

use std::net::{Ipv4Addr, Ipv6Addr};

use jiff::tz::TimeZone;

use crate::value::cookie::pair;

/// The longest accepted `set-cookie` line, in bytes, as in browsers.
const MAX_LINE: usize = 4096;

/// A cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cookie {
    /// The name.
    pub name: Vec<u8>,
    /// The value.
    pub value: Vec<u8>,
    /// The host it is for, in lower case.
    domain: String,
    /// Whether it excludes the subdomains of that host.
    host_only: bool,
    /// The path it is for, including the paths below it.
    pub path: Vec<u8>,
    /// Whether it is sent only over TLS or to this machine.
    secure: bool,
    /// The time at which it expires, if any, in milliseconds since 1970.
    pub expires: Option<u64>,
}

/// The destination of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestUrl<'a> {
    /// The host in lower case, without brackets and port.
    pub host: &'a str,
    /// The path, without the query.
    pub path: &'a str,
    /// Whether the request uses TLS.
    pub secure: bool,
}

impl Cookie {
    /// Parses a `set-cookie` line of the response to a request. Returns `None` if the line is
    /// invalid or is for another host.
    pub(super) fn parse(line: &[u8], place: RequestUrl<'_>, now_ms: u64) -> Option<Self> {
        if line.len() > MAX_LINE {
            return None;
        }
        // Section 5.2: unknown attributes are ignored, and of several with the same name the last
        // one wins.
        let mut parts = line.split(|byte| *byte == b';');
        let (name, value) = pair(parts.next()?);
        let value = value.filter(|_| !name.is_empty())?;
        let (mut expires, mut max_age, mut domain, mut path, mut secure) =
            (None, None, None, None, false);
        for (key, value) in parts.map(pair) {
            let value = value.unwrap_or_default();
            match key.to_ascii_lowercase().as_slice() {
                b"expires" => expires = instant(value).or(expires),
                b"max-age" => max_age = age(value, now_ms).or(max_age),
                b"domain" if !value.is_empty() => {
                    domain = Some(
                        value
                            .strip_prefix(b".")
                            .unwrap_or(value)
                            .to_ascii_lowercase(),
                    )
                }
                b"path" => path = Some(value).filter(|path| path.starts_with(b"/")),
                b"secure" => secure = true,
                _ => {}
            }
        }
        // Section 5.3.
        let (domain, host_only) = match domain {
            Some(domain) => (
                String::from_utf8(domain)
                    .ok()
                    .filter(|domain| is_below(place.host, domain))?,
                false,
            ),
            None => (place.host.to_owned(), true),
        };
        Some(Self {
            name: name.to_vec(),
            value: value.to_vec(),
            domain,
            host_only,
            path: path.map_or_else(|| default_path(place.path), <[u8]>::to_vec),
            secure,
            expires: max_age.or(expires),
        })
    }

    /// Returns whether one cookie replaces the other (section 5.3, step 11).
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.name == other.name && self.domain == other.domain && self.path == other.path
    }

    /// Returns whether it has expired.
    pub(super) fn is_expired(&self, now_ms: u64) -> bool {
        self.expires.is_some_and(|expires| expires <= now_ms)
    }

    /// Returns whether it is sent with a request to this place (section 5.4).
    pub(super) fn is_for(&self, place: RequestUrl<'_>) -> bool {
        let host = if self.host_only {
            self.domain == place.host
        } else {
            is_below(place.host, &self.domain)
        };
        host && is_inside(place.path.as_bytes(), &self.path)
            && (!self.secure || place.secure || is_loopback(place.host))
    }
}

/// Returns whether a host is this domain or a subdomain of it (section 5.1.3). An IP address has no
/// subdomains, and a domain of one label, such as `com`, matches none of its subdomains.
fn is_below(host: &str, domain: &str) -> bool {
    let is_address = host.parse::<Ipv4Addr>().is_ok() || host.parse::<Ipv6Addr>().is_ok();
    host == domain
        || (!is_address
            && domain.contains('.')
            && host
                .strip_suffix(domain)
                .is_some_and(|before| before.ends_with('.')))
}

/// Returns whether a path is this one or below it (section 5.1.4).
fn is_inside(path: &[u8], cookie: &[u8]) -> bool {
    path.strip_prefix(cookie)
        .is_some_and(|rest| rest.is_empty() || cookie.ends_with(b"/") || rest.starts_with(b"/"))
}

/// Returns the default path: the folder of a request's path (section 5.1.4).
fn default_path(path: &str) -> Vec<u8> {
    match path.rfind('/') {
        Some(at) if at > 0 && path.starts_with('/') => path.as_bytes()[..at].to_vec(),
        _ => b"/".to_vec(),
    }
}

/// Returns whether a host is this machine, which counts as secure without TLS (Secure Contexts,
/// section 3.1).
fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host
            .parse::<Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
        || host
            .parse::<Ipv6Addr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Parses `max-age` (section 5.2.2) into the time of expiry, in milliseconds since 1970.
fn age(value: &[u8], now_ms: u64) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?;
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if digits.len() < text.len() {
        return Some(0);
    }
    // A number of seconds that overflows means forever.
    let seconds = digits.parse::<u64>().unwrap_or(u64::MAX);
    Some(if seconds == 0 {
        0
    } else {
        now_ms.saturating_add(seconds.saturating_mul(1000))
    })
}

/// Parses a date in one of the many formats that servers use (section 5.1.1) into milliseconds
/// since 1970.
fn instant(text: &[u8]) -> Option<u64> {
    const MONTHS: [&[u8]; 12] = [
        b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov",
        b"dec",
    ];
    let is_delimiter =
        |byte: &u8| matches!(byte, b'\t' | b' '..=b'/' | b';'..=b'@' | b'['..=b'`' | b'{'..=b'~');
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for token in text.split(is_delimiter).filter(|token| !token.is_empty()) {
        if time.is_none()
            && let Some(found) = time_of_day(token)
        {
            time = Some(found);
        } else if day.is_none()
            && let Some(found) = number(token, 1..=2)
        {
            day = Some(found);
        } else if month.is_none()
            && let Some(at) = token
                .first_chunk::<3>()
                .and_then(|name| MONTHS.iter().position(|m| *m == name.to_ascii_lowercase()))
        {
            month = Some(at + 1);
        } else if year.is_none()
            && let Some(found) = number(token, 2..=4)
        {
            year = Some(found);
        }
    }
    let year = match year? {
        short @ 70..=99 => short + 1900,
        short @ 0..=69 => short + 2000,
        whole => whole,
    };
    let [hour, minute, second] = time?;
    if year < 1601 {
        return None;
    }
    let small = |number: u16| i8::try_from(number).ok();
    let civil = jiff::civil::DateTime::new(
        i16::try_from(year).ok()?,
        i8::try_from(month?).ok()?,
        small(day?)?,
        small(hour)?,
        small(minute)?,
        small(second)?,
        0,
    );
    let at = civil
        .ok()?
        .to_zoned(TimeZone::UTC)
        .ok()?
        .timestamp()
        .as_millisecond();
    Some(u64::try_from(at).unwrap_or(0))
}

/// Parses `hh:mm:ss` at the beginning of a token.
fn time_of_day(token: &[u8]) -> Option<[u16; 3]> {
    let mut fields = token.splitn(3, |byte| *byte == b':');
    let mut field = |last| {
        let field = fields.next()?;
        let digits = field
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        (last || digits == field.len())
            .then(|| number(field, 1..=2))
            .flatten()
    };
    Some([field(false)?, field(false)?, field(true)?])
}

/// Parses the number at the beginning of a token if its count of digits is in `length`.
fn number(token: &[u8], length: std::ops::RangeInclusive<usize>) -> Option<u16> {
    let digits = token
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let text = token.get(..digits).filter(|_| length.contains(&digits))?;
    std::str::from_utf8(text).ok()?.parse().ok()
}
