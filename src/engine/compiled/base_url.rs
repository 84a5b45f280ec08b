//! [`BaseUrl`]: the URL that a target's requests are resolved against.

use std::fmt;

use http::header::InvalidHeaderValue;
use http::uri::PathAndQuery;
use http::{HeaderValue, Uri};
use percent_encoding::utf8_percent_encode;

use crate::engine::job::ResolvedTarget;
use crate::plan::target::authority;
use crate::plan::{Action, Address, Scheme, Target};
use crate::value::text::PATH;

/// The origin of a URL: everything before its path (RFC 6454).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The protocol.
    pub scheme: Scheme,
    /// `host:port` in lower case, without the protocol's default port.
    pub authority: String,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.name(), self.authority)
    }
}

/// The URL that a target's requests are resolved against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    /// The origin.
    pub origin: Origin,
    /// The path prefix of every request.
    pub base: String,
    /// Whether requests go to a proxy that forwards them: then they name the whole URL (RFC 9112,
    /// section 3.2.2).
    pub is_forwarded: bool,
}

impl BaseUrl {
    /// Creates the base URL of a target. `reach` is its resolved address, which the built-in target
    /// needs.
    pub fn new(target: &Target, reach: Option<&ResolvedTarget>) -> Option<Self> {
        let (scheme, authority, base) = match &target.address {
            Address::Url {
                scheme,
                host,
                port,
                base,
            } => (
                scheme.of_requests(),
                authority(*scheme, host, *port).to_ascii_lowercase(),
                base.clone(),
            ),
            Address::Builtin => (
                Scheme::Http,
                reach?.addresses.first()?.to_string(),
                String::new(),
            ),
            // A Unix socket has no host name.
            Address::Unix { .. } => (Scheme::Http, "localhost".into(), String::new()),
        };
        Some(Self {
            origin: Origin { scheme, authority },
            base,
            is_forwarded: target.forward_proxy().is_some(),
        })
    }

    /// Returns it for an action: a handshake goes through a tunnel, however requests go.
    pub fn of_action(&self, action: &Action) -> Self {
        Self {
            is_forwarded: self.is_forwarded && !matches!(action, Action::Handshake(_)),
            ..self.clone()
        }
    }

    /// Returns what a request for this path and query names.
    ///
    /// # Errors
    /// If the origin is not valid in a URL.
    pub fn uri(&self, path: PathAndQuery) -> Result<Uri, http::Error> {
        if !self.is_forwarded {
            return Ok(Uri::from(path));
        }
        Uri::builder()
            .scheme(self.origin.scheme.name())
            .authority(self.origin.authority.as_str())
            .path_and_query(path)
            .build()
    }

    /// Returns the value of the `host` header.
    pub fn host(&self) -> Result<HeaderValue, InvalidHeaderValue> {
        HeaderValue::from_str(&self.origin.authority)
    }
}

/// Splits an `http://` or `https://` URL into its origin and its path with query, dropping the
/// fragment. Returns `None` if it is not such a URL or contains user information.
pub(crate) fn absolute(url: &str) -> Option<(Origin, String)> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = [Scheme::Http, Scheme::Https]
        .into_iter()
        .find(|known| known.name().eq_ignore_ascii_case(scheme))?;
    let rest = rest.split('#').next().unwrap_or_default();
    let (place, behind) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let place = place.to_ascii_lowercase();
    if place.is_empty() || place.contains('@') {
        return None;
    }
    let own_port = format!(":{}", scheme.port());
    let authority = place
        .strip_suffix(&own_port)
        .map(str::to_owned)
        .unwrap_or(place);
    let slash = if behind.starts_with('/') { "" } else { "/" };
    Some((Origin { scheme, authority }, format!("{slash}{behind}")))
}

/// Resolves a reference found in a response from `origin` to a request for `path` (RFC 3986,
/// section 5.2) into an origin and a path with query. Returns `None` if the result is not an HTTP
/// URL.
pub(crate) fn resolve(reference: &str, origin: &Origin, path: &str) -> Option<(Origin, String)> {
    let reference = utf8_percent_encode(reference.trim(), PATH).to_string();
    let reference = reference.split('#').next().unwrap_or_default();
    let here = |whole: String| Some((origin.clone(), without_dots(&whole)));
    let own = path.split('?').next().unwrap_or_default();
    let has_scheme = reference
        .find([':', '/', '?'])
        .is_some_and(|at| reference[at..].starts_with(':'));
    if has_scheme || reference.starts_with("//") {
        let whole = if has_scheme {
            reference.to_owned()
        } else {
            format!("{}:{reference}", origin.scheme.name())
        };
        return absolute(&whole).map(|(origin, rest)| (origin, without_dots(&rest)));
    }
    match reference.chars().next() {
        None => here(path.to_owned()),
        Some('/') => here(reference.to_owned()),
        Some('?') => here(format!("{own}{reference}")),
        Some(_) => here(format!(
            "{}/{reference}",
            own.rsplit_once('/').map_or("", |(folder, _)| folder)
        )),
    }
}

/// Removes the segments `.` and `..` from a path that begins with `/`; keeps the query as it is.
fn without_dots(whole: &str) -> String {
    let (path, query) = whole.split_at(whole.find('?').unwrap_or(whole.len()));
    let mut kept: Vec<&str> = Vec::new();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    for (index, segment) in segments.iter().enumerate() {
        let is_last = index + 1 == segments.len();
        match *segment {
            "." | ".." => {
                if *segment == ".." {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
            other => kept.push(other),
        }
    }
    format!("/{}{query}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_lead_where_the_standard_says() {
        let http = |authority: &str| Origin {
            scheme: Scheme::Http,
            authority: authority.into(),
        };
        let https = |authority: &str| Origin {
            scheme: Scheme::Https,
            authority: authority.into(),
        };
        let a = http("a");
        // The examples of RFC 3986, section 5.4, that apply to HTTP.
        for (reference, path) in [
            ("g", "/b/c/g"),
            ("./g", "/b/c/g"),
            ("g/", "/b/c/g/"),
            ("/g", "/g"),
            ("?y", "/b/c/d;p?y"),
            ("g?y", "/b/c/g?y"),
            ("", "/b/c/d;p?q"),
            ("#s", "/b/c/d;p?q"),
            ("g#s", "/b/c/g"),
            (".", "/b/c/"),
            ("..", "/b/"),
            ("../g", "/b/g"),
            ("../../..", "/"),
            ("../../../g", "/g"),
            ("g?y/../x", "/b/c/g?y/../x"),
            ("a b", "/b/c/a%20b"),
        ] {
            assert_eq!(
                resolve(reference, &a, "/b/c/d;p?q"),
                Some((a.clone(), path.into())),
                "{reference}"
            );
        }
        for (reference, place) in [
            ("http://G:80", (http("g"), "/")),
            ("//g/x/../y", (http("g"), "/y")),
            ("HTTP://g:81?z", (http("g:81"), "/?z")),
            ("http://[::1]:9/", (http("[::1]:9"), "/")),
            ("https://g:443/", (https("g"), "/")),
            ("HTTPS://g:80/", (https("g:80"), "/")),
        ] {
            assert_eq!(
                resolve(reference, &a, "/b"),
                Some((place.0, place.1.into())),
                "{reference}"
            );
        }
        assert_eq!(
            resolve("//g/x", &https("a"), "/b"),
            Some((https("g"), "/x".into()))
        );
        for nowhere in ["ftp://g/", "mailto:x", "http://", "http://u@g/", "g:h"] {
            assert_eq!(resolve(nowhere, &a, "/b"), None, "{nowhere}");
        }
    }
}
