//! Exports of Insomnia: version 4 (JSON), and version 5 (YAML).

mod environment;
mod request;
mod resources;
mod script;

use serde_json::{Map, Value};

use self::environment::chosen;
use self::script::scripts;
use super::collection::form::{Collection, Folder, Item};
use super::collection::place;
use super::members::{list, text};
use super::note::{Note, Place};

/// How many redirects Insomnia follows unless it is told.
const REDIRECTS: u32 = 10;
/// How deep folders are read.
const MAX_DEPTH: usize = 60;

/// Returns whether JSON is an export of Insomnia's.
pub(super) fn is_json(members: &Map<String, Value>) -> bool {
    text(members, "_type").as_deref() == Some("export") && members.contains_key("resources")
}

/// Returns whether a text is an export of Insomnia's in YAML.
pub(super) fn is_yaml(text: &str) -> bool {
    let mut lines = text.lines().take(1000);
    lines.any(|line| line.starts_with("type:") && line.contains("insomnia.rest/"))
}

/// Reads an export, with the variables of the environment of this name.
///
/// # Errors
/// If it is not an export of Insomnia's, with the remedy.
pub(super) fn read(source: &str, environment: Option<&str>) -> Result<Collection, String> {
    let value: Value = if source.trim_start().starts_with('{') {
        serde_json::from_str(source).map_err(|error| format!("it is not JSON: {error}"))?
    } else {
        serde_yaml::from_str(source).map_err(|error| format!("it is not YAML: {error}"))?
    };
    let Value::Object(mut members) = value else {
        return Err("it is not an export of Insomnia's".into());
    };
    if is_json(&members) {
        members = resources::as_version_5(&members)?;
    }
    let kind = text(&members, "type").unwrap_or_default();
    if !kind.contains("insomnia.rest/5") {
        return Err("it is not an export of Insomnia's of version 4 or 5; export it again".into());
    }
    let mut root = match members.get("collection").and_then(Value::as_array) {
        Some(_) => folder(&members, "collection", "", 0),
        None => return Err("there are no requests in it; export the collection".into()),
    };
    root.variables = chosen(&members, environment, &mut root.notes)?;
    Ok(Collection {
        root,
        redirects: REDIRECTS,
        certificates: Vec::new(),
    })
}

/// Reads a folder, or the whole collection, whose items are in this member.
fn folder(members: &Map<String, Value>, items: &str, path: &str, depth: usize) -> Folder {
    let name = text(members, "name").unwrap_or_default();
    let mut notes = Vec::new();
    let mut all = Vec::new();
    let mut children: Vec<&Map<String, Value>> =
        list(members, items).filter_map(Value::as_object).collect();
    // By the key that Insomnia sorts by, and otherwise as they are written.
    let key = |child: &Map<String, Value>| {
        let key = child.get("meta").and_then(|meta| meta.get("sortKey"));
        key.and_then(Value::as_f64).unwrap_or_default()
    };
    children.sort_by(|one, other| key(one).total_cmp(&key(other)));
    for child in children {
        let name = text(child, "name").unwrap_or_default();
        let path = place(path, &name);
        let left_out = |message: &str| Note {
            place: Place::Part(path.clone()),
            message: message.into(),
        };
        if child.get("children").is_some_and(Value::is_array) {
            if depth < MAX_DEPTH {
                all.push(Item::Folder(folder(child, "children", &path, depth + 1)));
            } else {
                notes.push(left_out("folders are nested too deeply: left out"));
            }
        } else {
            match request::call(child, name, path.clone()) {
                Some(call) => all.push(Item::Call(Box::new(call))),
                None => notes.push(left_out("it is not a request over HTTP: left out")),
            }
        }
    }
    Folder {
        variables: environment::variables(members.get("environment")),
        auth: request::auth(members.get("authentication")),
        headers: request::pairs(members, "headers"),
        scripts: scripts(members, path),
        items: all,
        notes,
        name,
    }
}
