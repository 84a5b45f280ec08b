//! [`quoted`]: a value as messages show it.

/// Characters of a value that a message shows.
const SHOWN: usize = 60;

/// A value as a message shows it: bounded, and with nothing in it that a terminal would obey.
pub fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}
