//! [`Jar`]: the cookies of a virtual user.

mod cookie;

use std::cmp::Reverse;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};

use self::cookie::{Cookie, RequestUrl};
use crate::engine::compiled::base_url::Origin;
use crate::plan::Scheme;
use crate::transport::http::Message;

/// The most cookies that a jar holds; further ones are rejected.
const MAX_COOKIES: usize = 300;

/// The cookies of a virtual user, shared with its branches, which may run on other threads. Until a
/// server sets a cookie this is an empty cell, which costs neither a lock nor memory.
#[derive(Clone, Debug, Default)]
pub struct Jar(Arc<OnceLock<Mutex<Vec<Cookie>>>>);

impl Jar {
    /// Returns whether no server has set a cookie.
    pub fn is_empty(&self) -> bool {
        self.0.get().is_none()
    }

    /// Adds the cookies for `origin` to a message: longer paths first, and cookies with equal paths
    /// in the order in which they were set (RFC 6265, section 5.4). Cookies written by the scenario
    /// are kept and win over others of the same name. `now_ms` returns the time of day.
    pub fn put_into(&self, message: &mut Message, origin: &Origin, now_ms: impl FnOnce() -> u64) {
        let Some(cookies) = self.0.get().map(lock) else {
            return;
        };
        // Most cookies never expire, so the clock is read only if one does.
        let now_ms = if cookies.iter().any(|cookie| cookie.expires.is_some()) {
            now_ms()
        } else {
            0
        };
        let own = message
            .headers()
            .get(COOKIE)
            .map(|value| value.as_bytes().to_vec())
            .unwrap_or_default();
        let written: Vec<&[u8]> = own.split(|byte| *byte == b';').map(name).collect();
        let place = place(origin, message.uri().path());
        let is_sent = |cookie: &&Cookie| {
            cookie.is_for(place)
                && !cookie.is_expired(now_ms)
                && !written.contains(&cookie.name.as_slice())
        };
        // The sort is stable, so cookies with equally long paths stay in the order in which they
        // were set.
        let mut sent: Vec<&Cookie> = cookies.iter().filter(is_sent).collect();
        sent.sort_by_key(|cookie| Reverse(cookie.path.len()));
        let mut line = own.clone();
        for Cookie { name, value, .. } in &sent {
            let separator: &[u8] = if line.is_empty() { b"" } else { b"; " };
            line.extend([separator, name, b"=", value].concat());
        }
        if !sent.is_empty()
            && let Ok(value) = HeaderValue::from_bytes(&line)
        {
            message.headers_mut().insert(COOKIE, value);
        }
    }

    /// Returns whether a response sets cookies.
    #[inline]
    pub fn is_addressed(headers: &HeaderMap) -> bool {
        // Cheaper than a lookup: a response has few header names, and rarely this one.
        headers.keys().any(|name| name == SET_COOKIE)
    }

    /// Stores the cookies that a response sets. `path` is the path of the request, and `now_ms`
    /// returns the time of day.
    pub fn take(
        &self,
        headers: &HeaderMap,
        origin: &Origin,
        path: &str,
        now_ms: impl FnOnce() -> u64,
    ) {
        if !Self::is_addressed(headers) {
            return;
        }
        let now_ms = now_ms();
        let mut cookies = lock(self.0.get_or_init(Mutex::default));
        for line in headers.get_all(SET_COOKIE) {
            if let Some(cookie) = Cookie::parse(line.as_bytes(), place(origin, path), now_ms) {
                put(&mut cookies, cookie, now_ms);
            }
        }
    }
}

/// Replaces the same cookie in place, or appends a new one.
fn put(cookies: &mut Vec<Cookie>, cookie: Cookie, now_ms: u64) {
    let known = cookies.iter().position(|known| known.is_same(&cookie));
    match known {
        Some(at) if cookie.is_expired(now_ms) => drop(cookies.remove(at)),
        Some(at) => cookies[at] = cookie,
        None if cookie.is_expired(now_ms) => {}
        None => {
            if cookies.len() >= MAX_COOKIES {
                cookies.retain(|known| !known.is_expired(now_ms));
            }
            if cookies.len() < MAX_COOKIES {
                cookies.push(cookie);
            }
        }
    }
}

fn lock(cookies: &Mutex<Vec<Cookie>>) -> MutexGuard<'_, Vec<Cookie>> {
    cookies.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the name in a pair written by the scenario.
fn name(pair: &[u8]) -> &[u8] {
    pair.split(|byte| *byte == b'=')
        .next()
        .unwrap_or_default()
        .trim_ascii()
}

fn place<'a>(origin: &'a Origin, path: &'a str) -> RequestUrl<'a> {
    let authority = origin.authority.as_str();
    let host = match authority.strip_prefix('[') {
        Some(inner) => inner.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    RequestUrl {
        host,
        path,
        secure: origin.scheme == Scheme::Https,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::body::Outgoing;
    use http::Request;

    /// 2026-01-01, in milliseconds.
    const NOW: u64 = 1_767_225_600_000;

    fn origin(scheme: Scheme, authority: &str) -> Origin {
        Origin {
            scheme,
            authority: authority.into(),
        }
    }

    fn here() -> Origin {
        origin(Scheme::Http, "127.0.0.1:81")
    }

    fn sent_at(
        jar: &Jar,
        at: &Origin,
        path: &str,
        own: Option<&str>,
        now_ms: u64,
    ) -> Option<String> {
        let mut message = Request::new(Outgoing::default());
        *message.uri_mut() = path.parse().expect("a path");
        if let Some(own) = own {
            message
                .headers_mut()
                .insert(COOKIE, own.parse().expect("a value"));
        }
        jar.put_into(&mut message, at, || now_ms);
        message.headers().get(COOKIE).map(|value| {
            value
                .as_bytes()
                .iter()
                .map(|byte| char::from(*byte))
                .collect()
        })
    }

    fn sent(jar: &Jar, path: &str, own: Option<&str>) -> Option<String> {
        sent_at(jar, &here(), path, own, NOW)
    }

    fn set_at(jar: &Jar, at: &Origin, path: &str, line: impl AsRef<[u8]>) {
        let mut headers = HeaderMap::new();
        headers.insert(
            SET_COOKIE,
            HeaderValue::from_bytes(line.as_ref()).expect("a value"),
        );
        jar.take(&headers, at, path, || NOW);
    }

    fn set(jar: &Jar, line: &str) {
        set_at(jar, &here(), "/login", line);
    }

    #[test]
    fn cookies_come_back_where_they_belong() {
        let jar = Jar::default();
        jar.take(&HeaderMap::new(), &here(), "/", || NOW);
        assert!(
            jar.0.get().is_none() && sent(&jar, "/", None).is_none(),
            "nothing until a server sets one"
        );
        for cookie in [
            "b=2; Path=/",
            "a=1; Path=/x; HttpOnly",
            "c=3; Domain=example.com",
            "no pair",
            "=no name",
            "d",
        ] {
            set(&jar, cookie);
        }
        assert_eq!(sent(&jar, "/", None).as_deref(), Some("b=2"));
        assert_eq!(
            sent(&jar.clone(), "/x/y?z", None).as_deref(),
            Some("a=1; b=2")
        );
        assert_eq!(
            sent(&jar, "/x", Some("b=own")).as_deref(),
            Some("b=own; a=1")
        );
        set(&jar, "b=; Path=/; Max-Age=0");
        assert_eq!(sent(&jar, "/", None), None, "taken back");
    }

    #[test]
    fn longer_paths_come_first_and_then_older_cookies() {
        let jar = Jar::default();
        for cookie in [
            "sid=site; Path=/",
            "zz=older; Path=/",
            "sid=app; Path=/app",
            "aa=newer; Path=/",
            "deep=1; Path=/app/x/",
        ] {
            set(&jar, cookie);
        }
        assert_eq!(
            sent(&jar, "/app/x/y", None).as_deref(),
            Some("deep=1; sid=app; sid=site; zz=older; aa=newer")
        );
        set(&jar, "zz=changed; Path=/");
        assert_eq!(
            sent(&jar, "/", None).as_deref(),
            Some("sid=site; zz=changed; aa=newer"),
            "one that changes keeps its place"
        );
    }

    #[test]
    fn a_full_jar_takes_changes_and_deletions_and_no_new_ones() {
        let jar = Jar::default();
        for number in 0..1000 {
            set(&jar, &format!("n{number}=1"));
        }
        set(&jar, &format!("long={}", "x".repeat(4096)));
        let all = sent(&jar, "/", None).expect("many");
        assert!(
            all.split(';').count() == MAX_COOKIES && !all.contains("long"),
            "bounded"
        );
        set(&jar, "n7=changed");
        set(&jar, "n8=; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
        set(&jar, "new=1");
        set(&jar, "newer=1");
        let all = sent(&jar, "/", None).expect("many");
        assert!(
            all.contains("n7=changed")
                && !all.contains("n8=")
                && all.contains("; new=1")
                && !all.contains("newer"),
            "{all}"
        );
        // Expired cookies make room.
        set(&jar, "n9=1; Max-Age=1");
        let mut headers = HeaderMap::new();
        headers.insert(SET_COOKIE, HeaderValue::from_static("late=1"));
        jar.take(&headers, &here(), "/login", || NOW + 1000);
        let all = sent_at(&jar, &here(), "/", None, NOW + 1000).expect("many");
        assert!(all.contains("late=1") && !all.contains("n9="), "{all}");
    }

    #[test]
    fn octets_come_back_as_they_came() {
        let jar = Jar::default();
        for line in [
            &b"sid=abc; Path=/; FriendlyName=Jos\xc3\xa9"[..],
            b"latin=1; Comment=Jos\xe9",
            b"name=Zo\xc3\xab",
            b"end= \tv\xc3\xa0 ",
            b"q=\"a b\"",
        ] {
            set_at(&jar, &here(), "/login", line);
        }
        assert_eq!(
            sent(&jar, "/", None).as_deref(),
            Some("sid=abc; latin=1; name=Zo\u{c3}\u{ab}; end=v\u{c3}\u{a0}; q=\"a b\"")
        );
    }

    #[test]
    fn a_cookie_is_for_the_hosts_and_paths_that_the_standard_says() {
        let (site, shop) = (
            origin(Scheme::Http, "example.com"),
            origin(Scheme::Http, "shop.example.com:8080"),
        );
        let at = |jar: &Jar, at: &Origin, path: &str| {
            sent_at(jar, at, path, None, NOW).unwrap_or_default()
        };
        let jar = Jar::default();
        for line in [
            "own=1; Path=/",
            "all=1; Domain=.Example.COM; Path=/",
            "top=1; Domain=com",
            "other=1; Domain=ample.com",
            "low=1; Domain=a.shop.example.com",
        ] {
            set_at(&jar, &shop, "/", line);
        }
        assert_eq!(
            (at(&jar, &shop, "/"), at(&jar, &site, "/")),
            ("own=1; all=1".into(), "all=1".into())
        );
        assert_eq!(
            at(&jar, &origin(Scheme::Http, "ashop.example.com.evil"), "/"),
            ""
        );
        // Cookies ignore the port of a host (section 8.5).
        assert_eq!(
            at(&jar, &origin(Scheme::Https, "shop.example.com"), "/"),
            "own=1; all=1"
        );
        let jar = Jar::default();
        set_at(&jar, &here(), "/", "a=1; Domain=127.0.0.1");
        set_at(&jar, &here(), "/", "b=1; Domain=0.0.1");
        assert_eq!(at(&jar, &here(), "/"), "a=1");
        let jar = Jar::default();
        for (path, line) in [
            ("/top", "a=1"),
            ("/dir/login", "b=2"),
            ("/dir/login", "c=3; Path="),
            ("/dir/x", "d=4; Path=relative"),
            ("/x", "e=5; Path=/area/"),
        ] {
            set_at(&jar, &here(), path, line);
        }
        for (path, wanted) in [
            ("/", "a=1"),
            ("/dir", "b=2; c=3; d=4; a=1"),
            ("/dir/sub", "b=2; c=3; d=4; a=1"),
            ("/directory", "a=1"),
            ("/area", "a=1"),
            ("/area/x", "e=5; a=1"),
        ] {
            assert_eq!(at(&jar, &here(), path), wanted, "{path}");
        }
    }

    #[test]
    fn a_secure_cookie_goes_over_tls_or_to_this_machine() {
        for (authority, plain) in [
            ("example.com", false),
            ("localhost:1", true),
            ("a.localhost", true),
            ("127.0.0.9", true),
            ("[::1]:1", true),
        ] {
            let jar = Jar::default();
            set_at(&jar, &origin(Scheme::Https, authority), "/", "s=1; secure");
            assert!(
                sent_at(&jar, &origin(Scheme::Https, authority), "/", None, NOW).is_some(),
                "{authority}"
            );
            assert_eq!(
                sent_at(&jar, &origin(Scheme::Http, authority), "/", None, NOW).is_some(),
                plain,
                "{authority}"
            );
        }
    }

    #[test]
    fn a_cookie_ends_when_it_says() {
        let lasts = |attributes: &str, after_ms: u64| {
            let jar = Jar::default();
            set(&jar, &format!("a=1; {attributes}"));
            sent_at(&jar, &here(), "/", None, NOW + after_ms).is_some()
        };
        for forever in [
            "",
            "Max-Age=x",
            "Max-Age=",
            "Max-Age=1.5",
            "Expires=never",
            "Expires=",
            "Expires=Sun, 32 Jan 2020 00:00:00 GMT",
            "Expires=1 Jan 2020",
        ] {
            assert!(lasts(forever, 1 << 50), "{forever}");
        }
        for gone in [
            "Max-Age=0",
            "Max-Age=-1",
            "max-age=1; Max-Age=0",
            "Max-Age=-99999999999999999999",
        ] {
            assert!(!lasts(gone, 0), "{gone}");
        }
        for minute in [
            "Max-Age=60",
            "Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60",
            "Expires=Thu, 01 Jan 2026 00:01:00 GMT",
            "expires=Thursday, 01-Jan-26 00:01:00 GMT",
            "Expires=Thu Jan  1 00:01:00 2026",
            "Expires=1 JANUARY 2026 0:1:0 junk",
        ] {
            assert!(lasts(minute, 59_999) && !lasts(minute, 60_000), "{minute}");
        }
        assert!(lasts("Max-Age=99999999999999999999", 1 << 60));
        assert!(
            !lasts("Expires=Fri, 31-Dec-99 23:59:59 GMT", 0)
                && !lasts("Expires=Fri, 31 Dec 1601 23:59:59 GMT", 0)
        );
    }
}
