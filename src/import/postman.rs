//! Collections of Postman, versions 2.0 and 2.1.

mod environment;
mod request;
mod script;

use serde_json::{Map, Value};

use self::script::scripts;
use super::collection::form::{Collection, Folder, Item};
use super::collection::place;
use super::members::{list, text};
use super::note::{Note, Place};

/// How many redirects Postman follows unless it is told.
const REDIRECTS: u32 = 10;

/// Reads a collection, with the variables of an environment.
///
/// # Errors
/// If it is not a collection of Postman, with the remedy.
pub(super) fn read(source: &str, environment: Option<&str>) -> Result<Collection, String> {
    let value: Value =
        serde_json::from_str(source).map_err(|error| format!("it is not JSON: {error}"))?;
    // Postman's API puts it into an object.
    let value = match value {
        Value::Object(mut members) => match members.remove("collection") {
            Some(inner @ Value::Object(_)) => inner,
            Some(other) => {
                members.insert("collection".into(), other);
                Value::Object(members)
            }
            None => Value::Object(members),
        },
        other => other,
    };
    let Value::Object(collection) = value else {
        return Err("it is not a collection of Postman".into());
    };
    if collection.contains_key("requests") {
        return Err("it is a collection of version 1; export it as version 2.1".into());
    }
    if collection.contains_key("values") {
        return Err(
            "it is an environment of Postman; import the collection with --env FILE".into(),
        );
    }
    let info = collection.get("info").and_then(Value::as_object);
    let name = info.and_then(|info| text(info, "name")).unwrap_or_default();
    let mut root = folder(&collection, name, "");
    if let Some(environment) = environment {
        root.variables.extend(environment::variables(environment)?);
    }
    Ok(Collection {
        root,
        redirects: REDIRECTS,
        certificates: Vec::new(),
    })
}

/// Returns whether JSON is a collection of Postman, an older one or an environment included.
pub(super) fn is_it(members: &Map<String, Value>) -> bool {
    let schema = |of: &Map<String, Value>| {
        let info = of.get("info").and_then(Value::as_object);
        info.is_some_and(|info| {
            text(info, "schema").is_some_and(|schema| schema.contains("postman"))
                || info.contains_key("_postman_id")
        })
    };
    let wrapped = members.get("collection").and_then(Value::as_object);
    schema(members)
        || wrapped.is_some_and(schema)
        || members.contains_key("_postman_variable_scope")
        || (members.contains_key("requests") && members.contains_key("order"))
}

/// Reads a folder, or the whole collection.
fn folder(members: &Map<String, Value>, name: String, path: &str) -> Folder {
    let here = if path.is_empty() {
        name.clone()
    } else {
        path.to_owned()
    };
    let mut notes = Vec::new();
    let mut note = |message: &str| {
        notes.push(Note {
            place: Place::Part(here.clone()),
            message: message.into(),
        });
    };
    if members
        .get("protocolProfileBehavior")
        .and_then(Value::as_object)
        .is_some_and(|own| !own.is_empty())
    {
        note("`protocolProfileBehavior` of a folder is not carried over");
    }
    let items = list(members, "item").filter_map(|item| {
        let item = item.as_object()?;
        let name = text(item, "name").unwrap_or_default();
        let path = place(path, &name);
        Some(match item.get("item") {
            Some(Value::Array(_)) => Item::Folder(folder(item, name, &path)),
            _ => Item::Call(Box::new(request::call(item, name, path)?)),
        })
    });
    let items = items.collect();
    Folder {
        variables: list(members, "variable")
            .filter_map(Value::as_object)
            .filter_map(environment::variable)
            .collect(),
        auth: request::auth(members.get("auth")),
        headers: Vec::new(),
        scripts: scripts(members, &here),
        items,
        notes,
        name,
    }
}
