//! [`Kind`]: what a source is.

use super::access_log;

/// What a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Commands of curl.
    Curl,
    /// The access log of a server.
    AccessLog,
}

/// Recognizes the kind of a source by its content.
pub(crate) fn recognize(text: &str) -> Option<Kind> {
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
