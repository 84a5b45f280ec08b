//! The tree of a YAML document, with the location of every node.
//!
//! Plain data: it knows neither the parser nor what a scenario means.

use super::diagnostic::Span;
use crate::plan::Template;

/// Maximum nesting depth of maps and lists.
pub(super) const MAX_DEPTH: usize = 64;

/// A value and its location.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    /// Location of the value; inside an alias's value, where that was written.
    pub span: Span,
    /// The value.
    pub value: Value,
}

/// The value of a node.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// A text, number, boolean or null.
    Scalar(Scalar),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in source order, with merges applied and without duplicate keys.
    Map(Vec<Entry>),
    /// An invalid value that has been reported; code that finds it must not report it again.
    Broken,
}

/// A key with its location and value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    /// The key.
    pub key: String,
    /// Location of the key.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

/// A scalar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scalar {
    /// The text after YAML escapes are resolved and variables substituted.
    pub text: String,
    /// Whether it was written without quotes, so that it may be a number, a boolean or null.
    pub plain: bool,
    /// The text before variables were substituted, if there were any.
    pub typed: Option<String>,
    /// The text with values that are only known at run time, if there are any; `text` is as typed
    /// then.
    pub template: Option<Template>,
}

/// The type of a plain scalar, by the rules of YAML 1.2's core schema.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum ScalarType {
    /// Null.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i128),
    /// Any other number.
    Float(f64),
    /// Text.
    Text,
}

impl Scalar {
    /// Returns the type of the scalar.
    pub(super) fn scalar_type(&self) -> ScalarType {
        if self.plain && self.template.is_none() {
            scalar_type(&self.text)
        } else {
            ScalarType::Text
        }
    }

    /// Returns the text as typed by the author.
    pub(super) fn as_typed(&self) -> &str {
        self.typed.as_deref().unwrap_or(&self.text)
    }
}

fn scalar_type(text: &str) -> ScalarType {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return ScalarType::Null,
        "true" | "True" | "TRUE" => return ScalarType::Bool(true),
        "false" | "False" | "FALSE" => return ScalarType::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return ScalarType::Float(f64::NAN),
        _ => {}
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let negative = text.starts_with('-');
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return ScalarType::Float(if negative {
            f64::NEG_INFINITY
        } else {
            f64::INFINITY
        });
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = unsigned.strip_prefix(prefix) {
            return match i128::from_str_radix(digits, radix) {
                Ok(n) if !digits.starts_with(['+', '-']) => {
                    ScalarType::Int(if negative { -n } else { n })
                }
                _ => ScalarType::Text,
            };
        }
    }
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return ScalarType::Text;
    }
    let digits = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    // A leading zero indicates a label (such as a postal code or an order number), not a number.
    if digits > 1 && unsigned.starts_with('0') {
        return ScalarType::Text;
    }
    if digits == unsigned.len()
        && let Ok(n) = unsigned.parse::<i128>()
    {
        return ScalarType::Int(if negative { -n } else { n });
    }
    let number = unsigned.bytes().any(|b| b.is_ascii_digit())
        && unsigned
            .bytes()
            .all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    match text.parse::<f64>() {
        Ok(n) if number && n.is_finite() => ScalarType::Float(n),
        _ => ScalarType::Text,
    }
}

impl Node {
    /// Describes the value for messages such as "expected this, found that".
    pub(super) fn describe(&self) -> &'static str {
        match &self.value {
            Value::Scalar(scalar) => match scalar.scalar_type() {
                ScalarType::Null => "null",
                ScalarType::Bool(_) => "a boolean",
                ScalarType::Int(_) | ScalarType::Float(_) => "a number",
                ScalarType::Text => "a string",
            },
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
            Value::Broken => "something broken",
        }
    }

    /// Returns whether the value is null.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(scalar) if scalar.scalar_type() == ScalarType::Null)
    }

    /// Returns the value of a key if this is a map that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|e| e.key == key).map(|e| &e.value),
            _ => None,
        }
    }

    /// Measures the tree: the number of values, including itself, the bytes of text, and the depth.
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
    /// Number of values.
    pub nodes: usize,
    /// Bytes of text.
    pub bytes: usize,
    /// Nesting depth.
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

/// Formats a value on one line as its author typed it.
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
            ("", ScalarType::Null),
            ("~", ScalarType::Null),
            ("true", ScalarType::Bool(true)),
            ("yes", ScalarType::Text),
            ("12", ScalarType::Int(12)),
            ("-12", ScalarType::Int(-12)),
            ("+1", ScalarType::Int(1)),
            ("0x1f", ScalarType::Int(31)),
            ("0o17", ScalarType::Int(15)),
            ("007", ScalarType::Text),
            ("1.5", ScalarType::Float(1.5)),
            (".5", ScalarType::Float(0.5)),
            ("1e3", ScalarType::Float(1000.0)),
            ("20ms", ScalarType::Text),
            ("1.2.3", ScalarType::Text),
            (".", ScalarType::Text),
            ("inf", ScalarType::Text),
            ("-", ScalarType::Text),
            ("1-2", ScalarType::Text),
        ] {
            assert_eq!(scalar_type(text), wanted, "{text}");
        }
    }
}
