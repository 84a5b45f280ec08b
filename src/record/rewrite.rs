//! What the proxy changes, so that a browser stays on it and the target takes it for itself.

use http::header::{
    ACCEPT_ENCODING, CONNECTION, EXPECT, HOST, IF_MODIFIED_SINCE, IF_NONE_MATCH, LOCATION, ORIGIN,
    PROXY_AUTHORIZATION, REFERER, SET_COOKIE, STRICT_TRANSPORT_SECURITY, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Headers of a connection and not of a message (RFC 9110, section 7.6.1).
const OF_CONNECTION: [HeaderName; 8] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Changes the headers of a request into those that the target gets. `own` is the origin of the
/// proxy, as the client knows it, and `target` that of the target.
///
/// Bodies have to be read here, so none of them may be compressed, and none may be missing because
/// the client has it already.
pub(super) fn request(headers: &mut HeaderMap, own: &str, target: &str, is_upgrade: bool) {
    without_connection(headers, is_upgrade);
    for name in [ACCEPT_ENCODING, EXPECT, IF_MODIFIED_SINCE, IF_NONE_MATCH] {
        headers.remove(name);
    }
    let authority = target
        .split_once("://")
        .map_or(target, |(_, authority)| authority);
    if let Ok(host) = HeaderValue::from_str(authority) {
        headers.insert(HOST, host);
    }
    for name in [ORIGIN, REFERER] {
        replace(headers, &name, |value| moved(value, own, target));
    }
}

/// Changes the headers of a response into those that the client gets.
pub(super) fn response(headers: &mut HeaderMap, own: &str, target: &str, is_upgrade: bool) {
    without_connection(headers, is_upgrade);
    // They would make the browser leave the proxy for TLS, or for another version of HTTP.
    headers.remove(STRICT_TRANSPORT_SECURITY);
    headers.remove("alt-svc");
    replace(headers, &LOCATION, |value| moved(value, target, own));
    let cookies: Vec<HeaderValue> = headers
        .get_all(SET_COOKIE)
        .iter()
        .map(|line| {
            let changed = line.to_str().ok().map(cookie);
            let changed = changed.and_then(|line| HeaderValue::from_str(&line).ok());
            changed.unwrap_or_else(|| line.clone())
        })
        .collect();
    headers.remove(SET_COOKIE);
    for line in cookies {
        headers.append(SET_COOKIE, line);
    }
}

fn without_connection(headers: &mut HeaderMap, is_upgrade: bool) {
    // Those that the message itself names belong to the connection, too.
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&OF_CONNECTION) {
        let is_kept = is_upgrade && (*name == CONNECTION || *name == UPGRADE);
        if !is_kept {
            headers.remove(name);
        }
    }
    if is_upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    }
}

fn replace(headers: &mut HeaderMap, name: &HeaderName, change: impl Fn(&str) -> Option<String>) {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    let changed = value.and_then(change);
    if let Some(changed) = changed.and_then(|value| HeaderValue::from_str(&value).ok()) {
        headers.insert(name, changed);
    }
}

/// Returns a URL that is at one origin as one at another; `None` if it is elsewhere.
fn moved(url: &str, from: &str, to: &str) -> Option<String> {
    let (scheme, authority) = from.split_once("://")?;
    let rest = match url.strip_prefix("//") {
        Some(rest) => rest,
        None => {
            let (of_url, rest) = url.split_once("://")?;
            // A server behind a proxy of its own may not know that it is reached over TLS.
            let fits = of_url.eq_ignore_ascii_case(scheme)
                || (of_url.eq_ignore_ascii_case("http") && scheme == "https");
            fits.then_some(rest)?
        }
    };
    let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let plain = |host: &str| {
        let host = host.to_ascii_lowercase();
        let usual = host.strip_suffix(":80").or(host.strip_suffix(":443"));
        usual.map_or(host.clone(), str::to_owned)
    };
    (plain(host) == plain(authority)).then(|| format!("{to}{path}"))
}

/// Returns a `set-cookie` line for a client that reaches the proxy without TLS, and by another name.
fn cookie(line: &str) -> String {
    let is_kept = |part: &&str| {
        let part = part.trim().to_ascii_lowercase();
        let is_domain = part.starts_with("domain=") || part == "domain";
        // Browsers accept this one only over TLS.
        let is_secure = part == "secure" || part.replace(' ', "") == "samesite=none";
        !is_domain && !is_secure && part != "partitioned"
    };
    let mut parts = line.split(';');
    let pair = parts.next().unwrap_or_default();
    let rest = parts.filter(is_kept);
    std::iter::once(pair)
        .chain(rest)
        .collect::<Vec<_>>()
        .join(";")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "http://127.0.0.1:8090";

    #[test]
    fn urls_of_the_target_lead_to_the_proxy() {
        for (target, url, moved_to) in [
            (
                "https://shop.test",
                "https://shop.test/a?b#c",
                Some("http://127.0.0.1:8090/a?b#c"),
            ),
            (
                "https://shop.test",
                "https://SHOP.test:443/a",
                Some("http://127.0.0.1:8090/a"),
            ),
            (
                "https://shop.test",
                "http://shop.test",
                Some("http://127.0.0.1:8090"),
            ),
            (
                "https://shop.test",
                "//shop.test/a",
                Some("http://127.0.0.1:8090/a"),
            ),
            (
                "http://shop.test:81",
                "http://shop.test:81/",
                Some("http://127.0.0.1:8090/"),
            ),
            ("http://shop.test:81", "http://shop.test/", None),
            ("http://shop.test", "https://shop.test/", None),
            ("https://shop.test", "https://shop.test.evil.test/", None),
            ("https://shop.test", "/a", None),
        ] {
            assert_eq!(
                moved(url, target, OWN).as_deref(),
                moved_to,
                "{target} {url}"
            );
        }
    }

    #[test]
    fn cookies_are_kept_without_tls_and_under_another_name() {
        assert_eq!(
            cookie(
                "SID=a b; Path=/; Domain=shop.test; Secure; HttpOnly; SameSite=None; Partitioned"
            ),
            "SID=a b; Path=/; HttpOnly"
        );
        assert_eq!(cookie("secure=1; SameSite=Lax"), "secure=1; SameSite=Lax");
    }

    #[test]
    fn headers_of_the_connection_stay_on_it() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("host", "127.0.0.1:8090"),
            ("connection", "keep-alive, x-own"),
            ("x-own", "1"),
            ("x-kept", "1"),
            ("origin", OWN),
            ("referer", "http://127.0.0.1:8090/page?x"),
            ("accept-encoding", "gzip"),
            ("if-none-match", "\"a\""),
        ] {
            headers.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        request(&mut headers, OWN, "https://shop.test", false);
        let mut left: Vec<String> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().expect("text")))
            .collect();
        left.sort();
        assert_eq!(
            left,
            [
                "host: shop.test",
                "origin: https://shop.test",
                "referer: https://shop.test/page?x",
                "x-kept: 1"
            ]
        );
    }
}
