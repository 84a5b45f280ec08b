//! Examples of a document, as values.

use serde_json::Value;

/// Returns an example as a value of its type: documents often have the number `7` for the text `"7"`.
pub(super) fn coerced(value: &Value, types: &[&str]) -> Option<Value> {
    let is = |name: &str| types.is_empty() || types.contains(&name);
    let number = |text: &String| {
        let value: Value = serde_json::from_str(text).ok()?;
        (value.is_number() || value.is_boolean()).then_some(value)
    };
    match value {
        Value::Null => None,
        Value::Object(_) => is("object").then(|| value.clone()),
        Value::Array(_) => is("array").then(|| value.clone()),
        Value::String(_) if is("string") => Some(value.clone()),
        Value::String(text) if is("object") || is("array") => {
            let parsed: Option<Value> = serde_json::from_str(text).ok();
            parsed.filter(|value| value.is_object() || value.is_array())
        }
        Value::String(text) => number(text).filter(|value| value.is_boolean() == is("boolean")),
        Value::Number(_) if is("integer") || is("number") => Some(value.clone()),
        Value::Bool(_) if is("boolean") => Some(value.clone()),
        Value::Number(_) | Value::Bool(_) => is("string").then(|| Value::from(value.to_string())),
    }
}

/// Returns about how many bytes a value has.
pub(super) fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(|item| size(item) + 1).sum::<usize>() + 2,
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| name.len() + size(value) + 4;
            members.iter().map(member).sum::<usize>() + 2
        }
        _ => 8,
    }
}
