//! URLs of targets and steps, and the parts of them that are sent.
//!
//! The parser is written by hand because each mistake needs its own remedy.

use std::net::Ipv6Addr;

use percent_encoding::utf8_percent_encode;

use super::diagnostic::quoted;
use super::words;
use crate::plan::secrets::userinfo;
use crate::plan::{Address, Encode, Login, Piece, Scheme, Template};
use crate::value::function::QUERY;
use crate::value::text::PATH;

/// Capacity of `sun_path`, without its terminating zero.
const MAX_SOCKET_BYTES: usize = 107;

/// Why a text is not a URL, and how to fix it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UrlError {
    /// What is wrong.
    pub message: String,
    /// How to fix it.
    pub remedy: String,
}

/// The parts of a URL.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Url {
    /// Scheme.
    pub scheme: Scheme,
    /// Host name or IP address, in lower case and without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Everything after the authority: empty, or starts with `/` or `?`.
    pub rest: String,
}

/// Returns whether a text in place of a path is an absolute URL.
pub(crate) fn is_absolute(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty()
            && scheme
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    })
}

/// Lists the prefixes that the URL of a target or a step may have.
fn known() -> String {
    let schemes: Vec<String> = Scheme::ALL
        .map(|scheme| format!("{}://", scheme.name()))
        .into();
    let schemes = words::listed(schemes.iter().map(String::as_str));
    format!(
        "the schemes are {schemes}; a target may also be `unix:/PATH`, or `builtin`, the built-in mock server"
    )
}

/// Returns the likely URL for a text that lacks its scheme: `localhost:8080/items`, `10.0.0.1`,
/// `:8080`.
pub(crate) fn with_scheme(text: &str) -> Option<String> {
    let text = text.strip_prefix("//").unwrap_or(text);
    let (authority, _) = text.split_at(text.find(['/', '?']).unwrap_or(text.len()));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let is_v6 = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .is_some_and(|host| host.parse::<Ipv6Addr>().is_ok());
    if text.chars().any(char::is_control) || !(is_v6 || host.chars().all(good)) {
        return None;
    }
    let is_port = port.is_some_and(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    let is_named = host == "localhost" || is_v6 || host.trim_matches('.').contains('.');
    match (host, port) {
        ("", Some(_)) if is_port => Some(format!("http://localhost{text}")),
        ("", _) => None,
        (_, Some(_)) => is_port.then(|| format!("http://{text}")),
        (_, None) => is_named.then(|| format!("http://{text}")),
    }
}

/// Parses a URL.
pub(crate) fn parse(text: &str) -> Result<Url, UrlError> {
    if text.chars().any(char::is_control) {
        return wrong(
            "the URL contains a line break or another control character",
            "remove it",
        );
    }
    let (scheme, rest) = split_scheme(text)?;
    if userinfo(rest).is_some() {
        return credentials();
    }
    after_scheme(text, scheme, rest)
}

/// Parses what follows `://` in a URL without a user.
fn after_scheme(text: &str, scheme: Scheme, rest: &str) -> Result<Url, UrlError> {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    if rest.contains('#') {
        return wrong(
            "a `#fragment` is never sent to a server",
            "remove it, or write `%23` for the character itself",
        );
    }
    let (host, port) = split_authority(authority)?;
    check_host(host)?;
    if port.is_empty() && scheme == Scheme::Tcp {
        return wrong(
            format!("{} has no port, and TCP has no default port", quoted(text)),
            "write `tcp://HOST:PORT`",
        );
    }
    let port = port_number(port, scheme)?;
    if scheme == Scheme::Tcp && !matches!(rest, "" | "/") {
        return wrong("a `tcp://` URL has no path", "write `tcp://HOST:PORT`");
    }
    if scheme.is_of_database() {
        check_database(scheme, rest)?;
    }
    Ok(Url {
        scheme,
        host: host.to_ascii_lowercase(),
        port,
        rest: rest.into(),
    })
}

/// Checks what follows the host in the URL of a database.
fn check_database(scheme: Scheme, rest: &str) -> Result<(), UrlError> {
    let name = rest.strip_prefix('/').unwrap_or_default();
    let (scheme, is_sql) = (scheme.name(), scheme == Scheme::Postgres);
    let is_number = name.len() <= 9 && name.bytes().all(|b| b.is_ascii_digit());
    let is_name = !name.is_empty() && !name.contains(['/', '?']);
    if rest.starts_with('/') && if is_sql { is_name } else { is_number } {
        return Ok(());
    }
    match (rest.is_empty(), is_sql) {
        (true, false) => Ok(()),
        (_, true) if rest.contains('?') => wrong(
            format!("a `{scheme}://` URL can't have a query here"),
            "remove it; TLS is `tls: { … }` of the target, and `timeout` and `sql` have the rest",
        ),
        (_, true) => wrong(
            format!("a `{scheme}://` URL ends with the name of a database"),
            "write `/NAME` after the host",
        ),
        (_, false) => wrong(
            format!("what follows the host of a `{scheme}://` URL is the number of a database"),
            format!("write `{scheme}://HOST:PORT`, or `{scheme}://HOST:PORT/1`"),
        ),
    }
}

fn wrong<T>(message: impl Into<String>, remedy: impl Into<String>) -> Result<T, UrlError> {
    Err(UrlError {
        message: message.into(),
        remedy: remedy.into(),
    })
}

fn credentials<T>() -> Result<T, UrlError> {
    wrong(
        "the URL contains a user or a password",
        "leave it out, and write `auth: { basic: { user: …, password: … } }` beside it; with `loadgen run URL`, \
         `-H 'authorization: Basic …'`",
    )
}

/// Splits a URL into its scheme and everything after `://`.
fn split_scheme(text: &str) -> Result<(Scheme, &str), UrlError> {
    let (scheme, rest) = match text.split_once("://") {
        Some(parts) => parts,
        // The text before `://` may contain credentials, which must not be shown either.
        None if userinfo(text).is_some() => return credentials(),
        None if text.starts_with("unix:") => ("unix", ""),
        None => {
            let message = format!("{} is not a URL", quoted(text));
            return match with_scheme(text) {
                Some(whole) => wrong(
                    format!("{message}: it lacks a scheme"),
                    format!("write `{whole}`"),
                ),
                None => wrong(message, known()),
            };
        }
    };
    match Scheme::from_name(scheme) {
        Some(scheme) => Ok((scheme, rest)),
        None if scheme.eq_ignore_ascii_case("unix") => wrong(
            "a Unix socket is the URL of a target, not of a request",
            "declare a target: `url: unix:/run/shop.sock`",
        ),
        None => {
            let near = words::nearest(scheme, Scheme::ALL.map(Scheme::name))
                .map(|near| format!("did you mean `{near}://`? "));
            wrong(
                format!("unknown scheme {}", quoted(scheme)),
                near.unwrap_or_default() + &known(),
            )
        }
    }
}

/// Splits an authority into the host, without brackets, and the rest: empty, or `:` and the port.
fn split_authority(authority: &str) -> Result<(&str, &str), UrlError> {
    let Some(inner) = authority.strip_prefix('[') else {
        return Ok(authority.split_at(authority.find(':').unwrap_or(authority.len())));
    };
    match inner.split_once(']') {
        Some((host, port)) if host.parse::<Ipv6Addr>().is_ok() => Ok((host, port)),
        Some((host, _))
            if host
                .split_once('%')
                .is_some_and(|(address, _)| address.parse::<Ipv6Addr>().is_ok()) =>
        {
            wrong(
                format!("the URL contains an IPv6 zone: {}", quoted(host)),
                "a zone names an interface of this machine, and no server knows it: leave it out, and add \
                 `resolve: \"[ADDRESS%INDEX]:PORT\"` to the target, with the interface's number (`ip link`)",
            )
        }
        _ => wrong(
            format!("{} is not an IPv6 address in brackets", quoted(authority)),
            "write `http://[::1]:8080`",
        ),
    }
}

fn check_host(host: &str) -> Result<(), UrlError> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if host.is_empty() {
        return wrong("the URL has no host", "write `http://HOST:PORT`");
    }
    if host.len() > 253 || !host.chars().all(good) {
        return wrong(
            format!("{} is not a valid host name", quoted(host)),
            "use letters, digits, `-` and `.` (other letters in their `xn--` form)",
        );
    }
    Ok(())
}

/// Returns the port of `:8080`, or the scheme's default without one.
fn port_number(typed: &str, scheme: Scheme) -> Result<u16, UrlError> {
    if typed.is_empty() {
        return Ok(scheme.port());
    }
    let digits = typed
        .strip_prefix(':')
        .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
    match digits.and_then(|digits| digits.parse().ok()) {
        Some(port) if port > 0 => Ok(port),
        _ => wrong(
            format!("{} is not a port", quoted(typed.trim_start_matches(':'))),
            "ports are numbers from 1 to 65535",
        ),
    }
}

/// Parses the address of a target.
pub(crate) fn address(text: &str) -> Result<Address, UrlError> {
    let text = text.trim();
    if text == "builtin" {
        return Ok(Address::Builtin);
    }
    if let Some(path) = text.strip_prefix("unix:") {
        return socket(path).map(|path| Address::Unix { path });
    }
    let url = parse(text)?;
    if url.rest.contains('?') {
        return Err(UrlError {
            message: "a target's URL can't have a query".into(),
            remedy: "write it in the steps: `query: { … }`".into(),
        });
    }
    let base = path(url.rest.trim_end_matches('/'));
    Ok(Address::Url {
        scheme: url.scheme,
        host: url.host,
        port: url.port,
        base,
    })
}

/// Parses the URL of a target: its address, and who logs in at a database.
pub(crate) fn target(text: &str) -> Result<(Address, Option<Login>), UrlError> {
    let text = text.trim();
    let of_database = text
        .split_once("://")
        .filter(|(name, _)| Scheme::from_name(name).is_some_and(Scheme::is_of_database));
    let Some((scheme, rest)) = of_database else {
        return address(text).map(|address| (address, None));
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (login, rest) = match rest[..end].rfind('@') {
        Some(at) => (Some(&rest[..at]), &rest[at + 1..]),
        None if rest.contains('@') => {
            return wrong(
                "the user or the password in the URL contains `/`, `?` or `#`",
                "write `%2F`, `%3F` or `%23` for it",
            );
        }
        None => (None, rest),
    };
    let is_sql = Scheme::from_name(scheme) == Some(Scheme::Postgres);
    let login = match login {
        None | Some("") if is_sql => {
            return wrong(
                "the URL names no user, and PostgreSQL requires one",
                "write it before the host: `USER:PASSWORD@HOST`",
            );
        }
        None | Some("") => None,
        // A server may trust a user without a password.
        Some(login) if !login.contains(':') && !is_sql => {
            return wrong(
                "the URL has a user without a password",
                "write `USER:PASSWORD@HOST`, or leave the user out",
            );
        }
        Some(login) => match Login::of_url(login) {
            Some(login) => Some(login),
            None => {
                return wrong(
                    "an escape (`%…`) in the user or the password of the URL is not UTF-8",
                    "write `%25` for the character `%`",
                );
            }
        },
    };
    Ok((address(&format!("{scheme}://{rest}"))?, login))
}

/// Returns the path of a Unix socket, which the operating system limits in length.
fn socket(path: &str) -> Result<String, UrlError> {
    // `unix:///run/x` is valid as well.
    let path = path.strip_prefix("//").unwrap_or(path);
    let wrong = |message: &str, remedy: &str| {
        Err(UrlError {
            message: message.into(),
            remedy: remedy.into(),
        })
    };
    if !path.starts_with('/') || path.ends_with('/') {
        return wrong(
            "a Unix socket needs an absolute path",
            "write it from the root, as in `unix:/run/shop.sock`",
        );
    }
    if path.len() > MAX_SOCKET_BYTES {
        return wrong(
            &format!("the path of a Unix socket must have at most {MAX_SOCKET_BYTES} bytes"),
            "use a shorter path, such as a link",
        );
    }
    if path.chars().any(char::is_control) {
        return wrong(
            "the path of a Unix socket contains a control character",
            "remove it",
        );
    }
    Ok(path.into())
}

/// Percent-encodes the characters of a path and its query that are not allowed in a URL.
pub(crate) fn path(text: &str) -> String {
    utf8_percent_encode(text, PATH).to_string()
}

/// Appends a pair to the query of a path.
pub(crate) fn add_query(path: &mut Template, name: &str, value: &Template) {
    // A path that ends in `?` or `&` already has its separator.
    let last = path.pieces().last().and_then(Piece::text);
    if !last.is_some_and(|text| text.ends_with(['?', '&'])) {
        let separator = if path.texts().any(|text| text.contains('?')) {
            "&"
        } else {
            "?"
        };
        path.push_text(separator);
    }
    path.push(&pair(name, value));
}

/// Formats `name=value`, percent-encoded for a query or a form.
pub(crate) fn pair(name: &str, value: &Template) -> Template {
    let encode = |text: &str| utf8_percent_encode(text, QUERY).to_string();
    let mut pair = Template::from(format!("{}=", encode(name)));
    pair.push(&value.encoded(Encode::Query, encode));
    pair
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_urls_apart() {
        let of = |scheme, host: &str, port, rest: &str| {
            Ok(Url {
                scheme,
                host: host.into(),
                port,
                rest: rest.into(),
            })
        };
        let url = |host: &str, port, rest: &str| of(Scheme::Http, host, port, rest);
        assert_eq!(parse("HTTPS://a/x"), of(Scheme::Https, "a", 443, "/x"));
        assert_eq!(parse("https://a:80"), of(Scheme::Https, "a", 80, ""));
        assert_eq!(parse("http://Example.com"), url("example.com", 80, ""));
        assert_eq!(parse("http://a:8080/x?y=1"), url("a", 8080, "/x?y=1"));
        assert_eq!(parse("HTTP://[::1]:81/"), url("::1", 81, "/"));
        for bad in [
            "",
            "a",
            "http://",
            "http://a:0",
            "http://a:99999",
            "http://a:",
            "http://u@a",
            "ws://u:p@a",
            "u:p@a:80",
            "http://u:p/w@a",
            "http://a b",
            "http://[x]",
            "tcp://a",
            "tcp://a:80/x",
            "tcp://a:0",
            "unix:/x",
            "gopher://a",
            "http://a/\r\n",
            "http://é",
            "http://a/#x",
            "http://[::1]x",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        for zone in [
            "http://[fe80::1%25eth0]/",
            "ws://[fe80::1%eth0]:80",
            "tcp://[fe80::1%252]:7",
        ] {
            let wrong = parse(zone).expect_err(zone);
            assert!(
                wrong.message.starts_with("the URL contains an IPv6 zone")
                    && wrong.remedy.contains("resolve"),
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn targets_are_urls_sockets_or_built_in() {
        assert_eq!(
            address("http://a/base/").map(|a| a.to_string()),
            Ok("http://a/base".into())
        );
        assert_eq!(address("builtin"), Ok(Address::Builtin));
        assert_eq!(
            address("https://a:443/base/").map(|a| a.to_string()),
            Ok("https://a/base".into())
        );
        for (typed, path) in [
            ("unix:/run/x.sock", "/run/x.sock"),
            ("unix:///run/x.sock", "/run/x.sock"),
        ] {
            assert_eq!(address(typed), Ok(Address::Unix { path: path.into() }));
        }
        for bad in [
            "unix:",
            "unix:x.sock",
            "unix://x",
            "unix:/run/",
            &format!("unix:/{}", "x".repeat(107)),
        ] {
            assert!(address(bad).is_err(), "{bad}");
        }
        for whole in [
            "ws://a:81/chat",
            "wss://a/chat",
            "wss://a:80",
            "tcp://a:80",
            "tcp://[::1]:7",
            "ws://a",
            "redis://a/1",
            "rediss://a:7",
        ] {
            assert_eq!(address(whole).map(|a| a.to_string()), Ok(whole.to_owned()));
        }
    }

    #[test]
    fn a_database_has_a_login() {
        let login = |text: &str| {
            let (address, login) = target(text).expect(text);
            let login = login.map(|login| (login.user, login.password));
            (address.to_string(), login)
        };
        let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        for (typed, place, wanted) in [
            ("redis://a", "redis://a", None),
            ("rediss://a:6379/", "rediss://a", None),
            ("redis://u:p%2Fw@a/2", "redis://a/2", pair("u", "p/w")),
            ("redis://:p@[::1]:7", "redis://[::1]:7", pair("", "p")),
            ("redis://u:p@w@a", "redis://a", pair("u", "p@w")),
            ("http://a", "http://a", None),
            (
                "postgresql://u:p@a/s%20h",
                "postgres://a/s%20h",
                pair("u", "p"),
            ),
            ("postgres://u@a:5/b", "postgres://a:5/b", pair("u", "")),
        ] {
            assert_eq!(login(typed), (place.to_owned(), wanted), "{typed}");
        }
        for bad in [
            "redis://u@a",
            "redis://u:p/w@a",
            "redis://u:%ff@a",
            "redis://a/x",
            "redis://a/1/2",
            "redis://a?db=1",
            "redis://a:0",
            "http://u:p@a",
            "postgres://a/b",
            "postgres://u@a",
            "postgres://u@a/",
            "postgres://u@a/b/c",
            "postgres://u@a/b?sslmode=require",
        ] {
            assert!(target(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_lacks_a_scheme_gets_one() {
        for (typed, whole) in [
            ("localhost", "http://localhost"),
            ("localhost:8080/x?y=1", "http://localhost:8080/x?y=1"),
            ("10.0.0.1", "http://10.0.0.1"),
            (":8080", "http://localhost:8080"),
            ("[::1]:80", "http://[::1]:80"),
            ("[::1]", "http://[::1]"),
            ("shop:80", "http://shop:80"),
            ("//shop.test/x", "http://shop.test/x"),
        ] {
            assert_eq!(with_scheme(typed).as_deref(), Some(whole), "{typed}");
            assert!(
                parse(typed).expect_err(typed).remedy.contains(whole),
                "{typed}"
            );
            assert!(parse(whole).is_ok(), "{whole}");
        }
        for other in [
            "", "shop", "/items", "./a", "../a.b", "a b:80", "a:b", ":", ":x", "shop:0", "a:99999",
            "[x]:80",
        ] {
            assert_eq!(with_scheme(other), None, "{other}");
        }
    }

    #[test]
    fn every_scheme_is_in_the_list() {
        for unknown in ["thrift://a", "h2c://a", "mysql://a/b"] {
            let remedy = parse(unknown).expect_err(unknown).remedy;
            for scheme in Scheme::ALL {
                assert!(
                    remedy.contains(&format!("`{}://`", scheme.name())),
                    "{remedy}"
                );
            }
            assert!(
                remedy.contains("`unix:/PATH`") && remedy.contains("`builtin`"),
                "{remedy}"
            );
        }
        assert!(
            parse("htp://a")
                .expect_err("unknown")
                .remedy
                .starts_with("did you mean `http://`?")
        );
    }

    #[test]
    fn encodes_what_is_sent() {
        let text = path("/a b/é?x={1}&y=%20");
        assert_eq!(text, "/a%20b/%C3%A9?x=%7B1%7D&y=%20");
        let plain = |text: &str| Template::from(text.to_owned());
        let mut text = plain(&text);
        add_query(&mut text, "q&", &plain("a=b c/é"));
        assert!(
            text.as_text()
                .is_some_and(|text| text.ends_with("&q%26=a%3Db%20c%2F%C3%A9")),
            "{text:?}"
        );
        for (typed, wanted) in [
            ("/", "/?a=1&b=2"),
            ("/?", "/?a=1&b=2"),
            ("/?x&", "/?x&a=1&b=2"),
        ] {
            let mut bare = plain(typed);
            add_query(&mut bare, "a", &plain("1"));
            add_query(&mut bare, "b", &plain("2"));
            assert_eq!(bare, plain(wanted));
        }
    }
}
