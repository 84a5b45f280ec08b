//! How values and labels are written.

use crate::base::Nanos;
use crate::report::view;

/// Formats a bound in seconds, with a decimal point as the newer form demands.
pub(super) fn bound(at: Nanos) -> String {
    let text = at.as_secs_f64().to_string();
    if text.contains('.') {
        text
    } else {
        format!("{text}.0")
    }
}

/// Formats nanoseconds in seconds, exactly.
pub(super) fn seconds(nanos: u128) -> String {
    format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
}

/// Escapes a label value for use between quotes.
pub(super) fn label(text: &str) -> String {
    view::shortened(&view::plain(text), 500)
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
}
