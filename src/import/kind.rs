//! [`Kind`]: what a source is.

/// What a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Commands of curl.
    Curl,
}

/// Recognizes the kind of a source by its content.
pub(crate) fn recognize(text: &str) -> Option<Kind> {
    let is_curl = text.lines().any(|line| {
        let line = line.trim_start().trim_start_matches(['$', '%', '>']);
        let mut words = line.split_whitespace();
        words.next() == Some("curl") || line.contains(" curl ")
    });
    is_curl.then_some(Kind::Curl)
}
