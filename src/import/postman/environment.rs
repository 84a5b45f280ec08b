//! Variables of Postman: of a collection, and of an environment that was exported.

use serde_json::{Map, Value};

use crate::import::collection::form::Variable;
use crate::import::members::{flag, list, of_value, text};

/// Returns the variables of an environment.
pub(super) fn variables(exported: &str) -> Result<Vec<Variable>, String> {
    let value: Value = serde_json::from_str(exported)
        .map_err(|error| format!("the environment is not JSON: {error}"))?;
    let members = value
        .as_object()
        .filter(|members| members.contains_key("values"));
    let Some(members) = members else {
        return Err("the environment is not one that Postman exports: it has no `values`".into());
    };
    let values = list(members, "values").filter_map(Value::as_object);
    Ok(values.filter_map(variable).collect())
}

/// Returns a variable, unless it is switched off.
pub(super) fn variable(members: &Map<String, Value>) -> Option<Variable> {
    if flag(members, "disabled") || members.get("enabled") == Some(&Value::Bool(false)) {
        return None;
    }
    let value = members.get("value");
    Some(Variable {
        name: text(members, "key").or_else(|| text(members, "id"))?,
        value: value.and_then(|value| match value {
            Value::Null => None,
            Value::Object(_) | Value::Array(_) => Some(value.to_string()),
            plain => of_value(plain),
        }),
        is_secret: text(members, "type").as_deref() == Some("secret"),
    })
}
