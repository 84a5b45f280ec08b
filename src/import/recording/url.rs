//! [`Url`]: the parts of a recorded URL.

/// The parts of a URL, without a user and a fragment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Url {
    /// `http://HOST:PORT`, in lower case, without the usual port.
    pub origin: String,
    /// The path, `/` at least.
    pub path: String,
    /// What follows `?`.
    pub query: Option<String>,
}

impl Url {
    /// Returns the host, with its port unless it is the usual one.
    pub(super) fn host(&self) -> &str {
        host_of(&self.origin)
    }
}

/// Returns what follows `://` in an origin.
fn host_of(origin: &str) -> &str {
    origin.split_once("://").map_or(origin, |(_, host)| host)
}

/// Splits a URL of HTTP.
///
/// # Errors
/// If it is not one, with the reason, which does not show the URL.
pub(super) fn split(url: &str) -> Result<Url, &'static str> {
    let (scheme, rest) = url.split_once("://").ok_or("it has no scheme")?;
    let scheme = scheme.to_ascii_lowercase();
    let usual = match scheme.as_str() {
        "http" => ":80",
        "https" => ":443",
        _ => return Err("it is not a URL of HTTP"),
    };
    if rest.contains(|c: char| c.is_control() || c.is_whitespace()) {
        return Err("it contains spaces or control characters");
    }
    let rest = rest.split('#').next().unwrap_or_default();
    let (authority, after) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let host = host.to_ascii_lowercase();
    let host = host.strip_suffix(usual).unwrap_or(&host);
    if !is_host(host) {
        return Err("its host is not valid");
    }
    let (path, query) = match after.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (after, None),
    };
    Ok(Url {
        origin: format!("{scheme}://{host}"),
        path: if path.is_empty() { "/" } else { path }.to_owned(),
        query,
    })
}

/// Returns whether a text is a host, with or without a port.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) if address.parse::<std::net::Ipv6Addr>().is_ok() => ("v6", port),
            _ => return false,
        },
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let is_good = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    let is_port = |port: &str| {
        let is_digits = port.bytes().all(|byte| byte.is_ascii_digit());
        is_digits && port.parse::<u16>().is_ok_and(|port| port > 0)
    };
    let port_is_good = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
    (1..=253).contains(&host.len())
        && host.chars().all(is_good)
        && host.contains(|c: char| c.is_ascii_alphanumeric())
        && port_is_good
}

/// Returns whether a host fits a pattern: `shop.test`, `shop.test:8080`, `*.shop.test`, or `*` for all.
pub(super) fn fits(host: &str, pattern: &str) -> bool {
    let pattern = pattern.trim().to_ascii_lowercase();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    match pattern.strip_prefix("*.") {
        Some(domain) => name
            .strip_suffix(domain)
            .is_some_and(|before| before.len() > 1 && before.ends_with('.')),
        None => pattern == "*" || host == pattern || name == pattern,
    }
}

/// Returns the path and the query that a reference in a response leads to, if it stays at the origin
/// of the response.
pub(super) fn resolved(reference: &str, base: &Url) -> Option<String> {
    let reference = reference.split('#').next().unwrap_or_default();
    if let Ok(url) = split(reference) {
        let query = url.query.map(|query| format!("?{query}"));
        let same = url.origin == base.origin;
        return same.then(|| url.path + &query.unwrap_or_default());
    }
    if reference.starts_with("//") || reference.contains("://") {
        return None;
    }
    if reference.starts_with('/') {
        return Some(reference.to_owned());
    }
    let folder = &base.path[..=base.path.rfind('/').unwrap_or_default()];
    Some(format!("{folder}{reference}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let good = |url: &str| split(url).expect(url);
        let url = good("HTTP://me:pw@Shop.Test:80/a/b?c=d#e");
        assert_eq!(
            (url.origin.as_str(), url.path.as_str()),
            ("http://shop.test", "/a/b")
        );
        assert_eq!(
            (url.query.as_deref(), url.host()),
            (Some("c=d"), "shop.test")
        );
        let url = good("https://[::1]:8443?x");
        assert_eq!(
            (url.origin.as_str(), url.path.as_str()),
            ("https://[::1]:8443", "/")
        );
        for wrong in [
            "",
            "data:text/plain,x",
            "blob:http://a/b",
            "http://",
            "http:///a",
            "http://a:b/",
            "http://a:0/",
            "http://a:99999/",
            "http://a b/",
            "http://[::1/",
            "http://é/",
            "ftp://a/",
            "http://-/",
        ] {
            assert!(split(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn hosts_are_named_with_or_without_port_or_by_domain() {
        for (host, pattern, is) in [
            ("a.test:8080", "a.test", true),
            ("a.test:8080", "A.test:8080", true),
            ("a.test:8080", "a.test:80", false),
            ("b.a.test", "*.a.test", true),
            ("a.test", "*.a.test", false),
            ("ba.test", "*.a.test", false),
            ("[::1]", "[::1]", true),
            ("a.test:8080", "*", true),
        ] {
            assert_eq!(fits(host, pattern), is, "{host} {pattern}");
        }
    }

    #[test]
    fn a_location_leads_from_the_page_that_names_it() {
        let base = split("http://a.test/x/y?z").expect("a URL");
        for (reference, path) in [
            ("/b?c#d", Some("/b?c")),
            ("b", Some("/x/b")),
            ("http://a.test/b", Some("/b")),
            ("http://b.test/b", None),
            ("//b.test/b", None),
        ] {
            assert_eq!(resolved(reference, &base).as_deref(), path, "{reference}");
        }
    }
}
