//! [`Piece`]: what a text of a collection consists of, once its templates are found.

use crate::import::pieces;
pub(super) use crate::import::pieces::push;

/// A part of a text.
pub(super) type Piece = pieces::Piece<Inserted>;

/// A value that is inserted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Inserted {
    /// Its expression.
    pub expression: String,
    /// Whether it is certainly a text.
    pub is_text: bool,
    /// What it is, if that is known and not a secret.
    pub known: Option<String>,
    /// Its number among the variables, if it is one of them.
    pub variable: Option<usize>,
}

impl Inserted {
    /// Returns whether it is a variable of the scenario.
    pub(super) const fn is_variable(&self) -> bool {
        self.variable.is_some()
    }

    /// Returns the template that inserts it.
    pub(super) fn template(&self) -> String {
        let plain = self
            .expression
            .strip_prefix('(')
            .and_then(|rest| rest.strip_suffix(')'));
        format!("{{{{{}}}}}", plain.unwrap_or(&self.expression))
    }
}

/// Returns a value that is computed when it is inserted.
pub(super) fn computed(expression: &str, is_text: bool) -> Inserted {
    Inserted {
        expression: expression.to_owned(),
        is_text,
        known: None,
        variable: None,
    }
}

/// Finds the next template in a text: from where to where it is.
pub(super) fn next(text: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    while let Some(at) = text[from..].find('{').map(|at| from + at) {
        let end = match text.as_bytes().get(at + 1) {
            Some(b'{') => "}}",
            Some(b'%') => "%}",
            _ => {
                from = at + 1;
                continue;
            }
        };
        let inside = &text[at + 2..];
        // Names are short: what is not closed soon is not a template.
        let near = inside
            .char_indices()
            .nth(1000)
            .map_or(inside, |(end, _)| &inside[..end]);
        match near.find(end) {
            Some(length) => {
                let inner = &near[..length];
                let is_name = !inner.trim().is_empty() && !inner.contains(['{', '}', '\n']);
                if is_name || end == "%}" {
                    return Some((at, at + 2 + length + 2));
                }
                from = at + 1;
            }
            None => from = at + 1,
        }
    }
    None
}

/// Returns the name of a variable in a template, without what Insomnia writes around it.
pub(super) fn source_name(inner: &str) -> String {
    let name = inner.trim();
    let name = name.strip_prefix("_.").unwrap_or(name);
    match name
        .strip_prefix("_[")
        .and_then(|rest| rest.strip_suffix(']'))
    {
        Some(quoted) => quoted.trim_matches(['\'', '"']).to_owned(),
        None => name.to_owned(),
    }
}

/// Joins pieces to a template.
pub(super) fn template(pieces: &[Piece]) -> String {
    pieces::joined(pieces, Inserted::template)
}

/// Writes a name in lower case, with `_` between its words.
pub(super) fn snake(name: &str) -> String {
    let mut out = String::new();
    let mut before = '_';
    for c in name.chars() {
        if c.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit()) {
            out.push('_');
        }
        before = c;
        out.push(if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '_'
        });
    }
    out
}
