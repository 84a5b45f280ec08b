//! Conditions and expressions as values of keys: written without braces, evaluated at run time.

use super::decode;
use super::diagnostic::{Diagnostics, Span, quoted};
use super::names::Names;
use super::tree::{Node, Scalar, ScalarType, Value};
use super::vars::is_name;
use super::words;
use crate::value::function::{FUNCTIONS, RESERVED};

/// Decodes and checks the expression of `key`, without evaluating it.
pub(super) fn decode(
    node: &Node,
    key: &str,
    names: &Names<'_>,
    problems: &mut Diagnostics,
) -> Option<String> {
    decode_with(node, key, names, &[], problems)
}

/// Does the same for an expression that may also use the names in `own`, which hide others.
pub(super) fn decode_with(
    node: &Node,
    key: &str,
    names: &Names<'_>,
    own: &[&str],
    problems: &mut Diagnostics,
) -> Option<String> {
    match &node.value {
        Value::Scalar(scalar @ Scalar { typed: Some(_), .. }) => {
            let typed = scalar.as_typed();
            let bare = typed.replace("{{", " ").replace("}}", " ");
            let bare = bare.split_whitespace().collect::<Vec<_>>().join(" ");
            problems
                .error(
                    node.span,
                    format!(
                        "{} is already an expression, but {} contains braces",
                        quoted(key),
                        quoted(typed)
                    ),
                )
                .help(format!(
                    "write it without braces: {}",
                    quoted(&format!("{key}: {}", in_yaml(&bare)))
                ));
            return None;
        }
        Value::List(_) | Value::Map(_) => {
            problems
                .error(
                    node.span,
                    format!(
                        "{} must be an expression, but this is {}",
                        quoted(key),
                        node.describe()
                    ),
                )
                .help(format!(
                    "write it as one: `{key}: {}`",
                    in_yaml(&literal(node, names))
                ));
            return None;
        }
        _ => {}
    }
    let text = decode::text(node, key, problems)?.trim();
    if text.is_empty() {
        problems
            .error(node.span, format!("{} is empty", quoted(key)))
            .help("write an expression, such as `items|length > 0`");
        return None;
    }
    names
        .compute(text, own, node.span, problems)
        .map(|()| text.to_owned())
}

/// Quotes an expression so that YAML reads it as a string, also inside `{…}` and `[…]`.
fn in_yaml(expression: &str) -> String {
    let special = expression.starts_with(|c: char| "!&*%@`|>\"'#?-".contains(c))
        || expression.contains([',', '[', ']', '{', '}'])
        || expression.contains(": ")
        || expression.contains(" #");
    if special {
        format!("\"{}\"", expression.replace('\\', "\\\\").replace('"', "'"))
    } else {
        expression.to_owned()
    }
}

/// Formats a YAML list or map in the expression language: texts are quoted, names of values are
/// not.
fn literal(node: &Node, names: &Names<'_>) -> String {
    match &node.value {
        Value::Scalar(scalar) => {
            let is_name =
                scalar.plain && (names.is_given(&scalar.text) || names.vars().has(&scalar.text));
            match scalar.scalar_type() {
                ScalarType::Null => "none".into(),
                ScalarType::Text if !is_name => format!("'{}'", scalar.text.replace('\'', "\\'")),
                _ => scalar.text.clone(),
            }
        }
        Value::List(items) => format!(
            "[{}]",
            items
                .iter()
                .map(|item| literal(item, names))
                .collect::<Vec<_>>()
                .join(", ")
        ),
        Value::Map(entries) => {
            let pairs = entries
                .iter()
                .map(|entry| format!("'{}': {}", entry.key, literal(&entry.value, names)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
        Value::Broken => String::new(),
    }
}

/// Returns whether a value may have this name; reports it if not.
pub(super) fn nameable(
    name: &str,
    place: Span,
    names: &Names<'_>,
    problems: &mut Diagnostics,
) -> bool {
    if !is_name(name) {
        problems
            .error(
                place,
                format!("{} is not a valid name for a value", quoted(name)),
            )
            .help("use letters, digits and `_`, and begin with a letter");
    } else if FUNCTIONS.contains(&name) {
        problems
            .error(
                place,
                format!("`{name}` is a function, and can't be the name of a value"),
            )
            .help(format!(
                "choose another name; the functions are {}",
                words::listed(FUNCTIONS)
            ));
    } else if RESERVED.contains(&name) {
        problems
            .error(
                place,
                format!("`{name}` is a keyword of expressions, and can't be the name of a value"),
            )
            .help("choose another name");
    } else if names.is_feed(name) {
        problems
            .error(
                place,
                format!("`{name}` is a feed of `data`, and its rows can't be overwritten"),
            )
            .help("choose another name");
    } else {
        return true;
    }
    false
}
