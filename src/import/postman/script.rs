//! Scripts of Postman.

use serde_json::{Map, Value};

use crate::import::collection::form::Script;
use crate::import::members::{flag, list, text};

/// Returns the scripts of a folder or a request.
pub(super) fn scripts(members: &Map<String, Value>, path: &str) -> Vec<Script> {
    let script = |event: &Value| {
        let event = event.as_object()?;
        if flag(event, "disabled") {
            return None;
        }
        let is_before = match text(event, "listen")?.as_str() {
            "prerequest" => true,
            "test" => false,
            _ => return None,
        };
        let script = event.get("script")?;
        let text = match script.get("exec").unwrap_or(script) {
            Value::String(text) => text.clone(),
            Value::Array(lines) => {
                let lines: Vec<&str> = lines.iter().filter_map(Value::as_str).collect();
                lines.join("\n")
            }
            _ => return None,
        };
        let what = if is_before {
            "pre-request script"
        } else {
            "test script"
        };
        Some(Script {
            is_before,
            place: format!("{path}, {what}"),
            line: 1,
            text,
        })
    };
    list(members, "event").filter_map(script).collect()
}
