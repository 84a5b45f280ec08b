//! Scripts of Insomnia.

use serde_json::{Map, Value};

use crate::import::collection::form::Script;
use crate::import::members::text;

/// Returns the scripts of a folder or a request.
pub(super) fn scripts(members: &Map<String, Value>, path: &str) -> Vec<Script> {
    let Some(own) = members.get("scripts").and_then(Value::as_object) else {
        return Vec::new();
    };
    let script = |key: &str, is_before: bool, what: &str| {
        Some(Script {
            is_before,
            place: format!("{path}, {what}"),
            line: 1,
            text: text(own, key)?,
        })
    };
    let before = script("preRequest", true, "pre-request script");
    let after = script("afterResponse", false, "after-response script");
    before.into_iter().chain(after).collect()
}
