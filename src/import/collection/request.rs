//! The requests of a collection.

use super::auth::{Sender, sender};
use super::certificates::Certificates;
use super::content;
use super::expect::{capture, expect};
use super::form::{Auth, Call, Check, Content, Pair};
use super::pieces::{Piece, template};
use super::script::Plain;
use super::url::{Url, split, with_segments};
use super::variables::Variables;
use crate::import::credentials::is_secret_header;
use crate::import::exchange::{Body, Exchange};
use crate::import::names::{self, is_token};
use crate::import::yaml::Yaml;

/// The most redirects that a scenario can follow.
const MAX_REDIRECTS: u32 = 20;
/// The most headers of a request, without those that its body and its target add.
const MAX_HEADERS: usize = 90;
/// Headers that say how a request is sent, which loadgen decides by itself.
const OWN: [&str; 8] = [
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];
/// What generators of collections write where a person must put a value.
const PLACEHOLDERS: [&str; 14] = [
    "<string>",
    "<integer>",
    "<number>",
    "<boolean>",
    "<long>",
    "<double>",
    "<float>",
    "<dateTime>",
    "<date>",
    "<uuid>",
    "<email>",
    "<uri>",
    "<object>",
    "<array>",
];

/// What requests have from the folders around them.
#[derive(Clone, Debug)]
pub(super) struct Inherited {
    /// Their authentication.
    pub auth: Auth,
    /// Their headers.
    pub headers: Vec<Pair>,
    /// What scripts check and take.
    pub plain: Plain,
    /// How many redirects they follow.
    pub redirects: u32,
}

/// What a request has besides what it says itself.
pub(super) struct Around<'a> {
    /// What it has from the folders around it.
    pub inherited: &'a Inherited,
    /// What its own scripts check and take.
    pub plain: &'a Plain,
    /// The client certificates of the collection.
    pub certificates: &'a Certificates<'a>,
}

/// Returns a request. What could not be carried over of it is in the notes of `variables`.
pub(super) fn exchange(
    call: &Call,
    name: String,
    around: &Around<'_>,
    variables: &mut Variables,
) -> Result<Exchange, String> {
    let inherited = around.inherited;
    let method = variables.plain(call.method.trim()).unwrap_or_default();
    let method = Some(method).filter(|method| !method.is_empty());
    let method = method.unwrap_or_else(|| "GET".into());
    if !is_token(&method) {
        return Err(format!("`{}` is not a method", method.escape_debug()));
    }
    let (url, empty) = with_segments(&call.url, &call.segments);
    for segment in empty {
        let segment = segment.escape_debug();
        variables.note(&format!("`{segment}` has no value: put one in its place"));
    }
    let Url {
        origin,
        target: base,
        login,
        mut path,
    } = split(&url, variables)?;
    let login = login.map(|(user, password)| Auth::Basic(Pair::new(user, password)));
    let mut headers = headers(call, inherited, variables);
    let auth = call
        .auth
        .clone()
        .or(login)
        .unwrap_or_else(|| inherited.auth.clone());
    let Sender {
        step: auth,
        target: target_auth,
        header,
        query,
    } = sender(&auth, variables);
    let auth = if auth.is_some() || target_auth.is_some() {
        headers.retain(|(name, _)| name != "authorization");
        auth
    } else {
        bearer(&mut headers)
    };
    if let Some((name, value)) = header {
        put_header(&mut headers, &name, value, variables);
    }
    if let Some((name, value)) = query {
        let mark = if path.contains('?') { '&' } else { '?' };
        let pieces = [Piece::Text(name)];
        path.push_str(&format!("{mark}{}={value}", super::url::encoded(&pieces)));
    }
    let body = body(call, &method, &mut headers, variables);
    placeholders(call, variables);
    let mut step = Vec::new();
    step.extend(auth.map(|auth| ("auth".to_owned(), auth)));
    if let Some(ms) = call.timeout_ms.filter(|ms| *ms > 0) {
        step.push(("timeout".into(), Yaml::plain(format!("{ms}ms"))));
    }
    let (checks, captures) = demands(call, inherited, around.plain);
    step.extend(expect(&checks, variables).map(|expect| ("expect".to_owned(), expect)));
    step.extend(capture(&captures, variables).map(|capture| ("capture".to_owned(), capture)));
    let mut target = target(call, inherited, base, target_auth);
    let mut tls = around.certificates.of(call, &origin, variables);
    if call.is_insecure && origin.starts_with("https") {
        tls.push(("insecure", Yaml::plain(true)));
    }
    if !tls.is_empty() {
        target.push(("tls".into(), Yaml::map(tls)));
    }
    Ok(Exchange {
        name: Some(name).filter(|name| !name.is_empty()),
        method,
        target,
        origin,
        path,
        headers,
        body,
        step,
    })
}

/// Returns the body, if the client sends one.
fn body(
    call: &Call,
    method: &str,
    headers: &mut Vec<(String, String)>,
    variables: &mut Variables,
) -> Body {
    let is_bodyless = matches!(method, "GET" | "HEAD" | "COPY" | "PURGE" | "UNLOCK");
    match &call.content {
        Content::None => Body::None,
        _ if is_bodyless && !call.keeps_body => {
            variables.note("its body is left out, because the client sends none with this method");
            Body::None
        }
        content => content::body(content, headers, variables),
    }
}

/// Returns what the target says besides the URL that the origin is.
fn target(
    call: &Call,
    inherited: &Inherited,
    base: Option<String>,
    auth: Option<Yaml>,
) -> Vec<(String, Yaml)> {
    let mut target = Vec::new();
    target.extend(base.map(|base| ("url".to_owned(), Yaml::text(base))));
    target.extend(auth.map(|auth| ("auth".to_owned(), auth)));
    let redirects = call
        .redirects
        .unwrap_or(inherited.redirects)
        .min(MAX_REDIRECTS);
    if redirects > 0 {
        let http = Yaml::map([("redirects", Yaml::plain(redirects))]);
        target.push(("http".into(), http));
    }
    target
}

/// Returns what is expected of a response and taken from it. Statuses that were saved count where no
/// check names one.
fn demands(
    call: &Call,
    inherited: &Inherited,
    own: &Plain,
) -> (Vec<Check>, Vec<(String, super::form::Capture)>) {
    let inherited = &inherited.plain;
    let mut checks: Vec<Check> = Vec::new();
    let all = [&call.checks, &own.checks, &inherited.checks];
    for check in all.into_iter().flatten() {
        if !checks.contains(check) {
            checks.push(check.clone());
        }
    }
    let names_status = |check: &Check| match check {
        Check::Status(_) => true,
        Check::When(condition) => condition.contains("status"),
        _ => false,
    };
    if !checks.iter().any(names_status) {
        let mut examples = call.examples.clone();
        if examples.iter().any(|status| (200..400).contains(status)) {
            examples.retain(|status| (200..400).contains(status));
        }
        examples.sort_unstable();
        examples.dedup();
        if !examples.is_empty() {
            let status = examples.iter().map(ToString::to_string).collect();
            checks.insert(0, Check::Status(status));
        }
    }
    let captures = [&inherited.captures, &own.captures, &call.captures];
    (checks, captures.into_iter().flatten().cloned().collect())
}

fn headers(call: &Call, inherited: &Inherited, variables: &mut Variables) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let is_replaced = |pair: &&Pair| {
        let is_it = |own: &Pair| own.name.eq_ignore_ascii_case(&pair.name);
        !call.headers.iter().any(is_it)
    };
    let around = inherited.headers.iter().filter(is_replaced);
    for Pair { name, value } in around.chain(&call.headers) {
        let Some(name) = variables.plain(name.trim()) else {
            variables.note("a header whose name is not known is left out");
            continue;
        };
        let pieces = variables.pieces(value.trim());
        let is_plain = |text: &String| !text.contains(char::is_control);
        let is_sendable = |piece: &Piece| match piece {
            Piece::Text(text) => is_plain(text),
            Piece::Value(value) => value.known.as_ref().is_none_or(is_plain),
        };
        if !pieces.iter().all(is_sendable) {
            let name = name.escape_debug();
            variables.note(&format!(
                "the header `{name}` has control characters: left out"
            ));
            continue;
        }
        let value = if is_secret_header(&name) {
            variables.hide(&name, &pieces)
        } else {
            template(&pieces)
        };
        put_header(&mut all, &name, value, variables);
    }
    all
}

/// Adds a header, if it can be sent.
fn put_header(
    headers: &mut Vec<(String, String)>,
    name: &str,
    value: String,
    variables: &mut Variables,
) {
    let name = name.to_ascii_lowercase();
    if !is_token(&name) {
        let name = name.escape_debug();
        variables.note(&format!("the header `{name}` is not valid: left out"));
    } else if OWN.contains(&name.as_str()) {
        variables.note(&format!("the header `{name}` is loadgen's own: left out"));
    } else if headers.len() >= MAX_HEADERS {
        variables.note(&format!("only {MAX_HEADERS} headers are carried over"));
    } else {
        headers.push((name, value));
    }
}

/// Takes a bearer token out of the headers.
fn bearer(headers: &mut Vec<(String, String)>) -> Option<Yaml> {
    let token = |value: &str| {
        let (scheme, token) = value.split_once(' ')?;
        let token = token.trim();
        let is_bearer = scheme.eq_ignore_ascii_case("bearer") && token.starts_with("{{");
        is_bearer.then(|| token.to_owned())
    };
    let at = headers
        .iter()
        .position(|(name, _)| name == "authorization")?;
    let token = token(&headers[at].1)?;
    headers.remove(at);
    Some(Yaml::map([("bearer", Yaml::text(token))]))
}

/// Notes that a person must put values in.
fn placeholders(call: &Call, variables: &mut Variables) {
    let mut texts: Vec<&str> = vec![&call.url];
    texts.extend(call.segments.iter().map(|pair| pair.value.as_str()));
    match &call.content {
        Content::Text(text, _) => texts.push(text),
        Content::Form(fields) => texts.extend(fields.iter().map(|pair| pair.value.as_str())),
        Content::Multipart(parts) => texts.extend(parts.iter().map(|part| part.text.as_str())),
        _ => {}
    }
    let found: Vec<&str> = PLACEHOLDERS
        .into_iter()
        .filter(|known| texts.iter().any(|text| text.contains(known)))
        .collect();
    if !found.is_empty() {
        variables.note(&format!("put values in place of {}", found.join(", ")));
    }
}

/// Returns a name of a step or a group, which is one line.
pub(super) fn shown(name: &str) -> String {
    let name: String = name
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    names::shown(name.trim())
}
