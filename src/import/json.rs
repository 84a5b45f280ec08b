//! JSON as a scenario writes it.

use serde_json::Value;

use super::yaml::Yaml;

/// How deep a value may be that a scenario has: less than it may have levels in all.
const MAX_DEPTH: usize = 40;

/// Returns a text of JSON as YAML, whose numbers keep their text; `None` if it is not JSON, or if a
/// scenario would not keep it as it is.
pub(super) fn yaml(text: &str) -> Option<Yaml> {
    let value: Value = serde_json::from_str(text).ok()?;
    // A number that is not written as it is read would be another body.
    let written = value.to_string();
    let is_kept = compact(text) == written && !is_too_deep(&value);
    is_kept.then(|| of_value(value, &|text| text))
}

/// Returns whether a value is too deep for a scenario.
pub(super) fn is_too_deep(value: &Value) -> bool {
    fn is_deeper(value: &Value, than: usize) -> bool {
        let is_deeper = |value| than == 0 || is_deeper(value, than - 1);
        match value {
            Value::Array(items) => items.iter().any(is_deeper),
            Value::Object(members) => members.values().any(is_deeper),
            _ => false,
        }
    }
    is_deeper(value, MAX_DEPTH)
}

/// Removes spaces between tokens.
fn compact(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut is_in_string, mut is_escaped) = (false, false);
    for c in text.chars() {
        if !is_in_string && matches!(c, ' ' | '\t' | '\r' | '\n') {
            continue;
        }
        is_in_string ^= c == '"' && !is_escaped;
        is_escaped = is_in_string && c == '\\' && !is_escaped;
        out.push(c);
    }
    out
}

/// Returns JSON as YAML; `template` makes templates of its texts.
pub(super) fn of_value(value: Value, template: &dyn Fn(String) -> String) -> Yaml {
    let of = |value| of_value(value, template);
    match value {
        Value::String(text) => Yaml::text(template(text)),
        Value::Array(items) => Yaml::List(items.into_iter().map(of).collect()),
        Value::Object(members) => {
            Yaml::map(members.into_iter().map(|(key, value)| (key, of(value))))
        }
        plain => Yaml::plain(plain),
    }
}

/// Returns YAML that was made of JSON as JSON.
pub(super) fn written(value: &Yaml) -> Option<String> {
    let joined = |parts: Option<Vec<String>>, open, close| {
        parts.map(|parts| format!("{open}{}{close}", parts.join(",")))
    };
    match value {
        Yaml::Text(text) => Some(Value::from(text.as_str()).to_string()),
        Yaml::Plain(text) => Some(text.clone()),
        Yaml::List(items) => joined(items.iter().map(written).collect(), '[', ']'),
        Yaml::Map(members) => {
            let member = |(key, value): &(String, Yaml)| {
                Some(format!("{}:{}", Value::from(key.as_str()), written(value)?))
            };
            joined(members.iter().map(member).collect(), '{', '}')
        }
        Yaml::Commented(..) => None,
    }
}
