//! Members of objects in JSON, as clients for HTTP write them.

use serde_json::{Map, Value};

/// Returns a text; a number or a truth value is one too.
pub(super) fn text(members: &Map<String, Value>, name: &str) -> Option<String> {
    of_value(members.get(name)?)
}

/// Returns a plain value as text.
pub(super) fn of_value(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

/// Returns the items of a list; without one, none.
pub(super) fn list<'a>(
    members: &'a Map<String, Value>,
    name: &str,
) -> impl Iterator<Item = &'a Value> {
    members
        .get(name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// Returns whether a member is true.
pub(super) fn flag(members: &Map<String, Value>, name: &str) -> bool {
    members
        .get(name)
        .and_then(Value::as_bool)
        .unwrap_or_default()
}
