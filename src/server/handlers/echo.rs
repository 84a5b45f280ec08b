//! Routes that tell the client what it sent.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::api::later;
use crate::server::call::Call;
use crate::server::reply::{Problem, Reply};
use crate::server::state::State;

/// `/headers`
pub(crate) fn headers(_: &State, call: &Call<'_>) -> Result<Reply, Problem> {
    Ok(Reply::json(&json!({ "headers": header_map(call) })))
}

/// `/anything`: the body as text, or in base64 if it is not text; also decoded, if it is declared
/// to be JSON and is.
pub(crate) fn anything(state: &State, call: &Call<'_>) -> Result<Reply, Problem> {
    let mut query = Map::new();
    for (name, value) in call.query() {
        push(&mut query, &name, value.into_owned());
    }
    let (body, encoding) = match std::str::from_utf8(call.body) {
        Ok(text) => (text.to_owned(), "text"),
        Err(_) => (STANDARD.encode(call.body), "base64"),
    };
    let decoded: Value = match call.content_type() {
        "application/json" => serde_json::from_slice(call.body).unwrap_or(Value::Null),
        _ => Value::Null,
    };
    let echo = Reply::json(&json!({
        "method": call.method.as_str(),
        "path": call.path(),
        "query": query,
        "headers": header_map(call),
        "body": body,
        "body_encoding": encoding,
        "body_bytes": call.body.len(),
        "json": decoded,
    }));
    later(state, call, echo)
}

fn header_map(call: &Call<'_>) -> Map<String, Value> {
    let mut map = Map::new();
    for (name, value) in call.headers {
        push(
            &mut map,
            name.as_str(),
            String::from_utf8_lossy(value.as_bytes()).into_owned(),
        );
    }
    map
}

/// Adds a value; a repeated name becomes a list.
fn push(map: &mut Map<String, Value>, name: &str, value: String) {
    match map.get_mut(name) {
        None => drop(map.insert(name.to_owned(), value.into())),
        Some(Value::Array(values)) => values.push(value.into()),
        Some(one) => *one = json!([one.take(), value]),
    }
}
