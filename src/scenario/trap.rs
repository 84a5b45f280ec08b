//! YAML's traps: texts that people mean as text and YAML reads as something else.
//!
//! Knows the lines around an error and what quoting would have helped; nothing of scenarios.

use granit_parser::{ErrorKind, ScanError};

use super::diagnostic::{Diagnostics, Span, quoted};

/// Reports what the parser stumbled over, with "quote it" where that is the cure.
pub fn explain(text: &str, error: &ScanError, problems: &mut Diagnostics) {
    let at = error.marker().byte_offset().unwrap_or(text.len()).min(text.len());
    // What is wrong often shows one line later only: a bracket that never closes, a text that goes on.
    let lines = [line_of(text, at), line_of(text, line_of(text, at).0.saturating_sub(1))];
    if let Some((span, why)) = lines.into_iter().find_map(|(start, line)| unquoted(start, line)) {
        let value = &text[span.start..span.end];
        problems.error(span, format!("{} {why}", quoted(value))).help(format!("quote it: `{}`", in_quotes(value)));
        return;
    }
    let (message, remedy) = match error.kind() {
        ErrorKind::TabNotAllowed | ErrorKind::TabInBlockIndentation | ErrorKind::TabInIndentation | ErrorKind::TabInPlainScalar => {
            ("a tab in the indentation".to_owned(), "YAML is indented with spaces: replace the tab")
        }
        ErrorKind::ExpectedBlockMappingKey => (
            "this line does not fit in: a key was expected, under the keys above".to_owned(),
            "indent it as its neighbours are, and put `:` behind the key",
        ),
        ErrorKind::InvalidQuotedScalarIndent => (
            "a quoted text goes on to this line, which is not indented".to_owned(),
            "close the quotes on the line before, or indent this line",
        ),
        ErrorKind::UnclosedQuotedScalar => ("a quoted text that never ends".to_owned(), "close the quotes"),
        ErrorKind::RecursionLimitExceeded => {
            (format!("more than {} levels of maps and lists", super::yaml::DEPTH), "no scenario needs that depth: flatten it")
        }
        ErrorKind::UnclosedFlowCollection { open } => (format!("`{open}` is never closed"), "close it, or quote the text if it is one"),
        ErrorKind::UnexpectedEofFlowMapping | ErrorKind::UnexpectedEofImplicitFlowMapping => {
            ("`{` is never closed".to_owned(), "close it with `}`, or quote the text if it is one")
        }
        ErrorKind::UnexpectedEofFlowSequence => ("`[` is never closed".to_owned(), "close it with `]`, or quote the text if it is one"),
        ErrorKind::UnknownQuotedScalarEscape => {
            ("an unknown escape in a text in double quotes".to_owned(), "double the backslash, or use single quotes")
        }
        _ => (format!("this is not YAML: {}", error.info()), "check the indentation, the colons and the quotes around this place"),
    };
    problems.error(Span::new(at, at + 1), message).help(remedy);
}

/// `*name` where nothing is called so; most often a text that begins with a star.
pub fn unknown_alias(name: &str, span: Span, problems: &mut Diagnostics) {
    let typed = format!("*{name}");
    if name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-') {
        problems
            .error(span, format!("nothing is called `&{name}` before this alias"))
            .help(format!("define it first, as in `key: &{name} value`; or quote it if it is text: `{}`", in_quotes(&typed)));
    } else {
        problems
            .error(span, format!("{} is read as a YAML alias, because it begins with `*`", quoted(&typed)))
            .help(format!("quote it: `{}`", in_quotes(&typed)));
    }
}

/// A map or list in the place of a key; most often `{{name}}` without quotes.
pub fn complex_key(text: &str, map: Span, key: Span, problems: &mut Diagnostics) {
    let (start, line) = line_of(text, map.start);
    let rest = &line[(map.start - start).min(line.len())..];
    if rest.starts_with("{{")
        && let Some(end) = rest.find("}}")
    {
        let value = &rest[..end + 2];
        problems
            .error(Span::new(map.start, map.start + value.len()), format!("{} without quotes is read as a map of a map", quoted(value)))
            .help(format!("quote it: `{}`", in_quotes(value)));
    } else {
        problems.error(key, "a map or a list can't be a key").help("keys are texts; quote it if it is one");
    }
}

/// The value on a line that needs quotes, and why. A line that nobody wrote by hand is not searched: that
/// would take time with the square of its length.
fn unquoted(start: usize, line: &str) -> Option<(Span, &'static str)> {
    if line.len() > 1000 {
        return None;
    }
    let span = |value: &str| {
        // The value is a part of the line: its place is the distance between their beginnings.
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
    if item.starts_with(['{', '[']) {
        return values[1..]
            .iter()
            .map(|v| flow_end(v, item))
            .find(|v| !v.starts_with(['"', '\'', '[', '{']) && v.contains(['[', ']', '{', '}']))
            .map(|v| (span(v), "holds a bracket, which ends a text inside `{…}` and `[…]`"));
    }
    let value = values.get(1).filter(|v| !v.starts_with(['"', '\'', '[', '{', '|', '>', '&', '*', '!']))?;
    value.contains(": ").then(|| (span(value), "holds `: `, which YAML reads as a key and a value"))
}

/// Whether the first character makes something else of a text.
fn begins_badly(value: &str, in_flow: bool) -> Option<&'static str> {
    Some(match value.chars().next()? {
        '%' => "begins with `%`, which YAML keeps for directives",
        '@' => "begins with `@`, which YAML reserves",
        '`' => "begins with a backquote, which YAML reserves",
        '{' if value.starts_with("{{") => "begins with `{`, which YAML reads as a map",
        '{' if !in_flow && !value.ends_with('}') && value.contains('}') => "begins with `{`, which YAML reads as a map",
        '[' if !in_flow && !value.ends_with(']') && value.contains(']') => "begins with `[`, which YAML reads as a list",
        _ => return None,
    })
}

/// A value inside `{…}` without the comma or the bracket that ends it.
fn flow_end<'a>(value: &'a str, item: &str) -> &'a str {
    let Some(open) = item.chars().next().filter(|c| matches!(c, '{' | '[')) else { return value };
    let value = value.find(", ").map_or(value, |n| &value[..n]);
    let close = if open == '{' { '}' } else { ']' };
    let (opened, closed) = (value.matches(open).count(), value.matches(close).count());
    let surplus = closed.saturating_sub(opened);
    (0..surplus).fold(value, |v, _| v.strip_suffix(close).unwrap_or(v).trim_end())
}

fn in_quotes(value: &str) -> String {
    if value.contains('"') { format!("'{}'", value.replace('\'', "''")) } else { format!("\"{}\"", value.replace('\\', "\\\\")) }
}

/// The line around a byte, and where it begins.
fn line_of(text: &str, at: usize) -> (usize, &str) {
    let at = text.floor_char_boundary(at.min(text.len()));
    let start = text[..at].rfind('\n').map_or(0, |n| n + 1);
    let end = text[at..].find('\n').map_or(text.len(), |n| at + n);
    (start, text[start..end].trim_end_matches('\r'))
}
