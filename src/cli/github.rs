//! GitHub Actions reads commands from the log: no other text in it may be taken for one.

use std::borrow::Cow;
use std::env;

use crate::report::annotations;

/// Returns a text for the log that contains no command.
pub(super) fn harmless(text: &str) -> Cow<'_, str> {
    if is_github() {
        annotations::disarmed(text)
    } else {
        Cow::Borrowed(text)
    }
}

/// Returns JSON for the log, or for a program, that contains no command.
pub(super) fn harmless_json(text: &str) -> Cow<'_, str> {
    if is_github() {
        annotations::disarmed_json(text)
    } else {
        Cow::Borrowed(text)
    }
}

/// Returns whether the program runs in a GitHub Actions job.
pub(super) fn is_github() -> bool {
    env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true")
}
