//! YAML tags, which scenarios do not support.

use super::diagnostic::{Diagnostics, Span, quoted};

/// Reports a YAML tag, which is usually a text that starts with `!`.
pub(super) fn refuse(text: &str, span: Span, problems: &mut Diagnostics) {
    if problems.is_full() {
        problems.error(span, "a YAML tag");
        return;
    }
    // The span is that of the node, and the tag precedes it; searching a few bytes on each side is
    // enough.
    let at = text.floor_char_boundary(span.start.min(text.len()));
    let from = text.floor_char_boundary(at.saturating_sub(80));
    let start = text[from..at].rfind('!').map_or(at, |n| from + n);
    let to = text.floor_char_boundary(text.len().min(start + 80));
    let end = text[start..to]
        .find(['\n', '\r', '#', ',', '}', ']'])
        .map_or(to, |n| start + n);
    let typed = text[start..end].trim_end();
    let negated = typed
        .strip_prefix('!')
        .filter(|rest| super::vars::is_name(rest));
    let also = negated.map_or_else(String::new, |name| {
        format!(" (and in a condition write `not {name}`)")
    });
    problems
        .error(
            Span::new(start, start + typed.len()),
            format!(
                "{} is read as a YAML tag, which scenarios don't use",
                quoted(typed)
            ),
        )
        .help(format!("quote it: `\"{}\"`{also}", typed.replace('"', "'")));
}
