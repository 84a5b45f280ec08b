//! The tree of a YAML document, with the place of everything in it.
//!
//! Plain data: knows neither how it is parsed nor what a scenario means.

use super::diagnostic::Span;
use crate::plan::Template;

/// How deep maps and lists may lie in each other.
pub(super) const MAX_DEPTH: usize = 64;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    /// Where it stands; inside an alias's value, where that was written.
    pub span: Span,
    /// What it is.
    pub value: Value,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// A text, number, yes or no, or nothing.
    Scalar(Scalar),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order written, merges applied, no key twice.
    Map(Vec<Entry>),
    /// Something that was reported already: whoever meets it keeps quiet.
    Broken,
}

/// A key, its place and its value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

/// A scalar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scalar {
    /// After YAML's escapes, and with variables put in.
    pub text: String,
    /// Whether it was written without quotes, so that it may be a number, a truth value or nothing.
    pub plain: bool,
    /// Before variables were put in, where there were any.
    pub typed: Option<String>,
    /// The same with values that are known only while it runs, where there are any; `text` is as
    /// typed then.
    pub template: Option<Template>,
}

/// What a plain scalar stands for, by the rules of YAML 1.2's core schema.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// Any other number.
    Float(f64),
    /// Text.
    Text,
}

impl Scalar {
    /// What it stands for.
    pub(super) fn kind(&self) -> Kind {
        if self.plain && self.template.is_none() {
            kind(&self.text)
        } else {
            Kind::Text
        }
    }

    /// As the author typed it.
    pub(super) fn as_typed(&self) -> &str {
        self.typed.as_deref().unwrap_or(&self.text)
    }
}

fn kind(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Kind::Null,
        "true" | "True" | "TRUE" => return Kind::Bool(true),
        "false" | "False" | "FALSE" => return Kind::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Kind::Float(f64::NAN),
        _ => {}
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let negative = text.starts_with('-');
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return Kind::Float(if negative {
            f64::NEG_INFINITY
        } else {
            f64::INFINITY
        });
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = unsigned.strip_prefix(prefix) {
            return match i128::from_str_radix(digits, radix) {
                Ok(n) if !digits.starts_with(['+', '-']) => {
                    Kind::Int(if negative { -n } else { n })
                }
                _ => Kind::Text,
            };
        }
    }
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Kind::Text;
    }
    let digits = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    // A leading zero makes a label of it (a post code, an order number), not a number.
    if digits > 1 && unsigned.starts_with('0') {
        return Kind::Text;
    }
    if digits == unsigned.len()
        && let Ok(n) = unsigned.parse::<i128>()
    {
        return Kind::Int(if negative { -n } else { n });
    }
    let number = unsigned.bytes().any(|b| b.is_ascii_digit())
        && unsigned
            .bytes()
            .all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    match text.parse::<f64>() {
        Ok(n) if number && n.is_finite() => Kind::Float(n),
        _ => Kind::Text,
    }
}

impl Node {
    /// In words, for "wanted this, found that".
    pub(super) fn describe(&self) -> &'static str {
        match &self.value {
            Value::Scalar(scalar) => match scalar.kind() {
                Kind::Null => "nothing",
                Kind::Bool(_) => "a truth value",
                Kind::Int(_) | Kind::Float(_) => "a number",
                Kind::Text => "text",
            },
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
            Value::Broken => "something broken",
        }
    }

    /// Whether nothing is written here.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(scalar) if scalar.kind() == Kind::Null)
    }

    /// The value of a key, where this is a map that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|e| e.key == key).map(|e| &e.value),
            _ => None,
        }
    }

    /// How many values there are in it, itself included, how many bytes of text, and how deep it
    /// goes.
    pub(super) fn measure(&self) -> Measure {
        match &self.value {
            Value::Scalar(scalar) => Measure {
                nodes: 1,
                bytes: scalar.text.len(),
                depth: 1,
            },
            Value::Broken => Measure {
                nodes: 1,
                bytes: 0,
                depth: 1,
            },
            Value::List(items) => items
                .iter()
                .fold(Measure::EMPTY, |sum, item| sum.around(item.measure(), 0)),
            Value::Map(entries) => entries.iter().fold(Measure::EMPTY, |sum, e| {
                sum.around(e.value.measure(), e.key.len())
            }),
        }
    }
}

/// The size of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Measure {
    /// Values.
    pub nodes: usize,
    /// Bytes of text.
    pub bytes: usize,
    /// Levels.
    pub depth: usize,
}

impl Measure {
    const EMPTY: Self = Self {
        nodes: 1,
        bytes: 0,
        depth: 1,
    };

    fn around(self, inner: Self, key: usize) -> Self {
        Self {
            nodes: self.nodes + inner.nodes,
            bytes: self.bytes + inner.bytes + key,
            depth: self.depth.max(inner.depth + 1),
        }
    }
}

/// A value on one line as its author typed it.
pub(super) fn typed(node: &Node) -> String {
    match &node.value {
        Value::Scalar(scalar) => scalar.as_typed().to_owned(),
        Value::List(items) => format!(
            "[{}]",
            items.iter().map(typed).collect::<Vec<_>>().join(", ")
        ),
        Value::Map(entries) => {
            let pairs: Vec<String> = entries
                .iter()
                .map(|e| format!("{}: {}", e.key, typed(&e.value)))
                .collect();
            format!("{{{}}}", pairs.join(", "))
        }
        Value::Broken => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_have_the_types_of_the_core_schema() {
        for (text, wanted) in [
            ("", Kind::Null),
            ("~", Kind::Null),
            ("true", Kind::Bool(true)),
            ("yes", Kind::Text),
            ("12", Kind::Int(12)),
            ("-12", Kind::Int(-12)),
            ("+1", Kind::Int(1)),
            ("0x1f", Kind::Int(31)),
            ("0o17", Kind::Int(15)),
            ("007", Kind::Text),
            ("1.5", Kind::Float(1.5)),
            (".5", Kind::Float(0.5)),
            ("1e3", Kind::Float(1000.0)),
            ("20ms", Kind::Text),
            ("1.2.3", Kind::Text),
            (".", Kind::Text),
            ("inf", Kind::Text),
            ("-", Kind::Text),
            ("1-2", Kind::Text),
        ] {
            assert_eq!(kind(text), wanted, "{text}");
        }
    }
}
