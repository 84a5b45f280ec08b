//! Environments of Insomnia.

use serde_json::{Map, Value};

use crate::import::collection::form::Variable;
use crate::import::members::{list, of_value, text};
use crate::import::note::{Note, Place};

/// How deep values of an environment are read.
const MAX_DEPTH: usize = 8;

/// Returns the variables of the base environment, and of the one with this name below it; without a name,
/// of the first one.
pub(super) fn chosen(
    members: &Map<String, Value>,
    name: Option<&str>,
    notes: &mut Vec<Note>,
) -> Result<Vec<Variable>, String> {
    let none = Map::new();
    let base = members
        .get("environments")
        .and_then(Value::as_object)
        .unwrap_or(&none);
    let below: Vec<&Map<String, Value>> = list(base, "subEnvironments")
        .filter_map(Value::as_object)
        .collect();
    let names: Vec<String> = below.iter().filter_map(|one| text(one, "name")).collect();
    let found = match name {
        Some(name) => {
            let is_it = |one: &&&Map<String, Value>| text(one, "name").as_deref() == Some(name);
            let found = below.iter().find(is_it);
            if found.is_none() && text(base, "name").as_deref() != Some(name) {
                let known = names.join(", ");
                return Err(format!(
                    "there is no environment `{name}` in it, only: {known}"
                ));
            }
            found
        }
        None => below.first(),
    };
    if let (None, [first, _, ..]) = (name, names.as_slice()) {
        notes.push(Note {
            place: Place::Part("environments".into()),
            message: format!(
                "of {}, the variables of {first} are used: choose with --env",
                names.join(", ")
            ),
        });
    }
    let mut all = variables(base.get("data"));
    all.extend(variables(found.and_then(|found| found.get("data"))));
    Ok(all)
}

/// Returns the variables of an object, whose inner members have names with dots.
pub(super) fn variables(data: Option<&Value>) -> Vec<Variable> {
    let mut all = Vec::new();
    if let Some(Value::Object(members)) = data {
        collect(members, "", 0, &mut all);
    }
    all
}

fn collect(members: &Map<String, Value>, path: &str, depth: usize, into: &mut Vec<Variable>) {
    for (name, value) in members {
        let name = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        match value {
            Value::Object(inner) if depth < MAX_DEPTH => collect(inner, &name, depth + 1, into),
            Value::Object(_) | Value::Array(_) => into.push(Variable {
                name,
                value: Some(value.to_string()),
                is_secret: false,
            }),
            plain => into.push(Variable {
                name,
                value: of_value(plain),
                is_secret: false,
            }),
        }
    }
}
