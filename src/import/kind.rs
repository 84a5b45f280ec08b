//! [`Kind`]: what a source is.

use super::access_log;
use super::har;

/// What a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Commands of curl.
    Curl,
    /// The access log of a server.
    AccessLog,
    /// A HAR: the network traffic that a browser has saved.
    Har,
}

/// Recognizes the kind of a source by its content.
pub(crate) fn recognize(text: &str) -> Option<Kind> {
    if har::is_har(text) {
        return Some(Kind::Har);
    }
    if access_log::is_access_log(text) {
        return Some(Kind::AccessLog);
    }
    let is_curl = text.lines().any(|line| {
        let line = line.trim_start().trim_start_matches(['$', '%', '>']);
        let mut words = line.split_whitespace();
        words.next() == Some("curl") || line.contains(" curl ")
    });
    is_curl.then_some(Kind::Curl)
}
