//! `http.proxy` of a target: a URL, or `env` for what the environment says.

use std::net::IpAddr;

use super::credentials;
use super::decode;
use super::diagnostic::{Diagnostics, Span, quoted};
use super::tree::Node;
use super::url::{self, UrlError};
use crate::plan::{Address, Login, Proxy, Scheme};

/// The value of `proxy` that reads the environment.
const ENV: &str = "env";
/// An example of a proxy's URL.
const EXAMPLE: &str = "http://127.0.0.1:3128";
/// The variable with the hosts that are reached without a proxy.
const NO_PROXY: &str = "no_proxy";

/// Looks up an environment variable.
pub(super) type Env<'e> = &'e dyn Fn(&str) -> Option<String>;

/// `proxy` as typed, and its location.
#[derive(Clone, Debug)]
pub(super) struct TypedProxy {
    place: Span,
    /// The proxy; without one, the environment names it.
    url: Option<Proxy>,
}

/// Decodes `proxy`.
pub(super) fn decode(node: &Node, problems: &mut Diagnostics) -> Option<TypedProxy> {
    let text = decode::text(node, "proxy", problems)?.trim();
    let place = node.span;
    if text == ENV {
        return Some(TypedProxy { place, url: None });
    }
    credentials::of_authority(text, problems);
    match parse(text) {
        Ok(proxy) => Some(TypedProxy {
            place,
            url: Some(proxy),
        }),
        Err(wrong) => {
            problems.error(place, wrong.message).help(wrong.remedy);
            None
        }
    }
}

impl TypedProxy {
    /// Returns the proxy of a target at this address, if it has one; `resolves` is whether the target
    /// names addresses to connect to.
    pub(super) fn resolve(
        &self,
        address: &Address,
        resolves: bool,
        env: Env<'_>,
        problems: &mut Diagnostics,
    ) -> Option<Proxy> {
        let Some(proxy) = &self.url else {
            return self.of_environment(address, env, problems);
        };
        let why = match address {
            Address::Url { scheme, .. } if speaks_http(*scheme) && resolves => {
                problems
                    .error(
                        self.place,
                        "`resolve` has no effect with a `proxy`, which looks up the host of the target itself",
                    )
                    .help("remove one of the two");
                return None;
            }
            Address::Url { scheme, .. } if speaks_http(*scheme) => return Some(proxy.clone()),
            Address::Url { .. } => "its steps do not speak HTTP",
            Address::Builtin | Address::Unix { .. } => "it is on this machine",
        };
        problems
            .error(
                self.place,
                format!("`proxy` does not apply to a target at `{address}`: {why}"),
            )
            .help("remove it, or write an `http://` or `https://` URL");
        None
    }

    /// Returns the proxy that the environment names for a target, if it does.
    fn of_environment(
        &self,
        address: &Address,
        env: Env<'_>,
        problems: &mut Diagnostics,
    ) -> Option<Proxy> {
        let Address::Url {
            scheme, host, port, ..
        } = address
        else {
            return None;
        };
        if !speaks_http(*scheme) {
            return None;
        }
        let name = if scheme.is_secure() {
            "https_proxy"
        } else {
            "http_proxy"
        };
        let (name, text) = variable(name, env)?;
        let excluded = variable(NO_PROXY, env);
        if excluded.is_some_and(|(_, list)| is_excluded(&list, host, *port)) {
            return None;
        }
        // Everywhere else, too, the scheme may be missing.
        let url = if text.contains("://") {
            text
        } else {
            format!("{}://{text}", Scheme::Http.name())
        };
        credentials::of_urls(&url, problems);
        parse(&url)
            .inspect_err(|wrong| {
                problems
                    .error(
                        self.place,
                        format!("the environment variable `{name}`: {}", wrong.message),
                    )
                    .help(wrong.remedy.clone());
            })
            .ok()
    }
}

/// Returns whether requests or what goes over HTTP are sent to URLs with this scheme.
fn speaks_http(scheme: Scheme) -> bool {
    matches!(scheme.of_requests(), Scheme::Http | Scheme::Https)
}

/// Returns the name and the value of a variable, in lower case or else in upper case; an empty one
/// does not count.
fn variable(name: &str, env: Env<'_>) -> Option<(String, String)> {
    let names = [name.to_owned(), name.to_ascii_uppercase()];
    names.into_iter().find_map(|name| {
        let value = env(&name)?.trim().to_owned();
        (!value.is_empty()).then_some((name, value))
    })
}

/// Returns whether a list of hosts, such as `localhost, .example.com, 10.0.0.1:8080` or `*`, has this
/// one: itself, or a domain that it is in.
fn is_excluded(list: &str, host: &str, port: u16) -> bool {
    let items = list.split([',', ' ']).filter(|item| !item.is_empty());
    items.map(str::to_ascii_lowercase).any(|item| {
        let (name, of_port) = match item.rsplit_once(':') {
            // All other colons are those of an IPv6 address.
            Some((name, digits)) if !name.contains(':') || name.ends_with(']') => {
                (name, digits.parse::<u16>().ok())
            }
            _ => (item.as_str(), None),
        };
        let name = name.trim_start_matches('[').trim_end_matches(']');
        let domain = name.trim_start_matches("*.").trim_start_matches('.');
        let is_in = || {
            let before = host.strip_suffix(domain);
            host.parse::<IpAddr>().is_err() && before.is_some_and(|before| before.ends_with('.'))
        };
        let is_it = name == "*" || (!domain.is_empty() && (domain == host || is_in()));
        is_it && of_port.is_none_or(|only| only == port)
    })
}

/// Parses the URL of a proxy.
fn parse(text: &str) -> Result<Proxy, UrlError> {
    let wrong = |message: String, remedy: &str| {
        Err(UrlError {
            message,
            remedy: remedy.into(),
        })
    };
    let Some((scheme, rest)) = text.split_once("://") else {
        return wrong(
            format!(
                "the URL of a proxy begins with `http://`, but this is {}",
                quoted(text)
            ),
            &format!("write `proxy: {EXAMPLE}`, or `proxy: {ENV}` for that of the environment"),
        );
    };
    match scheme.to_ascii_lowercase().as_str() {
        "http" => {}
        "https" => {
            return wrong(
                "loadgen does not speak TLS with a proxy itself".into(),
                "write `http://…`; what goes to an `https://` target is encrypted all the way",
            );
        }
        other => {
            return wrong(
                format!(
                    "a proxy is spoken to in HTTP, and {} is not that",
                    quoted(other)
                ),
                "write the URL of an HTTP proxy, with `http://`",
            );
        }
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (login, rest) = match rest[..end].rfind('@') {
        Some(at) => (Some(&rest[..at]), &rest[at + 1..]),
        None => (None, rest),
    };
    let Ok(login) = login.map(|text| Login::of_url(text).ok_or(())).transpose() else {
        return wrong(
            "an escape (`%…`) in the user or the password of the URL is not UTF-8".into(),
            "write `%25` for the character `%`",
        );
    };
    let url = url::parse(&format!("{}://{rest}", Scheme::Http.name()))?;
    if !matches!(url.rest.as_str(), "" | "/") {
        return wrong(
            "the URL of a proxy can't have a path".into(),
            &format!("write only its host and its port: `{EXAMPLE}`"),
        );
    }
    Ok(Proxy {
        host: url.host,
        port: url.port,
        login,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str) -> Address {
        url::address(url).expect("a URL")
    }

    fn of(environment: &[(&str, &str)], url: &str) -> Option<String> {
        let typed = TypedProxy {
            place: Span::default(),
            url: None,
        };
        let env = |name: &str| {
            let found = environment.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let mut problems = Diagnostics::default();
        let proxy = typed.resolve(&at(url), false, &env, &mut problems);
        assert!(problems.is_empty(), "{problems:?}");
        proxy.map(|proxy| proxy.to_string())
    }

    #[test]
    fn the_environment_names_a_proxy_by_the_scheme_of_the_target() {
        let both = [
            ("http_proxy", "http://a:81/"),
            ("HTTPS_PROXY", "b:82"),
            ("NO_PROXY", " "),
        ];
        assert_eq!(of(&both, "http://x").as_deref(), Some("http://a:81"));
        assert_eq!(of(&both, "ws://x").as_deref(), Some("http://a:81"));
        assert_eq!(of(&both, "https://x").as_deref(), Some("http://b:82"));
        assert_eq!(of(&both, "grpcs://x").as_deref(), Some("http://b:82"));
        for direct in ["tcp://x:1", "builtin", "unix:/x", "redis://x"] {
            assert_eq!(of(&both, direct), None, "{direct}");
        }
        assert_eq!(of(&[("all_proxy", "http://a:81")], "http://x"), None);
        let lower_first = [("HTTP_PROXY", "http://b"), ("http_proxy", "http://a:81")];
        assert_eq!(of(&lower_first, "http://x").as_deref(), Some("http://a:81"));
    }

    #[test]
    fn hosts_are_excluded_by_name_domain_address_and_port() {
        for (list, host, port) in [
            ("*", "a.test", 80),
            ("b.test, a.test", "a.test", 80),
            ("test", "a.test", 80),
            (".test", "a.test", 80),
            ("*.test", "a.test", 80),
            ("A.TEST:80", "a.test", 80),
            ("10.0.0.1", "10.0.0.1", 80),
            ("::1", "::1", 80),
            ("[::1]:80", "::1", 80),
        ] {
            assert!(is_excluded(list, host, port), "{list}: {host}:{port}");
        }
        for (list, host, port) in [
            ("", "a.test", 80),
            ("est", "a.test", 80),
            ("a.test:81", "a.test", 80),
            ("b.a.test", "a.test", 80),
            ("0.0.1", "10.0.0.1", 80),
            ("[::1]:81", "::1", 80),
            (".", "a.test", 80),
        ] {
            assert!(!is_excluded(list, host, port), "{list}: {host}:{port}");
        }
    }

    #[test]
    fn a_url_gives_host_port_and_login() {
        let proxy = parse("HTTP://me%40home:p%3Aw@Proxy.Test:3128/").expect("a URL");
        assert_eq!(
            proxy,
            Proxy {
                host: "proxy.test".into(),
                port: 3128,
                login: Login::of_url("me%40home:p%3Aw"),
            }
        );
        let login = proxy.login.expect("it has one");
        assert_eq!((&*login.user, &*login.password), ("me@home", "p:w"));
        assert_eq!(
            parse("http://[::1]").map(|p| (p.host, p.port)),
            Ok(("::1".into(), 80))
        );
        for wrong in [
            "proxy:3128",
            "https://a:1",
            "socks5://a:1",
            "http://",
            "http://a:0",
            "http://a/b",
            "http://a?b",
            "http://%ff:x@a",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
