//! [`Site`]: where the requests of a target go, as URLs say it.

use std::net::SocketAddr;

use http::HeaderValue;
use http::header::InvalidHeaderValue;
use percent_encoding::utf8_percent_encode;

use crate::plan::target::authority;
use crate::plan::{Address, Target};
use crate::value::text::PATH;

/// Where the requests of a target go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// `host:port`, in lower case and without HTTP's own port.
    pub authority: String,
    /// Path that goes before each request's own.
    pub base: String,
}

impl Site {
    /// That of a target; `address` is where it is, which the built-in one has to be known by.
    pub fn new(target: &Target, address: Option<SocketAddr>) -> Option<Self> {
        Some(match &target.address {
            Address::Url { host, port, base, .. } => Self { authority: authority(host, *port).to_ascii_lowercase(), base: base.clone() },
            Address::Builtin => Self { authority: address?.to_string(), base: String::new() },
        })
    }

    /// The `host` header.
    pub fn host(&self) -> Result<HeaderValue, InvalidHeaderValue> {
        HeaderValue::from_str(&self.authority)
    }
}

/// Takes an `http://` URL apart: its authority in the form of a site's, and what is asked for there, without its
/// fragment. Nothing where it is none, or has a user in it.
pub fn absolute(url: &str) -> Option<(String, String)> {
    let scheme = url.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("http://"))?;
    let rest = url[scheme.len()..].split('#').next().unwrap_or_default();
    let (place, behind) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let place = place.to_ascii_lowercase();
    if place.is_empty() || place.contains('@') {
        return None;
    }
    let place = place.strip_suffix(":80").map(str::to_owned).unwrap_or(place);
    let slash = if behind.starts_with('/') { "" } else { "/" };
    Some((place, format!("{slash}{behind}")))
}

/// Where a reference leads that stands in an answer from `authority` to a request for `path` (RFC 3986, section
/// 5.2): authority, and path with query. Nothing where that is no `http://` place.
pub fn resolve(reference: &str, authority: &str, path: &str) -> Option<(String, String)> {
    let reference = utf8_percent_encode(reference.trim(), PATH).to_string();
    let reference = reference.split('#').next().unwrap_or_default();
    let here = |whole: String| Some((authority.to_owned(), without_dots(&whole)));
    let own = path.split('?').next().unwrap_or_default();
    let has_scheme = reference.find([':', '/', '?']).is_some_and(|at| reference[at..].starts_with(':'));
    if has_scheme || reference.starts_with("//") {
        let whole = if has_scheme { reference.to_owned() } else { format!("http:{reference}") };
        return absolute(&whole).map(|(authority, rest)| (authority, without_dots(&rest)));
    }
    match reference.chars().next() {
        None => here(path.to_owned()),
        Some('/') => here(reference.to_owned()),
        Some('?') => here(format!("{own}{reference}")),
        Some(_) => here(format!("{}/{reference}", own.rsplit_once('/').map_or("", |(folder, _)| folder))),
    }
}

/// A path, which begins with `/`, without its segments `.` and `..`; the query stays as it is.
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
        // RFC 3986, section 5.4, as far as it is HTTP.
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
            assert_eq!(resolve(reference, "a", "/b/c/d;p?q"), Some(("a".into(), path.into())), "{reference}");
        }
        for (reference, place) in [
            ("http://G:80", ("g", "/")),
            ("//g/x/../y", ("g", "/y")),
            ("HTTP://g:81?z", ("g:81", "/?z")),
            ("http://[::1]:9/", ("[::1]:9", "/")),
        ] {
            assert_eq!(resolve(reference, "a", "/b"), Some((place.0.into(), place.1.into())), "{reference}");
        }
        for nowhere in ["https://g/", "mailto:x", "http://", "http://u@g/", "g:h"] {
            assert_eq!(resolve(nowhere, "a", "/b"), None, "{nowhere}");
        }
    }
}
