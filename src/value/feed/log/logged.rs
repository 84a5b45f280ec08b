//! [`Logged`]: a request of a log, and how its parts are read.

use http::Method;
use minijinja::Value;

use super::stamp::Stamp;
use super::unescape::path_text;
use crate::plan::LogUnit;

/// The longest method, in bytes.
const MAX_METHOD: usize = 40;

/// A request of a log.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Logged {
    /// Its time.
    pub stamp: Stamp,
    /// Its method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Its host, if the line names one.
    pub host: Option<String>,
    /// The status of its response.
    pub status: Option<u16>,
    /// How long it took, in nanoseconds.
    pub duration_ns: Option<u64>,
    /// Other values, by the place of their columns.
    pub others: Vec<Value>,
}

/// Reads the first line of a request: its method, its target and the protocol.
pub(super) fn request_line(line: &[u8], logged: &mut Logged) -> Option<()> {
    let at = line.iter().position(|b| *b == b' ')?;
    let (method, rest) = (&line[..at], &line[at + 1..]);
    logged.method = str::from_utf8(method).ok()?.to_owned();
    // Before HTTP/1.0 there was no protocol.
    let protocol = rest.iter().rposition(|b| *b == b' ');
    let protocol = protocol.filter(|at| rest[at + 1..].starts_with(b"HTTP/"));
    target(&rest[..protocol.unwrap_or(rest.len())], logged)
}

/// Reads the target of a request: a path, or a URL (RFC 9112, section 3.2).
pub(super) fn target(target: &[u8], logged: &mut Logged) -> Option<()> {
    let text = path_text(target);
    let scheme = ["http://", "https://"].into_iter().find(|scheme| {
        let head = text.get(..scheme.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(scheme))
    });
    let Some(scheme) = scheme else {
        logged.path = text;
        return (!logged.path.is_empty()).then_some(());
    };
    let rest = &text[scheme.len()..];
    let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    if host.is_empty() || host.contains('@') {
        return None;
    }
    let slash = if path.starts_with('/') { "" } else { "/" };
    logged.path = format!("{slash}{path}");
    logged.host = Some(host.to_owned());
    Some(())
}

/// Returns whether a text is a method.
pub(super) fn is_method(text: &str) -> bool {
    text.len() <= MAX_METHOD && Method::from_bytes(text.as_bytes()).is_ok()
}

/// Reads a status.
pub(super) fn status(text: &str) -> Option<u16> {
    text.parse()
        .ok()
        .filter(|status| (100..1000).contains(status))
}

/// Reads a duration.
pub(super) fn duration_ns(text: &str, unit: LogUnit) -> Option<u64> {
    let number: f64 = text.parse().ok()?;
    // More is a mistake of whoever wrote it.
    const MOST: f64 = 1e9 * 86_400.0 * 365.0;
    let ns = (number * unit.ns()).round();
    (0.0..MOST).contains(&ns).then_some(ns as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_time_or_nothing() {
        assert_eq!(duration_ns("0.001", LogUnit::S), Some(1_000_000));
        assert_eq!(duration_ns("17", LogUnit::Us), Some(17_000));
        for text in ["-", "", "-1", "nan", "inf", "1e300"] {
            assert_eq!(duration_ns(text, LogUnit::S), None, "{text}");
        }
    }
}
