//! A `json:` value as compact JSON text, keys in the order written.
//!
//! Knows JSON and the tree. Numbers that are JSON already stay digit by digit as they were typed.

use super::diagnostic::{Diagnostics, quoted};
use super::tree::{Kind, Node, Scalar, Value};

/// The JSON text of a node; nothing where a part of it is broken or no JSON.
pub fn text(node: &Node, problems: &mut Diagnostics) -> Option<String> {
    let mut out = String::new();
    write(node, &mut out, problems).then_some(out)
}

fn write(node: &Node, out: &mut String, problems: &mut Diagnostics) -> bool {
    match &node.value {
        Value::Broken => false,
        Value::Scalar(scalar) => write_scalar(node, scalar, out, problems),
        Value::List(items) => {
            let mut good = true;
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                good &= write(item, out, problems);
            }
            out.push(']');
            good
        }
        Value::Map(entries) => {
            let mut good = true;
            out.push('{');
            for (n, entry) in entries.iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                string(&entry.key, out);
                out.push(':');
                good &= write(&entry.value, out, problems);
            }
            out.push('}');
            good
        }
    }
}

fn write_scalar(node: &Node, scalar: &Scalar, out: &mut String, problems: &mut Diagnostics) -> bool {
    match scalar.kind() {
        Kind::Null => out.push_str("null"),
        Kind::Bool(yes) => out.push_str(if yes { "true" } else { "false" }),
        Kind::Text => string(&scalar.text, out),
        Kind::Int(_) | Kind::Float(_) if is_json_number(&scalar.text) => out.push_str(&scalar.text),
        Kind::Int(n) => out.push_str(&n.to_string()),
        Kind::Float(n) if n.is_finite() => out.push_str(&n.to_string()),
        Kind::Float(_) => {
            problems
                .error(node.span, format!("JSON has no number {}", quoted(&scalar.text)))
                .help(format!("quote it if it is a text: `\"{}\"`", scalar.text));
            return false;
        }
    }
    true
}

fn string(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

fn is_json_number(text: &str) -> bool {
    serde_json::from_str::<serde_json::Number>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(yaml: &str) -> Option<String> {
        let mut problems = Diagnostics::default();
        let node = super::super::yaml::parse(yaml, &mut problems)?;
        text(&node, &mut problems)
    }

    #[test]
    fn writes_compact_json_in_the_order_typed() {
        let yaml = "{z: 1, a: [true, ~, 1.50, \"5\", 007, 0x1f, -3], s: \"q\\\"\\n\", big: 123456789012345678901234567890, plus: +1}";
        assert_eq!(
            json(yaml).as_deref(),
            Some(r#"{"z":1,"a":[true,null,1.50,"5","007",31,-3],"s":"q\"\n","big":123456789012345678901234567890,"plus":1}"#)
        );
        assert_eq!(json("{a: .nan}"), None);
        assert_eq!(json("{a: .5}").as_deref(), Some("{\"a\":0.5}"));
    }
}
