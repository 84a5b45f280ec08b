//! [`Jar`]: the cookies of a virtual user.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use cookie_store::CookieStore;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};

use super::site::Origin;
use crate::transport::http::Message;

/// Cookies that a jar holds; one more is not taken.
const MOST: usize = 300;
/// The longest `set-cookie` that is taken, in bytes, as in browsers.
const LONGEST: usize = 4096;

/// The cookies of a virtual user, shared with its branches, which may be on other threads. Until a server sets one it
/// is no more than an empty cell: no lock is taken, and no memory.
#[derive(Clone, Debug, Default)]
pub struct Jar(Arc<OnceLock<Mutex<CookieStore>>>);

impl Jar {
    /// Puts the cookies for a place into a message. Where the scenario writes some itself they stay, and win over
    /// those of the same name.
    pub fn put_into(&self, message: &mut Message, origin: &Origin) {
        let Some(store) = self.0.get() else { return };
        let Ok(url) = format!("{origin}{}", message.uri()).parse() else { return };
        let own = message.headers().get(COOKIE).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).unwrap_or_default();
        let written: Vec<&str> = own.split(';').filter_map(|pair| pair.split('=').next()).map(str::trim).collect();
        let store = store.lock().unwrap_or_else(PoisonError::into_inner);
        let mut line = own.clone();
        // Sorted, so that the same cookies are always sent in the same order.
        let mut kept: Vec<(&str, &str)> = store.get_request_values(&url).filter(|(name, _)| !written.contains(name)).collect();
        kept.sort_unstable();
        for (name, value) in kept {
            if !line.is_empty() {
                line.push_str("; ");
            }
            line.push_str(name);
            line.push('=');
            line.push_str(value);
        }
        if line.len() > own.len()
            && let Ok(value) = HeaderValue::from_str(&line)
        {
            message.headers_mut().insert(COOKIE, value);
        }
    }

    /// Takes the cookies that an answer sets; `path` is what was asked for.
    pub fn take(&self, headers: &HeaderMap, origin: &Origin, path: &str) {
        if !headers.contains_key(SET_COOKIE) {
            return;
        }
        let Ok(url) = format!("{origin}{path}").parse() else { return };
        let mut store = self.0.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
        for cookie in headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok()).filter(|text| text.len() <= LONGEST) {
            if store.iter_any().count() < MOST {
                // One that is not for this place is refused, as in browsers.
                let _ = store.parse(cookie, &url);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Scheme;
    use crate::transport::body::Outgoing;
    use http::Request;

    fn origin() -> Origin {
        Origin { scheme: Scheme::Http, authority: "127.0.0.1:81".into() }
    }

    fn sent(jar: &Jar, path: &str, own: Option<&str>) -> Option<String> {
        let mut message = Request::new(Outgoing::default());
        *message.uri_mut() = path.parse().expect("a path");
        if let Some(own) = own {
            message.headers_mut().insert(COOKIE, own.parse().expect("a value"));
        }
        jar.put_into(&mut message, &origin());
        message.headers().get(COOKIE).map(|value| value.to_str().expect("text").to_owned())
    }

    fn set(jar: &Jar, cookie: &str) {
        let mut headers = HeaderMap::new();
        headers.insert(SET_COOKIE, cookie.parse().expect("a value"));
        jar.take(&headers, &origin(), "/login");
    }

    #[test]
    fn cookies_come_back_where_they_belong() {
        let jar = Jar::default();
        jar.take(&HeaderMap::new(), &origin(), "/");
        assert!(jar.0.get().is_none() && sent(&jar, "/", None).is_none(), "nothing until a server sets one");
        for cookie in ["b=2; Path=/", "a=1; Path=/x; HttpOnly", "c=3; Domain=example.com"] {
            set(&jar, cookie);
        }
        assert_eq!(sent(&jar, "/", None).as_deref(), Some("b=2"));
        assert_eq!(sent(&jar.clone(), "/x/y?z", None).as_deref(), Some("a=1; b=2"));
        assert_eq!(sent(&jar, "/x", Some("b=own")).as_deref(), Some("b=own; a=1"));
        set(&jar, "b=; Path=/; Max-Age=0");
        assert_eq!(sent(&jar, "/", None), None, "taken back");
        for number in 0..1000 {
            set(&jar, &format!("n{number}=1"));
        }
        set(&jar, &format!("long={}", "x".repeat(LONGEST)));
        let all = sent(&jar, "/", None).expect("many");
        assert!(all.split(';').count() <= MOST && !all.contains("long"), "bounded");
    }
}
