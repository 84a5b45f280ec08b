//! [`Piece`]s of a text of another tool: characters, and values that are inserted between them.

use super::template::{literal, literal_before_template};

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece<V = String> {
    /// Characters that are sent as they are.
    Text(String),
    /// A value: an expression of the scenario language, unless a reader knows more of it.
    Value(V),
}

/// Adds characters to pieces, to the last one if that has some.
pub(super) fn push<V>(into: &mut Vec<Piece<V>>, text: &str) {
    match into.last_mut() {
        Some(Piece::Text(last)) => last.push_str(text),
        _ if text.is_empty() => {}
        _ => into.push(Piece::Text(text.to_owned())),
    }
}

/// Joins pieces to a template; `inserted` returns that of a value.
pub(super) fn joined<V>(pieces: &[Piece<V>], inserted: impl Fn(&V) -> String) -> String {
    let mut out = String::new();
    for (at, piece) in pieces.iter().enumerate() {
        out.push_str(&match piece {
            Piece::Text(text) if at + 1 < pieces.len() => literal_before_template(text),
            Piece::Text(text) => literal(text),
            Piece::Value(value) => inserted(value),
        });
    }
    out
}

/// Returns the template of a text.
pub(super) fn template(pieces: &[Piece]) -> String {
    joined(pieces, |expression| format!("{{{{{expression}}}}}"))
}

/// Returns an expression whose value is a text.
pub(super) fn expression(pieces: &[Piece]) -> String {
    match pieces {
        [] => "''".into(),
        [Piece::Value(expression)] => expression.clone(),
        pieces => {
            let parts: Vec<String> = pieces
                .iter()
                .map(|piece| match piece {
                    Piece::Text(text) => quoted(text),
                    Piece::Value(expression) => operand(expression),
                })
                .collect();
            parts.join(" ~ ")
        }
    }
}

/// Returns an expression as a part of a larger one.
pub(super) fn operand(expression: &str) -> String {
    let is_whole = |c: char| c.is_ascii_alphanumeric() || "_.|".contains(c);
    let is_call = expression.ends_with(')')
        && expression.matches('(').count() == 1
        && expression
            .split('(')
            .next()
            .is_some_and(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
    if expression.chars().all(is_whole) || is_call || is_quoted(expression) {
        expression.to_owned()
    } else {
        format!("({expression})")
    }
}

fn is_quoted(expression: &str) -> bool {
    let inside = expression
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''));
    inside.is_some_and(|inside| !inside.contains(['\'', '\\']))
}

/// Returns a text as an expression.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("'");
    let mut before = ' ';
    for c in text.chars() {
        match c {
            '\'' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Two braces would end the template around it, or begin one.
            '{' if before == c => out.push_str("\\u007b"),
            '}' if before == c => out.push_str("\\u007d"),
            c => out.push(c),
        }
        before = c;
    }
    out + "'"
}

/// Returns the text of pieces without values.
pub(super) fn plain(pieces: &[Piece]) -> Option<String> {
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => Some(text.as_str()),
            Piece::Value(_) => None,
        })
        .collect()
}
