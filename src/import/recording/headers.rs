//! Which headers of a recorded request are a scenario's.

use super::select::Kept;
use super::traffic::Kind;

/// Headers that connections, caches and browsers send by themselves.
const OWN: [&str; 31] = [
    "accept-encoding",
    "access-control-request-headers",
    "access-control-request-method",
    "cache-control",
    "connection",
    "content-length",
    "device-memory",
    "dnt",
    "downlink",
    "dpr",
    "ect",
    "expect",
    "host",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "keep-alive",
    "pragma",
    "priority",
    "proxy-authorization",
    "proxy-connection",
    "purpose",
    "referer",
    "rtt",
    "save-data",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "upgrade-insecure-requests",
    "user-agent",
];

/// Returns the headers of a request that its step says, without its cookies.
pub(super) fn of_step(kept: &Kept<'_>) -> Vec<(String, String)> {
    let request = kept.recorded;
    // Servers tell forged requests by where they come from; what only reads needs no such proof.
    let changes =
        !matches!(request.method.as_str(), "GET" | "HEAD") || kept.kind == Kind::WebSocket;
    let mut all = Vec::new();
    for (name, value) in &request.headers {
        let is_own = name.starts_with(':')
            || (name.starts_with("sec-") && name != "sec-websocket-protocol")
            || name == "cookie"
            || OWN.contains(&name.as_str())
            || (name == "origin" && !changes);
        if is_own || !is_token(name) || value.contains(char::is_control) {
            continue;
        }
        if name == "accept" {
            all.extend(accepted(value, kept.kind).map(|value| (name.clone(), value.to_owned())));
        } else {
            all.push((name.clone(), value.clone()));
        }
    }
    all
}

/// Returns an `accept` header as a person would write it; `None` for one that accepts everything, or
/// that browsers send for the parts of a page.
fn accepted(value: &str, kind: Kind) -> Option<&str> {
    if value == "*/*" || kind.is_asset() {
        return None;
    }
    // What a browser says of pages names all of its image formats, too.
    if value.starts_with("text/html,") {
        return Some("text/html");
    }
    Some(value)
}

/// Returns whether a text can be a method or the name of a header (RFC 9110, section 5.6.2).
pub(super) fn is_token(text: &str) -> bool {
    let is_good = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !text.is_empty() && text.chars().all(is_good)
}
