//! Converts a `json:` value to compact JSON text, with keys in source order.
//!
//! Numbers that are valid JSON keep their digits exactly as typed.

use super::decode;
use super::diagnostic::{Diagnostics, quoted};
use super::tree::{Node, Scalar, ScalarType, Value};
use crate::plan::{Encode, Piece, Template};
use crate::value::decimal::is_exact;

/// Returns the JSON text of a node, with values to be inserted at run time; `None` if a part of it
/// is invalid or not JSON.
pub(super) fn template(node: &Node, problems: &mut Diagnostics) -> Option<Template> {
    let mut out = Template::default();
    write(node, &mut out, problems).then_some(out)
}

/// Returns the JSON value of a node that must be known before the run.
pub(super) fn value(
    node: &Node,
    key: &str,
    problems: &mut Diagnostics,
) -> Option<serde_json::Value> {
    if let Some(running) = running(node) {
        // Reports the same error as for any other text.
        decode::text(running, key, problems);
        return None;
    }
    let text = template(node, problems)?;
    if let Some(number) = inexact(node) {
        problems
            .error(
                number.span,
                format!(
                    "a number in {} has more digits than can be compared",
                    quoted(key)
                ),
            )
            .help("quote it: a string keeps all its digits");
        return None;
    }
    serde_json::from_str(text.as_text()?)
        .inspect_err(|_| {
            problems
                .error(
                    node.span,
                    format!("a number in {} is too large for JSON", quoted(key)),
                )
                .help("quote it if it is text");
        })
        .ok()
}

/// Returns the first value in the node that is only known at run time.
pub(super) fn running(node: &Node) -> Option<&Node> {
    match &node.value {
        Value::Scalar(scalar) => scalar.template.is_some().then_some(node),
        Value::List(items) => items.iter().find_map(running),
        Value::Map(entries) => entries.iter().find_map(|entry| running(&entry.value)),
        Value::Broken => None,
    }
}

/// Returns the first number in the node that would lose digits.
fn inexact(node: &Node) -> Option<&Node> {
    match &node.value {
        Value::Scalar(scalar) => {
            let is_number = matches!(
                scalar.scalar_type(),
                ScalarType::Int(_) | ScalarType::Float(_)
            ) && is_json_number(&scalar.text);
            (is_number && !is_exact(&scalar.text)).then_some(node)
        }
        Value::List(items) => items.iter().find_map(inexact),
        Value::Map(entries) => entries.iter().find_map(|entry| inexact(&entry.value)),
        Value::Broken => None,
    }
}

fn write(node: &Node, out: &mut Template, problems: &mut Diagnostics) -> bool {
    match &node.value {
        Value::Broken => false,
        Value::Scalar(scalar) => write_scalar(node, scalar, out, problems),
        Value::List(items) => {
            let mut good = true;
            out.push_text("[");
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push_text(",");
                }
                good &= write(item, out, problems);
            }
            out.push_text("]");
            good
        }
        Value::Map(entries) => {
            let mut good = true;
            out.push_text("{");
            for (n, entry) in entries.iter().enumerate() {
                if n > 0 {
                    out.push_text(",");
                }
                string(&entry.key, out);
                out.push_text(":");
                good &= write(&entry.value, out, problems);
            }
            out.push_text("}");
            good
        }
    }
}

fn write_scalar(
    node: &Node,
    scalar: &Scalar,
    out: &mut Template,
    problems: &mut Diagnostics,
) -> bool {
    if let Some(template) = &scalar.template {
        match template.pieces() {
            // A text that is exactly one value keeps the value's type.
            [Piece::Value(insert)] => out.push_value(&insert.value, Encode::Json),
            _ => {
                out.push_text("\"");
                out.push(&template.encoded(Encode::JsonText, unquoted));
                out.push_text("\"");
            }
        }
        return true;
    }
    match scalar.scalar_type() {
        ScalarType::Null => out.push_text("null"),
        ScalarType::Bool(yes) => out.push_text(if yes { "true" } else { "false" }),
        ScalarType::Text => string(&scalar.text, out),
        ScalarType::Int(_) | ScalarType::Float(_) if is_json_number(&scalar.text) => {
            out.push_text(&scalar.text)
        }
        ScalarType::Int(n) => out.push_text(&n.to_string()),
        ScalarType::Float(n) if n.is_finite() => out.push_text(&n.to_string()),
        ScalarType::Float(_) => {
            problems
                .error(
                    node.span,
                    format!("{} is not a JSON number", quoted(&scalar.text)),
                )
                .help(format!("quote it if it is text: `\"{}\"`", scalar.text));
            return false;
        }
    }
    true
}

fn string(text: &str, out: &mut Template) {
    out.push_text(&serde_json::Value::from(text).to_string());
}

/// Returns the inside of a JSON string.
fn unquoted(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
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
        template(&node, &mut problems)?.as_text().map(str::to_owned)
    }

    #[test]
    fn writes_compact_json_in_the_order_typed() {
        let yaml = "{z: 1, a: [true, ~, 1.50, \"5\", 007, 0x1f, -3], s: \"q\\\"\\n\", big: 123456789012345678901234567890, plus: +1}";
        assert_eq!(
            json(yaml).as_deref(),
            Some(
                r#"{"z":1,"a":[true,null,1.50,"5","007",31,-3],"s":"q\"\n","big":123456789012345678901234567890,"plus":1}"#
            )
        );
        assert_eq!(json("{a: .nan}"), None);
        assert_eq!(json("{a: .5}").as_deref(), Some("{\"a\":0.5}"));
    }
}
