//! [`Yaml`]: what a scenario says, written as a person would write it.

use std::fmt::Write as _;

/// The longest line of a map or a list that is written on one line.
const WIDTH: usize = 110;

/// The longest name of a map that is written before a colon; YAML demands a question mark before
/// those of more than 1024 characters.
const MAX_KEY: usize = 1000;

/// A value of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Yaml {
    /// A text.
    Text(String),
    /// A number, a truth value, a duration: what YAML and the language read as it is.
    Plain(String),
    /// A list.
    List(Vec<Self>),
    /// A map.
    Map(Vec<(String, Self)>),
    /// A value with comments above it.
    Commented(Vec<String>, Box<Self>),
}

impl Yaml {
    /// Creates a text.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Creates a value that is written as it is.
    pub(super) fn plain(text: impl ToString) -> Self {
        Self::Plain(text.to_string())
    }

    /// Creates a map.
    pub(super) fn map<K: Into<String>>(members: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Map(
            members
                .into_iter()
                .map(|(key, value)| (key.into(), value))
                .collect(),
        )
    }

    /// Writes a map as a document.
    pub(super) fn document(&self) -> String {
        let mut out = String::new();
        self.block(&mut out, 0, true);
        out
    }

    /// Returns it on one line, unless it has comments or lines of its own.
    fn flow(&self) -> Option<String> {
        match self {
            Self::Text(text) if text.contains('\n') => None,
            Self::Text(text) => Some(scalar(text, true)),
            Self::Plain(text) => Some(text.clone()),
            Self::List(items) => {
                let items: Option<Vec<String>> = items.iter().map(Self::flow).collect();
                Some(format!("[{}]", items?.join(", ")))
            }
            Self::Map(members) if members.is_empty() => Some("{}".into()),
            Self::Map(members) => {
                let member = |(key, value): &(String, Self)| {
                    let key = Some(scalar(key, true)).filter(|key| key.len() <= MAX_KEY)?;
                    Some(format!("{key}: {}", value.flow()?))
                };
                let members: Option<Vec<String>> = members.iter().map(member).collect();
                Some(format!("{{ {} }}", members?.join(", ")))
            }
            Self::Commented(..) => None,
        }
    }

    /// Writes it at this depth; `is_begun` says whether its first line is already indented.
    fn block(&self, out: &mut String, depth: usize, is_begun: bool) {
        let indent = "  ".repeat(depth);
        match self {
            Self::Commented(comments, value) => {
                for (index, comment) in comments.iter().enumerate() {
                    let indent = if index == 0 && is_begun { "" } else { &indent };
                    let _ = writeln!(out, "{indent}{}", self::comment(comment));
                }
                value.block(out, depth, comments.is_empty() && is_begun);
            }
            Self::Map(members) => {
                for (index, (key, value)) in members.iter().enumerate() {
                    if !(index == 0 && is_begun) {
                        out.push_str(&indent);
                    }
                    let key = scalar(key, false);
                    if key.len() > MAX_KEY {
                        let _ = write!(out, "? {key}\n{indent}");
                    } else {
                        out.push_str(&key);
                    }
                    out.push(':');
                    value.member(out, depth);
                }
            }
            Self::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    if !(index == 0 && is_begun) {
                        out.push_str(&indent);
                    }
                    item.item(out, depth);
                }
            }
            other => {
                out.push_str(&other.line());
                out.push('\n');
            }
        }
    }

    /// Writes it behind the key of a map at this depth.
    fn member(&self, out: &mut String, depth: usize) {
        match self {
            Self::Text(text) if is_literal_block(text) => {
                let is_open = text.ends_with('\n');
                out.push_str(if is_open { " |\n" } else { " |-\n" });
                for line in text.lines() {
                    let indent = if line.is_empty() { 0 } else { depth + 1 };
                    let _ = writeln!(out, "{}{line}", "  ".repeat(indent));
                }
            }
            Self::Map(_) | Self::List(_) => match self.flow() {
                Some(line) if line.len() + 2 * depth <= WIDTH && self.is_short() => {
                    let _ = writeln!(out, " {line}");
                }
                _ => {
                    out.push('\n');
                    self.block(out, depth + 1, false);
                }
            },
            Self::Commented(..) => {
                out.push('\n');
                self.block(out, depth + 1, false);
            }
            other => {
                let _ = writeln!(out, " {}", other.line());
            }
        }
    }

    /// Writes it as an item of a list at this depth.
    fn item(&self, out: &mut String, depth: usize) {
        match self {
            Self::Commented(comments, value) => {
                for (index, comment) in comments.iter().enumerate() {
                    if index > 0 {
                        out.push_str(&"  ".repeat(depth));
                    }
                    let _ = writeln!(out, "{}", self::comment(comment));
                }
                out.push_str(&"  ".repeat(depth));
                value.item(out, depth);
            }
            Self::Map(members) if !members.is_empty() => {
                out.push_str("- ");
                self.block(out, depth + 1, true);
            }
            // Lines of their own are inside.
            Self::List(_) if self.flow().is_none() => {
                out.push_str("- ");
                self.block(out, depth + 1, true);
            }
            other => {
                let _ = writeln!(out, "- {}", other.flow().unwrap_or_else(|| other.line()));
            }
        }
    }

    /// Returns whether it is read more easily on one line.
    fn is_short(&self) -> bool {
        match self {
            Self::Map(members) => members.iter().all(|(_, value)| value.is_short()),
            Self::List(items) => items.iter().all(|item| !matches!(item, Self::Map(_))),
            Self::Commented(..) => false,
            Self::Text(_) | Self::Plain(_) => true,
        }
    }

    fn line(&self) -> String {
        match self {
            Self::Text(text) => scalar(text, false),
            other => other.flow().unwrap_or_default(),
        }
    }
}

/// Returns a value that stands for itself, or several as a list.
pub(super) fn one_or_list(values: Vec<Yaml>) -> Yaml {
    let one = <[Yaml; 1]>::try_from(values);
    one.map_or_else(Yaml::List, |[one]| one)
}

/// Returns a text as a comment, which is one line whatever the text contains.
pub(super) fn comment(text: &str) -> String {
    let mut line = String::from("# ");
    for c in text.chars() {
        if c.is_control() || is_invisible(c) {
            line.extend(c.escape_unicode());
        } else {
            line.push(c);
        }
    }
    line
}

/// Returns whether a text can be written in lines, of which none changes.
fn is_literal_block(text: &str) -> bool {
    let is_plain = |line: &str| {
        !line.ends_with([' ', '\t']) && !line.chars().any(|c| c.is_control() || is_invisible(c))
    };
    text.contains('\n')
        && !text.starts_with([' ', '\t', '\n'])
        && !text.ends_with("\n\n")
        && text.trim_end() != ""
        && text.split('\n').all(is_plain)
}

/// Returns whether people don't see a character, or YAML ends a line at it.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{85}' | '\u{a0}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// Returns a text on one line, in quotes where YAML would read something else.
fn scalar(text: &str, is_in_flow: bool) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || "_-./+*=%~!?@;()<>$^".contains(c);
    let begins = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '/');
    let is_safe = |(at, c): (usize, char)| match c {
        ' ' => at + 1 < text.len() && !text[at + 1..].starts_with('#'),
        ':' => !is_in_flow && text[at + 1..].starts_with(|c: char| is_word(c)),
        ',' => !is_in_flow,
        c => is_word(c) || (c.is_alphanumeric() && !c.is_ascii()),
    };
    let is_reserved = [
        "true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf",
    ]
    .iter()
    .any(|word| word.eq_ignore_ascii_case(text));
    if text.starts_with(begins) && !is_reserved && text.char_indices().all(is_safe) {
        return text.to_owned();
    }
    quoted(text)
}

/// Quotes a text in YAML's double quotes, on one line, without invisible characters.
pub(crate) fn quoted(value: &str) -> String {
    let mut out = String::from('"');
    for c in value.chars() {
        let _ = match c {
            '"' | '\\' => write!(out, "\\{c}"),
            '\n' => out.write_str("\\n"),
            '\r' => out.write_str("\\r"),
            '\t' => out.write_str("\\t"),
            c if c.is_control() || is_invisible(c) => write!(out, "\\u{:04x}", u32::from(c)),
            c => out.write_char(c),
        };
    }
    out + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_length_are_read_as_they_were_written() {
        let long = "a name ".repeat(400);
        let inner = Yaml::map([(long.clone(), Yaml::map([("b", Yaml::plain(1))]))]);
        let items = Yaml::List(vec![inner.clone(), Yaml::List(vec![inner.clone()])]);
        let text = Yaml::map([("one", inner), ("several", items)]).document();
        let read: serde_json::Value = serde_yaml::from_str(&text).expect("YAML");
        let wanted = serde_json::json!({ &long: { "b": 1 } });
        assert_eq!(
            read,
            serde_json::json!({ "one": &wanted, "several": [&wanted, [&wanted]] })
        );
    }
}
