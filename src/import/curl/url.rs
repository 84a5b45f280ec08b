//! URLs as curl reads them.

use super::arguments::Transfer;
use super::body::percent_encoded;
use crate::import::template::literal;

/// The parts of a URL.
pub(super) struct Url {
    /// `http://HOST:PORT`.
    pub origin: String,
    /// A user, and a password if there is one.
    pub login: Option<(String, Option<String>)>,
    /// The path, `/` at least.
    pub path: String,
    /// What follows `?`.
    pub query: Option<String>,
}

/// Returns a URL as notes show it: without a user, a password and a query.
pub(super) fn without_credentials(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        (None, Some((_, host))) => host.to_owned(),
        (_, None) => url.to_owned(),
    }
}

/// Splits a URL as curl does.
pub(super) fn split(url: &str, transfer: &Transfer) -> Result<Url, String> {
    let url = url.trim();
    if url.contains(|c: char| c.is_control() || c.is_whitespace()) {
        return Err("a URL has no spaces".into());
    }
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let scheme = scheme.to_ascii_lowercase();
    if !matches!(scheme.as_str(), "http" | "https") {
        return Err(format!("`{scheme}://` is not HTTP"));
    }
    let rest = rest.split('#').next().unwrap_or_default();
    let (authority, after) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (login, host) = match authority.rsplit_once('@') {
        Some((login, host)) => (Some(login), host),
        None => (None, authority),
    };
    let is_of_host = |c: char| c.is_alphanumeric() || ".-_:[]%{}".contains(c);
    if host.is_empty() || host.starts_with([':', '-']) || !host.chars().all(is_of_host) {
        return Err(format!("`{host}` is not a host"));
    }
    let is_v6 = host.starts_with('[');
    let is_glob = |text: &str| text.replace("{{", "").contains(['{', '[']);
    if !transfer.has("globoff") && (is_glob(after) || (!is_v6 && is_glob(host))) {
        return Err(
            "its braces or brackets stand for several URLs; write each of them, or use `--globoff`"
                .into(),
        );
    }
    let (path, query) = match after.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (after, None),
    };
    let decoded = |text: &str| {
        if text.contains("{{") {
            return text.to_owned();
        }
        let text = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
        literal(&text)
    };
    let login = login.map(|login| match login.split_once(':') {
        Some((user, password)) => (decoded(user), Some(decoded(password))),
        None => (decoded(login), None),
    });
    let path = if transfer.has("path-as-is") {
        path.to_owned()
    } else {
        without_dots(path)
    };
    Ok(Url {
        origin: format!("{scheme}://{host}"),
        login,
        path: if path.is_empty() { "/".into() } else { path },
        query,
    })
}

/// Removes the segments `.` and `..` (RFC 3986, section 5.2.4).
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let segments: Vec<&str> = path.split('/').collect();
    for (at, segment) in segments.iter().enumerate() {
        let is_last = at + 1 == segments.len();
        match *segment {
            "." | ".." => {
                if *segment == ".." && kept.len() > 1 {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
            other => kept.push(other),
        }
    }
    kept.join("/")
}

/// Returns the parts of a query that `--url-query` adds.
pub(super) fn added_query(transfer: &Transfer) -> Option<String> {
    let pair = |value: &str| match value.strip_prefix('+') {
        Some(text) => text.to_owned(),
        None => match value.split_once('=') {
            Some(("", content)) => percent_encoded(content),
            Some((name, content)) => format!("{name}={}", percent_encoded(content)),
            None => percent_encoded(value),
        },
    };
    let all: Vec<String> = transfer.values("url-query").map(pair).collect();
    (!all.is_empty()).then(|| all.join("&"))
}
