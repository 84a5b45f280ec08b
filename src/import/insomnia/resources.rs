//! Exports of version 4, whose resources name their parents, in the form of version 5.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::import::members::{list, text};

/// How deep folders are read.
const MAX_DEPTH: usize = 60;

/// Returns an export of version 4 as one of version 5.
pub(super) fn as_version_5(export: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    let mut children: BTreeMap<String, Vec<&Map<String, Value>>> = BTreeMap::new();
    let mut roots = Vec::new();
    for resource in list(export, "resources").filter_map(Value::as_object) {
        if text(resource, "_type").as_deref() == Some("workspace") {
            roots.push(resource);
        } else {
            let parent = text(resource, "parentId").unwrap_or_default();
            children.entry(parent).or_default().push(resource);
        }
    }
    let mut items = Vec::new();
    let mut environments = Vec::new();
    for root in &roots {
        let id = text(root, "_id").unwrap_or_default();
        items.extend(below(&id, &children, 0));
        environments.extend(environment(&id, &children));
    }
    if items.is_empty() {
        return Err("there are no requests in it".into());
    }
    let name = roots
        .first()
        .and_then(|root| text(root, "name"))
        .unwrap_or_default();
    let base = environments.into_iter().next().unwrap_or_default();
    let whole = json!({
        "type": "collection.insomnia.rest/5.0",
        "name": name,
        "collection": items,
        "environments": base,
    });
    match whole {
        Value::Object(members) => Ok(members),
        _ => Ok(Map::new()),
    }
}

/// Returns what is below a resource.
fn below(
    id: &str,
    children: &BTreeMap<String, Vec<&Map<String, Value>>>,
    depth: usize,
) -> Vec<Value> {
    let mut all = Vec::new();
    for resource in children.get(id).into_iter().flatten() {
        let kind = text(resource, "_type").unwrap_or_default();
        let is_folder = kind == "request_group";
        if !(is_folder || kind.ends_with("request")) {
            continue;
        }
        let mut item = (*resource).clone();
        let own = |key: &str| resource.get(key).cloned().unwrap_or_default();
        item.insert("meta".into(), json!({ "sortKey": own("metaSortKey") }));
        item.insert(
            "scripts".into(),
            json!({ "preRequest": own("preRequestScript"), "afterResponse": own("afterResponseScript") }),
        );
        item.insert(
            "settings".into(),
            json!({ "followRedirects": own("settingFollowRedirects") }),
        );
        if is_folder {
            let id = text(resource, "_id").unwrap_or_default();
            let inside = if depth < MAX_DEPTH {
                below(&id, children, depth + 1)
            } else {
                Vec::new()
            };
            item.insert("children".into(), Value::Array(inside));
        } else if kind != "request" {
            item.remove("method");
        }
        all.push(Value::Object(item));
    }
    all
}

/// Returns the base environment of a workspace, with those below it.
fn environment(id: &str, children: &BTreeMap<String, Vec<&Map<String, Value>>>) -> Option<Value> {
    let is_environment =
        |one: &&&Map<String, Value>| text(one, "_type").as_deref() == Some("environment");
    let base = children.get(id)?.iter().find(is_environment)?;
    let id = text(base, "_id").unwrap_or_default();
    let below: Vec<Value> = children
        .get(&id)
        .into_iter()
        .flatten()
        .filter(is_environment)
        .map(|one| Value::Object((*one).clone()))
        .collect();
    let mut base = (*base).clone();
    base.insert("subEnvironments".into(), Value::Array(below));
    Some(Value::Object(base))
}
