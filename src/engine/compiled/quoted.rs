//! [`quoted`]: a value as messages show it.

/// The number of characters of a value that a message shows.
const MAX_SHOWN: usize = 60;

/// Formats a value for a message: truncated, and without terminal control characters.
pub(crate) fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(MAX_SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}
