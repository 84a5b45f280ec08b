//! Headers: names in lower case, and values that can be sent.

use http::{HeaderName, HeaderValue};

use super::decode;
use super::diagnostic::{Diagnostics, Span, quoted};
use super::tree::{Node, Value};
use crate::plan::Template;

/// Headers that loadgen writes itself or must not send, with what to do instead. They control how
/// the connection is used, and a conflicting value would break it.
const OWN: [(&str, &str); 7] = [
    ("content-length", FROM_BODY),
    ("transfer-encoding", FROM_BODY),
    ("upgrade", "remove it: a `websocket` step sends it"),
    (
        "sec-websocket-key",
        "remove it: a `websocket` step draws one",
    ),
    (
        "sec-websocket-version",
        "remove it: a `websocket` step sends it",
    ),
    (
        "sec-websocket-accept",
        "remove it: it is for servers to send",
    ),
    (
        "sec-websocket-extensions",
        "remove it: loadgen speaks no extensions of WebSocket, so it must not offer any",
    ),
];
const FROM_BODY: &str = "remove it: it follows from the body";

/// Decodes a `headers` map of a request.
pub(super) fn decode(node: &Node, problems: &mut Diagnostics) -> Vec<(String, Template)> {
    read(node, &OWN, problems)
}

/// Decodes a `metadata` map of a call of gRPC, which may not have the names that gRPC uses itself.
pub(super) fn metadata(node: &Node, problems: &mut Diagnostics) -> Vec<(String, Template)> {
    const OF_GRPC: &str = "remove it: it follows from the other keys of the step";
    let own = ["content-type", "te", "host", "connection"].map(|name| (name, OF_GRPC));
    if let Value::Map(entries) = &node.value {
        let is_reserved = |key: &str| key.to_ascii_lowercase().starts_with("grpc-");
        for entry in entries.iter().filter(|entry| is_reserved(&entry.key)) {
            problems
                .error(
                    entry.key_span,
                    format!(
                        "the name {} is reserved for gRPC itself",
                        quoted(&entry.key)
                    ),
                )
                .help("choose another name");
        }
    }
    let refused: Vec<_> = OWN.into_iter().chain(own).collect();
    read(node, &refused, problems)
}

/// Decodes a `headers` map of expected headers, including ones that a request must not set, such as
/// `content-length`.
pub(super) fn expected(node: &Node, problems: &mut Diagnostics) -> Vec<(String, Template)> {
    read(node, &[], problems)
}

/// Reports characters of a value that can't be sent in a header; values inserted at run time are
/// checked at run time.
pub(super) fn sendable(
    name: &str,
    value: &Template,
    place: Span,
    problems: &mut Diagnostics,
) -> bool {
    let text = fixed(value);
    if text.contains(['\r', '\n']) {
        problems
            .error(place, format!("the header `{name}` contains a line break"))
            .help("keep it on one line: a line break would begin another header");
    } else if HeaderValue::from_str(&text).is_err() {
        problems
            .error(
                place,
                format!("the header `{name}` contains a character that can't be sent"),
            )
            .help("control characters can't stand in a header; encode it, for example in base64");
    } else {
        return true;
    }
    false
}

fn read(
    node: &Node,
    refused: &[(&str, &'static str)],
    problems: &mut Diagnostics,
) -> Vec<(String, Template)> {
    let entries = match &node.value {
        Value::Map(entries) => entries,
        Value::Broken => return Vec::new(),
        _ => {
            problems
                .error(
                    node.span,
                    format!("`headers` must be a map, but this is {}", node.describe()),
                )
                .help("write `headers: { accept: application/json }`");
            return Vec::new();
        }
    };
    let mut headers: Vec<(String, Template)> = Vec::with_capacity(entries.len());
    if let Some(entry) = entries.get(100) {
        problems
            .error(entry.key_span, "more than 100 headers")
            .help("no server accepts that many; remove some");
        return headers;
    }
    for entry in entries {
        let Ok(name) = HeaderName::from_bytes(entry.key.as_bytes()) else {
            problems
                .error(
                    entry.key_span,
                    format!("{} is not a valid header name", quoted(&entry.key)),
                )
                .help("use letters, digits and `-`, without spaces");
            continue;
        };
        let Some(value) = decode::template(&entry.value, &entry.key, problems) else {
            continue;
        };
        if !sendable(name.as_str(), &value, entry.value.span, problems) {
            continue;
        }
        if let Some((_, help)) = refused
            .iter()
            .find(|(refused, _)| *refused == name.as_str())
        {
            problems
                .error(
                    entry.key_span,
                    format!("the header `{name}` is set by loadgen itself"),
                )
                .help(*help);
        } else if headers.iter().any(|(known, _)| known == name.as_str()) {
            problems
                .error(entry.key_span, format!("the header `{name}` appears twice"))
                .help("header names are case-insensitive: keep one");
        } else {
            let value = value.as_text().map_or_else(
                || value.clone(),
                |text| Template::from(text.trim().to_owned()),
            );
            headers.push((name.as_str().to_owned(), value));
        }
    }
    headers
}

/// Returns the parts of a value that are known before the run.
fn fixed(value: &Template) -> String {
    value.texts().collect()
}
