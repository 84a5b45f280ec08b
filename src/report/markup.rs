//! Escapes untrusted text for Markdown: as a code span, as a code block, or as prose without
//! markup.
//!
//! GitHub and GitLab look for mentions, issues and links in what remains after the markup is
//! processed, so a backslash is not enough; in code they look for nothing.

use super::view;

/// An invisible character that ends a word.
const BREAK: char = '\u{200b}';

/// Returns a code span with at most this many characters, or an empty string if the text is empty.
pub(crate) fn code(text: &str, limit: usize) -> String {
    let text = view::shortened(&view::plain(text), limit);
    if text.is_empty() {
        return text;
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    // A backtick at either end would become part of the fence, and one space at both ends is
    // stripped.
    let pad = if text.contains('`') || text.starts_with(' ') || text.ends_with(' ') {
        " "
    } else {
        ""
    };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Does the same as [`code`] for a table cell, which a bar ends even in a code span.
pub(crate) fn cell(text: &str, limit: usize) -> String {
    // A backslash in the text just before the bar would be taken for its escape.
    code(text, limit)
        .replace("\\|", &format!("\\{BREAK}|"))
        .replace('|', "\\|")
}

/// Returns text of several lines as a code block that the text cannot end.
pub(crate) fn fenced(text: &str, language: &str) -> String {
    let fence = "`".repeat((longest_run(text) + 1).max(3));
    format!(
        "{fence}{language}\n{}\n{fence}\n",
        text.trim_end_matches('\n')
    )
}

/// Returns text on one line without markup, mentions or links.
pub(crate) fn prose(text: &str) -> String {
    let text = view::plain(text);
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        let is_markup = match c {
            // These begin a list or underline a title, but only at the start of a line.
            '-' | '+' | '=' => out.is_empty(),
            // The colon of an address or an emoji, but not of a sentence or a time of day.
            ':' => next.is_some_and(|next| !next.is_whitespace() && !next.is_ascii_digit()),
            _ => "\\`*_{}[]<>#!|~&$@".contains(c),
        };
        if is_markup {
            out.push('\\');
        }
        out.push(c);
        if matches!(c, '@' | '#') {
            out.push(BREAK);
        }
    }
    out.replace("www.", "www\\.")
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Returns as many lines as fit into `limit` bytes, and the number of the others.
pub(crate) fn bounded(lines: impl Iterator<Item = String>, limit: usize) -> (String, usize) {
    let (mut text, mut left) = (String::new(), 0);
    for line in lines {
        if left == 0 && text.len() + line.len() <= limit {
            text.push_str(&line)
        } else {
            left += 1
        }
    }
    (text, left)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixture::HOSTILE;
    use super::*;

    #[test]
    fn code_has_a_fence_of_its_own_length() {
        assert_eq!(code("p99 < 250ms", 100), "`p99 < 250ms`");
        assert_eq!(code("a``b`", 100), "``` a``b` ```");
        assert_eq!(code("@team #1\n|", 100), "`@team #1\u{fffd}|`");
        assert_eq!(code("abcdef", 3), "`ab…`");
        assert_eq!(code("", 3), "");
    }

    #[test]
    fn a_bar_does_not_end_a_cell() {
        assert_eq!(cell("a|b", 100), "`a\\|b`");
        assert_eq!(cell("a\\|b", 100), "`a\\\u{200b}\\|b`");
    }

    #[test]
    fn prose_is_no_markup() {
        assert_eq!(
            prose("p99: 12 % of async, at 08:15:00"),
            "p99: 12 % of async, at 08:15:00"
        );
        assert_eq!(
            prose("- *a* <b> https://x.y @z #1"),
            "\\- \\*a\\* \\<b\\> https\\://x.y \\@\u{200b}z \\#\u{200b}1"
        );
        assert_eq!(prose("www.x.y"), "www\\.x.y");
        assert!(!prose(HOSTILE).contains('\u{202e}'));
    }

    proptest! {
        #[test]
        fn no_text_leaves_its_place(text in "[a-z`|\\\\ \\n<>@#~]{0,40}") {
            let cell = cell(&text, 100);
            // A bar after an even number of backslashes would be a cell border.
            let is_border = |at: usize| cell[..at].chars().rev().take_while(|c| *c == '\\').count() % 2 == 0;
            prop_assert!(!cell.match_indices('|').any(|(at, _)| is_border(at)), "{}", cell);
            prop_assert!(!cell.contains('\n') && !prose(&text).contains('\n'));
            let block = fenced(&text, "yaml");
            let fence = block.lines().last().unwrap().to_owned();
            prop_assert_eq!(block.lines().filter(|line| line.trim_start().starts_with(&fence)).count(), 2, "{}", block);
        }
    }
}
