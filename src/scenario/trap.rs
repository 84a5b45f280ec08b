//! YAML's traps: plain texts that YAML reads as something else.
//!
//! It knows the lines around an error and what quoting would fix, but nothing of scenarios.

use granit_parser::{ErrorKind, ScanError};

use super::diagnostic::{Diagnostics, Span, quoted};
use super::tree::{MAX_DEPTH, Node, Value};

/// Maximum length of a line that a remedy repeats.
const MAX_LINE: usize = 120;
/// Maximum number of parts into which a text is assumed to be split.
pub(super) const MAX_PARTS: usize = 20;

/// Reports the parser's error, with "quote it" if that is the remedy.
pub(super) fn explain(text: &str, error: &ScanError, problems: &mut Diagnostics) {
    let at = error
        .marker()
        .byte_offset()
        .unwrap_or(text.len())
        .min(text.len());
    // Often an error is only detected one line later: a bracket that never closes, a text that
    // continues.
    let lines = [
        line_of(text, at),
        line_of(text, line_of(text, at).0.saturating_sub(1)),
    ];
    if let Some((span, why)) = lines
        .into_iter()
        .find_map(|(start, line)| unquoted(start, line))
    {
        // It may already have been reported as a part of a map.
        if !problems.iter().any(|problem| problem.place == span.into()) {
            let value = &text[span.start..span.end];
            problems
                .error(span, format!("{} {why}", quoted(value)))
                .help(quote_it(text, span));
        }
        return;
    }
    let (message, remedy) = match error.kind() {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabInPlainScalar => (
            "a tab in the indentation".to_owned(),
            "YAML is indented with spaces: replace the tab",
        ),
        ErrorKind::ExpectedBlockMappingKey => (
            "this line is not expected here: a key was expected, under the keys above".to_owned(),
            "indent it as its neighbours are, and put `:` after the key",
        ),
        ErrorKind::InvalidQuotedScalarIndent => (
            "a quoted string continues on this line, which is not indented".to_owned(),
            "close the quotes on the line before, or indent this line",
        ),
        ErrorKind::UnclosedQuotedScalar => (
            "a quoted string is never closed".to_owned(),
            "close the quotes",
        ),
        ErrorKind::RecursionLimitExceeded => (
            format!("more than {} levels of maps and lists", MAX_DEPTH),
            "no scenario needs that depth: flatten it",
        ),
        ErrorKind::UnclosedFlowCollection { open } => (
            format!("`{open}` is never closed"),
            "close it, or quote it if it is text",
        ),
        ErrorKind::UnexpectedEofFlowMapping | ErrorKind::UnexpectedEofImplicitFlowMapping => (
            "`{` is never closed".to_owned(),
            "close it with `}`, or quote it if it is text",
        ),
        ErrorKind::UnexpectedEofFlowSequence => (
            "`[` is never closed".to_owned(),
            "close it with `]`, or quote it if it is text",
        ),
        ErrorKind::UnknownQuotedScalarEscape => (
            "an unknown escape in a string in double quotes".to_owned(),
            "double the backslash, or use single quotes",
        ),
        _ => (
            format!("this is not YAML: {}", error.info()),
            "check the indentation, the colons and the quotes near this place",
        ),
    };
    problems.error(Span::new(at, at + 1), message).help(remedy);
}

/// Reports an alias `*name` without an anchor; usually a text that starts with an asterisk.
pub(super) fn unknown_alias(text: &str, name: &str, span: Span, problems: &mut Diagnostics) {
    let typed = format!("*{name}");
    if name
        .chars()
        .all(|c| c.is_alphanumeric() || c == '_' || c == '-')
    {
        problems
            .error(
                span,
                format!("no anchor `&{name}` is defined before this alias"),
            )
            .help(format!(
                "define it first, as in `key: &{name} value`; or quote it if it is text: `{}`",
                in_quotes(&typed)
            ));
    } else {
        problems
            .error(
                span,
                format!(
                    "{} is read as a YAML alias, because it begins with `*`",
                    quoted(&typed)
                ),
            )
            .help(quote_it(text, span));
    }
}

/// Reports a map or list used as a key; usually `{{name}}` without quotes.
pub(super) fn complex_key(text: &str, map: Span, key: Span, problems: &mut Diagnostics) {
    let (start, line) = line_of(text, map.start);
    let rest = &line[(map.start - start).min(line.len())..];
    if rest.starts_with("{{")
        && let Some(end) = rest.find("}}")
    {
        // What follows the braces is part of the text: `{{id}}/reviews`.
        let value = &rest[..end
            + 2
            + rest[end + 2..]
                .find([' ', ',', '}', ']'])
                .unwrap_or(rest.len() - end - 2)];
        let span = Span::new(map.start, map.start + value.len());
        problems
            .error(
                span,
                format!("{} without quotes is read as a map of a map", quoted(value)),
            )
            .help(quote_it(text, span));
    } else {
        problems
            .error(key, "a map or a list can't be a key")
            .help("keys are strings; quote it if it is one");
    }
}

/// Returns the value on a line that needs quotes, and why. Skips very long lines, which nobody
/// writes by hand, because the search takes quadratic time.
fn unquoted(start: usize, line: &str) -> Option<(Span, &'static str)> {
    if line.len() > 1000 {
        return None;
    }
    let span = |value: &str| {
        // The value is a subslice of the line, so the difference of the pointers is its offset.
        let at = start + (value.as_ptr() as usize - line.as_ptr() as usize);
        Span::new(at, at + value.len())
    };
    let code = line.find(" #").map_or(line, |n| &line[..n]);
    let mut item = code.trim();
    while let Some(rest) = item.strip_prefix("- ") {
        item = rest.trim_start();
    }
    let mut values = vec![item];
    values.extend(item.match_indices(": ").map(|(n, _)| item[n + 2..].trim()));
    for value in &values[1..] {
        if let Some(why) = begins_badly(value, item.starts_with(['{', '['])) {
            return Some((span(flow_end(value, item)), why));
        }
    }
    if let Some(why) = begins_badly(item, false).filter(|_| !item.starts_with(['[', '{'])) {
        return Some((span(item), why));
    }
    if let Some(value) = bracket_in_flow(code) {
        return Some((
            span(value),
            "contains a bracket, which ends a string inside `{…}` and `[…]`",
        ));
    }
    if item.starts_with(['{', '[']) {
        return None;
    }
    let value = values
        .get(1)
        .filter(|v| !v.starts_with(['"', '\'', '[', '{', '|', '>', '&', '*', '!']))?;
    value.contains(": ").then(|| {
        (
            span(value),
            "contains `: `, which YAML reads as a key and a value",
        )
    })
}

/// Returns why a text is read as something else because of its first character, if it is.
fn begins_badly(value: &str, in_flow: bool) -> Option<&'static str> {
    Some(match value.chars().next()? {
        '%' => "begins with `%`, which YAML keeps for directives",
        '@' => "begins with `@`, which YAML reserves",
        '`' => "begins with a backtick, which YAML reserves",
        '{' if value.starts_with("{{") => "begins with `{`, which YAML reads as a map",
        '{' if !in_flow && !value.ends_with('}') && value.contains('}') => {
            "begins with `{`, which YAML reads as a map"
        }
        '[' if !in_flow && !value.ends_with(']') && value.contains(']') => {
            "begins with `[`, which YAML reads as a list"
        }
        _ => return None,
    })
}

/// Returns a text inside `{…}` or `[…]` that contains an opening bracket, up to the comma or
/// bracket that was meant to end it.
fn bracket_in_flow(line: &str) -> Option<&str> {
    let mut depth = 0_usize;
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' | '\'' => 1 + rest[1..].find(first).map_or(rest.len() - 1, |n| n + 1),
            '{' | '[' => {
                depth += 1;
                1
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                1
            }
            c if c.is_whitespace() || c == ',' || c == ':' || rest.starts_with("- ") => {
                c.len_utf8()
            }
            _ if depth == 0 => rest.find(": ").unwrap_or(rest.len()),
            _ => {
                let end = rest.find([',', '[', ']', '{', '}']).unwrap_or(rest.len());
                let key = rest.match_indices(':').map(|(n, _)| n);
                let key = key
                    .into_iter()
                    .find(|n| rest[n + 1..].starts_with([' ', '[', '{', ',', ']', '}']));
                if let Some(key) = key.filter(|key| *key < end) {
                    key
                } else if rest[end..].starts_with(['[', '{']) {
                    return Some(meant(rest));
                } else {
                    end
                }
            }
        };
        rest = &rest[length..];
    }
    None
}

/// Returns the start of a text, up to the first comma or closing bracket outside all of its
/// brackets.
fn meant(text: &str) -> &str {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth > 0 => depth -= 1,
            ',' | ']' | '}' if depth == 0 => return text[..at].trim_end(),
            _ => {}
        }
    }
    text.trim_end()
}

/// Returns how many of the nodes after the first belong to its text, which a comma inside `{…}` or
/// `[…]` split: one for `random_int(1, 6)`, and one for `text/html, application/json`. Zero means
/// that there is nothing to report.
pub(super) fn split(text: &str, first: &Node, behind: &[&Node]) -> usize {
    let Some(value) = plain(first) else { return 0 };
    let opened = |value: &str| {
        value
            .matches('(')
            .count()
            .saturating_sub(value.matches(')').count())
    };
    if value.is_empty() || value.contains('\n') {
        return 0;
    }
    let mut parts = 0;
    let mut end = first.span.end;
    for node in behind {
        let between = text.get(end..node.span.start).unwrap_or("\n");
        if plain(node).is_none() || between.trim() != "," || between.contains('\n') {
            break;
        }
        parts += 1;
        end = node.span.end;
        let whole = text.get(first.span.start..end).unwrap_or_default();
        if opened(value) > 0 && opened(whole) == 0 {
            return parts;
        }
    }
    if opened(value) > 0 {
        return 0;
    }
    // Words are keys without a value, unless they directly follow the comma.
    let is_word = |node: &Node| {
        plain(node).is_some_and(|text| {
            text.chars()
                .all(|c| c.is_alphanumeric() || c == '_' || c == '-')
        })
    };
    let clings = |node: &Node| {
        text.get(..node.span.start)
            .is_some_and(|before| before.ends_with(','))
    };
    behind[..parts]
        .iter()
        .take_while(|node| !is_word(node) || clings(node))
        .count()
}

fn plain(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar(scalar) if scalar.plain => Some(&scalar.text),
        _ => None,
    }
}

/// Reports a text that was split at a comma.
pub(super) fn split_at_comma(text: &str, span: Span, problems: &mut Diagnostics) {
    let value = text.get(span.start..span.end).unwrap_or_default();
    problems
        .error(
            span,
            format!(
                "{} is split at its comma, which ends a string inside `{{…}}` and `[…]`",
                quoted(value)
            ),
        )
        .help(quote_it(text, span));
}

/// Returns the advice to quote a part of the text, with the corrected line unless it is too long.
fn quote_it(text: &str, span: Span) -> String {
    let value = in_quotes(text.get(span.start..span.end).unwrap_or_default());
    let (start, line) = line_of(text, span.start);
    let whole = line
        .get(..span.start - start)
        .zip(line.get(span.end - start..));
    match whole
        .map(|(before, behind)| format!("{}{value}{}", before.trim_start(), behind.trim_end()))
    {
        Some(line) if line.chars().count() <= MAX_LINE && !line.contains('`') => {
            format!("quote it: `{line}`")
        }
        _ => format!("quote it: `{value}`"),
    }
}

/// Returns a value inside `{…}` without the comma or bracket that ends it.
fn flow_end<'a>(value: &'a str, item: &str) -> &'a str {
    let Some(open) = item.chars().next().filter(|c| matches!(c, '{' | '[')) else {
        return value;
    };
    let value = value.find(", ").map_or(value, |n| &value[..n]);
    let close = if open == '{' { '}' } else { ']' };
    let (opened, closed) = (value.matches(open).count(), value.matches(close).count());
    let surplus = closed.saturating_sub(opened);
    (0..surplus).fold(value, |v, _| v.strip_suffix(close).unwrap_or(v).trim_end())
}

fn in_quotes(value: &str) -> String {
    if value.contains('"') {
        format!("'{}'", value.replace('\'', "''"))
    } else {
        format!("\"{}\"", value.replace('\\', "\\\\"))
    }
}

/// Returns the line that contains a byte, and its start offset.
fn line_of(text: &str, at: usize) -> (usize, &str) {
    let at = text.floor_char_boundary(at.min(text.len()));
    let start = text[..at].rfind('\n').map_or(0, |n| n + 1);
    let end = text[at..].find('\n').map_or(text.len(), |n| at + n);
    (start, text[start..end].trim_end_matches('\r'))
}
