//! Assertions of Bruno, such as `res.status: eq 200`, and what is taken from responses.

use serde_json::Value as Json;

use crate::import::collection::form::{Capture, Check, Expected, Rule};
use crate::import::collection::{Value, compare, equals, expression, matches};

/// Operators without a value.
const UNARY: [&str; 11] = [
    "isEmpty",
    "isNotEmpty",
    "isNull",
    "isUndefined",
    "isDefined",
    "isTruthy",
    "isFalsy",
    "isJson",
    "isNumber",
    "isString",
    "isBoolean",
];
/// Operators with a value.
const BINARY: [&str; 16] = [
    "eq",
    "neq",
    "gt",
    "gte",
    "lt",
    "lte",
    "in",
    "notIn",
    "contains",
    "notContains",
    "length",
    "matches",
    "notMatches",
    "startsWith",
    "endsWith",
    "between",
];

/// Returns where the value of an expression is taken from, if that is plain.
pub(super) fn capture(typed: &str) -> Option<Capture> {
    expression(typed)?.capture()
}

/// Returns the checks of an assertion, if it is plain.
pub(super) fn checks(subject: &str, typed: &str) -> Option<Vec<Check>> {
    let subject = expression(subject)?;
    let typed = typed.trim();
    let (operator, operand) = match typed.split_once(' ') {
        Some((word, rest)) if BINARY.contains(&word) => (word, rest.trim()),
        _ if UNARY.contains(&typed) || typed == "isArray" => (typed, ""),
        _ => ("eq", typed),
    };
    let literal = |value: Json| Some(Value::Literal(value));
    let kind = |name: &str| compare(&subject, "type", literal(name.into()));
    match operator {
        "isEmpty" => compare(&subject, "empty", None),
        "isNotEmpty" => compare(&subject, "not empty", None),
        "isNull" => equals(subject, Value::Literal(Json::Null)),
        "isDefined" => compare(&subject, "exist", None),
        "isTruthy" => equals(subject, Value::Literal(true.into())),
        "isFalsy" => equals(subject, Value::Literal(false.into())),
        "isNumber" => kind("number"),
        "isString" => kind("string"),
        "isBoolean" => kind("boolean"),
        "isArray" => kind("array"),
        "isJson" => kind("object"),
        "eq" if operand.contains("{{") => template(&subject, operand),
        _ if operand.contains("{{") => None,
        "eq" => equals(subject, Value::Literal(value(operand))),
        "neq" | "gt" | "gte" | "lt" | "lte" | "length" => {
            compare(&subject, operator, literal(value(operand)))
        }
        "contains" => compare(&subject, "include", literal(value(operand))),
        "notContains" => compare(&subject, "not include", literal(value(operand))),
        "in" => {
            let list = operand.trim_start_matches('[').trim_end_matches(']');
            let items = list.split(',').map(|item| value(item.trim())).collect();
            compare(&subject, "in", literal(Json::Array(items)))
        }
        "between" => {
            let (from, to) = operand.split_once(',')?;
            let mut checks = compare(&subject, "gte", literal(value(from.trim())))?;
            checks.extend(compare(&subject, "lte", literal(value(to.trim())))?);
            Some(checks)
        }
        "matches" => {
            let inside = operand
                .strip_prefix('/')
                .and_then(|rest| rest.strip_suffix('/'));
            matches(&subject, inside.unwrap_or(operand))
        }
        _ => None,
    }
}

/// Returns the check that a part of the response is a text with templates.
fn template(subject: &Value, operand: &str) -> Option<Vec<Check>> {
    let text = operand.trim_matches(['"', '\'']).to_owned();
    let expected = Expected::Template(text);
    match subject {
        Value::Json(path) => Some(vec![Check::Json(path.clone(), Rule::Equals(expected))]),
        Value::Header(name) => Some(vec![Check::Header(name.clone(), expected)]),
        _ => None,
    }
}

/// Returns a value as it is typed: JSON, and otherwise a text, which may be in single quotes.
fn value(typed: &str) -> Json {
    let quoted = typed
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''));
    match quoted {
        Some(text) => Json::from(text),
        None => match serde_json::from_str(typed) {
            Ok(value @ (Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Null)) => value,
            _ => Json::from(typed),
        },
    }
}
