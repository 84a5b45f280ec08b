//! [`Options`]: how to translate a source.

/// How to translate a source.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// The hosts of a recording whose requests are kept; without any, that of the first page.
    pub hosts: Vec<String>,
    /// Whether the static resources of pages are kept.
    pub with_assets: bool,
    /// Whether cookies that no recorded response has set are written as they were.
    pub keep_cookies: bool,
}
