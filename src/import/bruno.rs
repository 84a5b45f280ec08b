//! Collections of Bruno: a folder of `.bru` files, or one of them.

mod assertion;
mod bru;
mod folder;
mod request;
mod variables;

use serde_json::{Map, Value};

pub(super) use self::folder::Environment;
use self::variables::variables;
use super::collection::form::{Collection, Folder, Item};
use super::files::Files;

/// How many redirects Bruno follows unless it is told.
const REDIRECTS: u32 = 5;

/// Returns whether a text is a request of Bruno's.
pub(super) fn is_it(text: &str) -> bool {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty());
    first.is_some_and(|line| {
        line.strip_prefix("meta")
            .is_some_and(|rest| rest.trim() == "{")
    })
}

/// Returns whether JSON is a collection that Bruno exported.
pub(super) fn is_export(members: &Map<String, Value>) -> bool {
    members.contains_key("brunoConfig") && members.contains_key("items")
}

/// Returns whether a folder is a collection of Bruno's.
pub(super) fn is_folder(files: &dyn Files) -> bool {
    let names = files.list("").unwrap_or_default();
    let is_own = |name: &String| {
        matches!(name.as_str(), "bruno.json" | "opencollection.yml") || name.ends_with(".bru")
    };
    names.iter().any(is_own)
}

/// Reads one request.
///
/// # Errors
/// If there is no request in it, with the reason.
pub(super) fn read(
    source: &str,
    environment: Option<Environment<'_>>,
) -> Result<Collection, String> {
    if source.trim_start().starts_with('{') {
        return Err("it is an export in JSON: import the folder of the collection instead".into());
    }
    let blocks = bru::parse(source)?;
    let call = request::call(&blocks, "", "")?;
    let declared = match environment {
        None => Vec::new(),
        Some(Environment::Text(text)) => variables(&bru::parse(text)?),
        Some(Environment::Named(name)) => {
            return Err(format!(
                "there is no file `{name}`: name that of the environment with --env, or import the folder of the collection"
            ));
        }
    };
    Ok(Collection {
        root: Folder {
            name: call.name.clone(),
            variables: declared,
            items: vec![Item::Call(Box::new(call))],
            ..Folder::default()
        },
        redirects: REDIRECTS,
        certificates: Vec::new(),
    })
}

/// Reads a folder with a whole collection.
///
/// # Errors
/// If it can't be read, or is not a collection, with the reason.
pub(super) fn read_folder(
    files: &dyn Files,
    environment: Option<Environment<'_>>,
) -> Result<Collection, String> {
    let (root, certificates) = folder::root(files, environment)?;
    Ok(Collection {
        root,
        redirects: REDIRECTS,
        certificates,
    })
}
