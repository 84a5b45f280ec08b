//! Requests.

use super::reader::Reader;
use super::tree::Tree;
use super::{capture, condition, expectation};
use crate::import::exchange::{Body, Exchange};
use crate::import::pieces::{Piece, template};
use crate::import::read::{Action, Steps};
use crate::import::template::literal;
use crate::import::time;
use crate::import::url::{Absolute, absolute, is_authority, path};
use crate::import::yaml::Yaml;

/// How many redirects Artillery follows.
const REDIRECTS: u32 = 10;
/// Keys of a request that are read.
const KEYS: [&str; 17] = [
    "auth",
    "body",
    "capture",
    "cookie",
    "expect",
    "followRedirect",
    "form",
    "formData",
    "gzip",
    "headers",
    "ifTrue",
    "json",
    "name",
    "qs",
    "timeout",
    "uri",
    "url",
];

/// Adds a request.
pub(super) fn read(
    reader: &mut Reader,
    place: &str,
    method: &str,
    request: &Tree,
    steps: &mut Steps,
) {
    for (key, _) in request.entries() {
        if matches!(key, "beforeRequest" | "afterResponse") {
            let note = format!("`{key}` is not carried over: functions in JavaScript are not run");
            reader.note(place, note);
        } else if !KEYS.contains(&key) {
            reader.note(
                place,
                format!("`{}` is not carried over", key.escape_debug()),
            );
        }
    }
    match exchange(reader, place, method, request) {
        Ok(exchange) => reader
            .pending
            .push(steps, Action::Request(Box::new(exchange))),
        Err(why) => reader.note(place, format!("the request is left out: {why}")),
    }
}

fn exchange(
    reader: &mut Reader,
    place: &str,
    method: &str,
    request: &Tree,
) -> Result<Exchange, String> {
    let url = request
        .text("url")
        .or_else(|| request.text("uri"))
        .or_else(|| request.scalar());
    let url = url.ok_or("`url` is missing")?;
    let (origin, path) = address(reader, place, &url)?;
    let mut headers = headers(reader, place, request);
    let body = body(reader, place, request, &headers);
    let body = reader.values.credentials.hide_body(body);
    if let Body::Json(_) = body {
        headers.retain(|(name, value)| name != "content-type" || value != "application/json");
    }
    let mut step = Vec::new();
    if let Some(pairs) = request.get("qs") {
        let pairs = members(reader, place, pairs);
        if !pairs.is_empty() {
            step.push(("query".to_owned(), Yaml::Map(pairs)));
        }
    }
    if let Some(auth) = request.get("auth") {
        let text = |key: &str| auth.text(key).unwrap_or_default();
        let user = reader.text(place, &text("user"));
        let password = reader.text(place, &text("pass"));
        let password = reader.values.credentials.hide("password", &password);
        if user.contains(':') {
            reader.note(place, "a login whose user contains a colon: left out");
        } else {
            let login = [
                ("user", Yaml::text(user)),
                ("password", Yaml::text(password)),
            ];
            step.push(("auth".into(), Yaml::map([("basic", Yaml::map(login))])));
        }
    }
    let seconds = request.number("timeout");
    if let Some(time) = seconds
        .filter(|seconds| *seconds > 0.0)
        .and_then(time::of_seconds)
    {
        step.push(("timeout".into(), Yaml::plain(time)));
    }
    if let Some(condition) = request.text("ifTrue") {
        match condition::expression(reader, place, &condition) {
            Some(condition) => step.push(("when".into(), Yaml::text(condition))),
            None => reader.note(
                place,
                "`ifTrue` is not carried over: the request is always sent; see `when`",
            ),
        }
    }
    if let Some(expect) = request
        .get("expect")
        .and_then(|expect| expectation::read(reader, place, expect, request.get("capture")))
    {
        step.push(("expect".into(), expect));
    }
    if let Some(captures) = request
        .get("capture")
        .and_then(|capture| capture::read(reader, place, capture))
    {
        step.push(("capture".into(), captures));
    }
    Ok(Exchange {
        name: request.text("name").filter(|name| !name.trim().is_empty()),
        method: method.to_ascii_uppercase(),
        origin,
        path,
        headers,
        body,
        step,
        target: target(reader, request),
    })
}

/// Returns the settings of the target.
fn target(reader: &Reader, request: &Tree) -> Vec<(String, Yaml)> {
    // Each of Artillery's users has a connection of its own.
    let mut http = vec![("keep_alive", Yaml::text("per_iteration"))];
    if request.text("followRedirect").as_deref() != Some("false") {
        http.push(("redirects", Yaml::plain(REDIRECTS)));
    }
    let mut target = vec![("http".to_owned(), Yaml::map(http))];
    let seconds = reader.timeout.filter(|seconds| *seconds > 0.0);
    if let Some(time) = seconds.and_then(time::of_seconds) {
        target.push(("timeout".into(), Yaml::plain(time)));
    }
    if reader.is_insecure {
        let tls = Yaml::map([("insecure", Yaml::plain(true))]);
        target.push(("tls".into(), tls));
    }
    target
}

/// Returns the origin and the path of a URL, which may be relative to the target.
fn address(reader: &mut Reader, place: &str, url: &str) -> Result<(String, String), String> {
    let own = reader.pieces(place, url.trim());
    if let Some(found) = absolute(&own) {
        return origin(reader, found, Vec::new());
    }
    if reader.target.is_empty() {
        return Err("`config.target` is missing".into());
    }
    // A target that is a variable is the whole URL of a target here.
    if let [Piece::Value(_)] = reader.target.as_slice()
        && reader.values.likely_text(&reader.target).is_some()
    {
        let path = path(own, &mut reader.values.credentials);
        return Ok((template(&reader.target), path));
    }
    match absolute(&reader.target) {
        Some(found) => origin(reader, found, own),
        None => Err("`config.target` is not the URL of an HTTP server".into()),
    }
}

/// Returns the origin of a URL and its path, which another one follows.
fn origin(
    reader: &mut Reader,
    found: Absolute,
    behind: Vec<Piece>,
) -> Result<(String, String), String> {
    let server = reader.values.likely_text(&found.authority);
    let server = server.ok_or("its host is not known before the run")?;
    if !is_authority(&server) {
        return Err("its host is not valid".into());
    }
    let mut pieces = found.rest;
    if let (Some(Piece::Text(last)), Some(Piece::Text(first))) = (pieces.last_mut(), behind.first())
        && first.starts_with('/')
    {
        last.truncate(last.trim_end_matches('/').len());
    }
    pieces.extend(behind);
    let origin = format!("{}://{}", found.scheme, template(&found.authority));
    Ok((origin, path(pieces, &mut reader.values.credentials)))
}

/// Returns the headers of a request, and its cookies.
fn headers(reader: &mut Reader, place: &str, request: &Tree) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    let own = request.get("headers").into_iter().flat_map(Tree::entries);
    let own: Vec<(String, Tree)> = own
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .collect();
    for (name, value) in reader.defaults.clone().into_iter().chain(own) {
        let name = name.trim().to_ascii_lowercase();
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        let value = value.scalar();
        let Some(value) = value.filter(|_| !name.is_empty() && name.chars().all(is_token)) else {
            reader.note(place, "a header whose name or value is not valid: left out");
            continue;
        };
        if matches!(name.as_str(), "content-length" | "connection" | "host") {
            reader.note(
                place,
                format!("the header `{name}` is not carried over: it is sent anyway"),
            );
            continue;
        }
        let value = reader.text(place, &value).replace(char::is_control, " ");
        let value = reader
            .values
            .credentials
            .hide_header(&name, value.trim().to_owned());
        all.retain(|(known, _)| *known != name);
        all.push((name, value));
    }
    let cookies = [
        reader.cookies.clone(),
        request.get("cookie").cloned().unwrap_or_default(),
    ];
    let mut pairs = Vec::new();
    for (name, value) in cookies.iter().flat_map(Tree::entries) {
        let value = reader.text(place, &value.scalar().unwrap_or_default());
        let name = literal(name);
        pairs.push(format!("{name}={value}").replace(char::is_control, " "));
    }
    if !pairs.is_empty() {
        let value = reader
            .values
            .credentials
            .hide_header("cookie", pairs.join("; "));
        all.retain(|(known, _)| known != "cookie");
        all.push(("cookie".into(), value));
    }
    all
}

/// Returns pairs of a query or a form.
fn members(reader: &mut Reader, place: &str, pairs: &Tree) -> Vec<(String, Yaml)> {
    let mut members = Vec::new();
    for (name, value) in pairs.entries() {
        let value = match value {
            Tree::List(items) => {
                let items: Vec<Yaml> = items
                    .iter()
                    .filter_map(Tree::scalar)
                    .map(|item| Yaml::text(reader.text(place, &item)))
                    .collect();
                if items.is_empty() {
                    continue;
                }
                Yaml::List(items)
            }
            value => match value.scalar() {
                Some(text) => {
                    let text = reader.text(place, &text);
                    Yaml::text(reader.values.credentials.hide_field(name, text))
                }
                None => {
                    let shown = name.escape_debug();
                    reader.note(place, format!("`{shown}` is not a single value: left out"));
                    continue;
                }
            },
        };
        members.push((literal(name), value));
    }
    members
}

fn body(reader: &mut Reader, place: &str, request: &Tree, headers: &[(String, String)]) -> Body {
    if let Some(json) = request.get("json") {
        return Body::Json(reader.json(place, json));
    }
    if let Some(form) = request.get("form") {
        return Body::Form(members(reader, place, form));
    }
    if let Some(form) = request.get("formData") {
        return match parts(reader, place, form) {
            parts if parts.is_empty() => Body::None,
            parts => Body::Multipart(parts),
        };
    }
    match request.get("body") {
        None | Some(Tree::Null) => Body::None,
        Some(body @ (Tree::Text(_) | Tree::Plain(_))) => {
            let text = reader.text(place, &body.scalar().unwrap_or_default());
            if text.is_empty() {
                return Body::None;
            }
            let is_json = headers
                .iter()
                .any(|(name, value)| name == "content-type" && value == "application/json");
            match crate::import::json::yaml(&text).filter(|_| is_json) {
                Some(value) => Body::Json(value),
                None => Body::Text(text),
            }
        }
        Some(body) => Body::Json(reader.json(place, body)),
    }
}

/// Returns the parts of a form, some of which may be files.
fn parts(reader: &mut Reader, place: &str, form: &Tree) -> Vec<(String, Yaml)> {
    let mut parts = Vec::new();
    for (name, value) in form.entries() {
        let part = match value.text("fromFile") {
            Some(file) if !file.trim().is_empty() => {
                let mut part = vec![("file", Yaml::text(literal(file.trim())))];
                if let Some(kind) = value.text("contentType") {
                    part.push(("content_type", Yaml::text(kind)));
                }
                Yaml::map(part)
            }
            _ => match value.scalar() {
                Some(text) => Yaml::text(reader.text(place, &text)),
                None => {
                    let shown = name.escape_debug();
                    reader.note(
                        place,
                        format!("`{shown}` is neither a text nor a file: left out"),
                    );
                    continue;
                }
            },
        };
        if name.trim().is_empty() || name.contains(char::is_control) {
            reader.note(place, "a part whose name is not valid: left out");
            continue;
        }
        parts.push((literal(name), part));
    }
    parts
}
