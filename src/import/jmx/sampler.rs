//! HTTP samplers as requests.

use super::arguments::{self, Argument};
use super::body;
use super::config;
use super::element::Element;
use super::reader::Reader;
use super::scope::Scope;
use super::url;
use crate::import::exchange::{Body, Exchange};
use crate::import::pieces::template;
use crate::import::time;
use crate::import::url::is_host;
use crate::import::yaml::{Yaml, one_or_list};

/// Methods whose arguments are in the body.
const WITH_BODY: [&str; 3] = ["POST", "PUT", "PATCH"];
/// What JMeter calls a sampler until a person does.
const DEFAULT_NAME: &str = "HTTP Request";

/// Returns the request of a sampler.
///
/// # Errors
/// If it can't be carried over, with the reason.
pub(super) fn exchange(
    reader: &mut Reader<'_>,
    sampler: &Element,
    scope: &Scope<'_>,
) -> Result<Exchange, String> {
    let defaults = config::defaults(scope);
    let found = url::of(reader, sampler, &defaults)?;
    let method = method(reader, sampler)?;
    let arguments = arguments::of(reader, sampler, &defaults);
    let files = body::files(reader, sampler);
    let has_body = WITH_BODY.contains(&method.as_str()) || arguments.is_raw || !files.is_empty();
    let mut headers = config::headers(reader, scope);
    let mut path = found.path;
    let mut step = Vec::new();
    let body = if has_body {
        body::of(reader, sampler, arguments, files, &mut headers)
    } else {
        query(reader, &arguments.list, &mut path, &mut step);
        Body::None
    };
    let body = reader.variables.values.credentials.hide_body(body);
    if let Some(cookie) = config::cookies(reader, scope, &found.host) {
        headers.push(("cookie".into(), cookie));
    }
    hide(reader, &mut headers);
    let mut target = http(reader, sampler, scope, found.shown.starts_with("https"));
    config::login(
        reader,
        scope,
        &format!("{}{path}", found.shown),
        &mut step,
        &mut target,
    );
    if let Some(timeout) = timeout(reader, sampler, &defaults) {
        step.push(("timeout".into(), timeout));
    }
    if sampler.is("HTTPSampler.image_parser") {
        let note =
            "embedded resources are not fetched: write them as `parallel`, or `crawl` the page";
        reader.note(sampler, note);
    }
    let title = sampler.title();
    Ok(Exchange {
        name: Some(title.to_owned()).filter(|title| !title.is_empty() && title != DEFAULT_NAME),
        method,
        origin: found.origin,
        path,
        headers,
        body,
        step,
        target,
    })
}

fn method(reader: &mut Reader<'_>, sampler: &Element) -> Result<String, String> {
    let given = sampler.given("HTTPSampler.method").unwrap_or("GET");
    let method = reader.variables.plain(given).unwrap_or_default();
    let method = method.trim().to_ascii_uppercase();
    let is_token = !method.is_empty()
        && method.len() <= 40
        && method.chars().all(|c| c.is_ascii_alphabetic() || c == '-');
    if is_token {
        Ok(method)
    } else {
        Err("its method is not a fixed word".into())
    }
}

/// Adds arguments to the query.
fn query(
    reader: &mut Reader<'_>,
    arguments: &[Argument],
    path: &mut String,
    step: &mut Vec<(String, Yaml)>,
) {
    let arguments: Vec<&Argument> = arguments
        .iter()
        .filter(|argument| !argument.name.is_empty())
        .collect();
    if arguments.is_empty() {
        return;
    }
    // What is sent as it is written stands in the path; the rest is encoded.
    if arguments.iter().all(|argument| argument.is_encoded()) {
        let mut pairs: Vec<(String, Vec<Yaml>)> = Vec::new();
        for argument in arguments {
            let value = template(&argument.value);
            let value = reader
                .variables
                .values
                .credentials
                .hide_field(&argument.name, value);
            let value = Yaml::text(value);
            match pairs.iter_mut().find(|(name, _)| *name == argument.name) {
                Some((_, values)) => values.push(value),
                None => pairs.push((argument.name.clone(), vec![value])),
            }
        }
        let pairs = pairs
            .into_iter()
            .map(|(name, values)| (name, one_or_list(values)));
        step.insert(0, ("query".into(), Yaml::map(pairs)));
        return;
    }
    let pairs: Vec<String> = arguments.iter().map(|argument| argument.pair()).collect();
    let query = reader
        .variables
        .values
        .credentials
        .hide_pairs(&pairs.join("&"));
    path.push(if path.contains('?') { '&' } else { '?' });
    path.push_str(&query);
}

/// Hides the values of headers that hold credentials.
fn hide(reader: &mut Reader<'_>, headers: &mut [(String, String)]) {
    for (name, value) in headers {
        let credentials = &mut reader.variables.values.credentials;
        *value = credentials.hide_header(name, std::mem::take(value));
    }
}

/// Returns the settings of a target.
fn http(
    reader: &mut Reader<'_>,
    sampler: &Element,
    scope: &Scope<'_>,
    is_sealed: bool,
) -> Vec<(String, Yaml)> {
    let mut http = Vec::new();
    if sampler.is("HTTPSampler.follow_redirects") || sampler.is("HTTPSampler.auto_redirects") {
        http.push(("redirects", Yaml::plain(config::REDIRECTS)));
    }
    if !config::keeps_cookies(scope) {
        http.push(("cookies", Yaml::plain(false)));
    }
    if sampler.property("HTTPSampler.use_keepalive").trim() == "false" {
        http.push(("keep_alive", Yaml::text("never")));
    }
    if let (Some(host), port) = (
        sampler.given("HTTPSampler.proxyHost"),
        sampler.given("HTTPSampler.proxyPort").unwrap_or("80"),
    ) {
        match (reader.variables.plain(host), port.parse::<u16>()) {
            (Some(host), Ok(port)) if is_host(&host) => {
                http.push(("proxy", Yaml::text(format!("http://{host}:{port}"))));
            }
            _ => reader.note(sampler, "its proxy is not carried over"),
        }
    }
    if is_sealed && !std::mem::replace(&mut reader.has_told_of_tls, true) {
        let note = "JMeter accepts any certificate: write `tls: { insecure: true }` for the target if it needs that";
        reader.note(sampler, note);
    }
    let mut target = Vec::new();
    if !http.is_empty() {
        target.push(("http".to_owned(), Yaml::map(http)));
    }
    target
}

fn timeout(reader: &mut Reader<'_>, sampler: &Element, defaults: &[&Element]) -> Option<Yaml> {
    let mut timeout = Vec::new();
    for (property, key) in [
        ("HTTPSampler.connect_timeout", "connect"),
        ("HTTPSampler.response_timeout", "first_byte"),
    ] {
        let given = config::setting(sampler, defaults, property)?;
        let ms = reader
            .variables
            .plain(given)
            .and_then(|text| text.trim().parse::<f64>().ok());
        match ms.and_then(time::of_ms) {
            Some(_) if ms == Some(0.0) => {}
            Some(time) => timeout.push((key, Yaml::plain(time))),
            None => reader.note(sampler, "a timeout that is not a number: left out"),
        }
    }
    (!timeout.is_empty()).then(|| Yaml::map(timeout))
}
