//! GitHub Actions takes commands from the log: no other text there may be one.

use std::borrow::Cow;
use std::env;

use crate::report::annotations;

/// A text for the log that tells GitHub nothing.
pub(super) fn harmless(text: &str) -> Cow<'_, str> {
    if is_github() {
        annotations::disarmed(text)
    } else {
        Cow::Borrowed(text)
    }
}

/// JSON for the log, or for a program, that tells GitHub nothing.
pub(super) fn harmless_json(text: &str) -> Cow<'_, str> {
    if is_github() {
        annotations::disarmed_json(text)
    } else {
        Cow::Borrowed(text)
    }
}

/// Whether the program runs in a job of it.
pub(super) fn is_github() -> bool {
    env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true")
}
