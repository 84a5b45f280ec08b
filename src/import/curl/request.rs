//! The requests of a transfer: one for each of its URLs.

use super::arguments::Transfer;
use super::body::{self, Sent};
use super::settings;
use super::url::{Url, added_query, split, without_credentials};
use crate::import::credentials::{Credentials, is_secret_header};
use crate::import::exchange::{Body, Exchange};
use crate::import::names::is_token;
use crate::import::note::Place;
use crate::import::read::Steps;
use crate::import::yaml::Yaml;

/// Options that are read here, in [`settings`] or in [`body`].
const READ: [&str; 41] = [
    "aws-sigv4",
    "cacert",
    "cert",
    "compressed",
    "connect-timeout",
    "cookie",
    "data",
    "data-ascii",
    "data-binary",
    "data-raw",
    "data-urlencode",
    "digest",
    "form",
    "form-string",
    "get",
    "head",
    "header",
    "http2",
    "http2-prior-knowledge",
    "insecure",
    "json",
    "key",
    "location",
    "max-redirs",
    "max-time",
    "oauth2-bearer",
    "path-as-is",
    "proxy",
    "proxy-user",
    "range",
    "referer",
    "request",
    "resolve",
    "retry",
    "tlsv1.2",
    "tlsv1.3",
    "unix-socket",
    "upload-file",
    "url-query",
    "user",
    "user-agent",
];

/// Adds the requests of a transfer.
pub(super) fn read(transfer: &Transfer, steps: &mut Steps, credentials: &mut Credentials) {
    for (line, note) in &transfer.notes {
        steps.note(Place::Line(*line), note.as_str());
    }
    for given in &transfer.options {
        let name = given.name.as_str();
        if !READ.contains(&name.strip_prefix("no-").unwrap_or(name)) {
            steps.note(
                Place::Line(given.line),
                format!("`--{name}` is not carried over"),
            );
        }
    }
    if transfer.urls.is_empty() {
        steps.note(
            Place::Line(transfer.line),
            "a command without a URL: left out",
        );
    }
    for url in &transfer.urls {
        let mut notes = Vec::new();
        match exchange(transfer, url, credentials, &mut notes) {
            Ok(exchange) => {
                for note in notes {
                    steps.note(Place::Line(transfer.line), note);
                }
                steps.request(exchange);
            }
            Err(why) => {
                let shown = without_credentials(url);
                steps.note(
                    Place::Line(transfer.line),
                    format!("`{shown}` is left out: {why}"),
                );
            }
        }
    }
}

fn exchange(
    transfer: &Transfer,
    url: &str,
    credentials: &mut Credentials,
    notes: &mut Vec<String>,
) -> Result<Exchange, String> {
    let Url {
        origin,
        login,
        path,
        query,
    } = split(url, transfer)?;
    let mut headers = headers(transfer, notes);
    let typed = headers.iter().find(|(name, _)| name == "content-type");
    let Sent {
        body,
        headers: own,
        method,
        query: data,
        notes: more,
    } = body::of(transfer, typed.map(|(_, value)| value.as_str()));
    notes.extend(more);
    complete(&mut headers, own, &body);
    let mut step = settings::of_step(transfer, notes);
    // A header replaces what the options say.
    if !has(&headers, "authorization")
        && let Some(auth) = auth(transfer, login, credentials, notes)
    {
        step.push(("auth".into(), auth));
    }
    authorization(&mut headers, &mut step, credentials);
    for (name, value) in &mut headers {
        if is_secret_header(name) {
            *value = credentials.hide(name, value);
        }
    }
    let queries = query.into_iter().chain(data).chain(added_query(transfer));
    let query: Vec<String> = queries
        .map(|query| credentials.hide_pairs(&query))
        .collect();
    let path = if query.is_empty() {
        path
    } else {
        format!("{path}?{}", query.join("&"))
    };
    let method = if transfer.has("head") {
        Some("HEAD")
    } else {
        method
    };
    let method = transfer.value("request").or(method).unwrap_or("GET");
    if path.contains(|c: char| c.is_control() || c.is_whitespace()) {
        return Err("its query has spaces or control characters".into());
    }
    if !is_token(method) {
        return Err(format!("`{}` is not a method", method.escape_debug()));
    }
    Ok(Exchange {
        name: None,
        method: method.to_owned(),
        target: settings::of_target(transfer, &origin, credentials, notes),
        origin,
        path,
        headers,
        body: credentials.hide_body(body),
        step,
    })
}

/// Adds the headers that curl adds by itself, without the type of a body that its key implies.
fn complete(headers: &mut Vec<(String, String)>, own: Vec<(&str, &str)>, body: &Body) {
    for (name, value) in own {
        if !has(headers, name) {
            headers.push((name.into(), value.into()));
        }
    }
    let implied = match body {
        Body::Json(_) => "application/json",
        Body::Form(_) => "application/x-www-form-urlencoded",
        _ => return,
    };
    headers.retain(|(name, value)| name != "content-type" || value != implied);
}

fn has(headers: &[(String, String)], name: &str) -> bool {
    headers.iter().any(|(known, _)| known == name)
}

/// Returns the headers that are given, with names in lower case.
fn headers(transfer: &Transfer, notes: &mut Vec<String>) -> Vec<(String, String)> {
    let mut own = Vec::new();
    let given = [("user-agent", "user-agent"), ("referer", "referer")];
    for (option, name) in given {
        let value = transfer.value(option);
        own.extend(
            value.map(|value| (name.to_owned(), value.trim_end_matches(";auto").to_owned())),
        );
    }
    if let Some(range) = transfer.value("range") {
        own.push(("range".into(), format!("bytes={range}")));
    }
    if transfer.has("compressed") {
        own.push(("accept-encoding".into(), "deflate, gzip, br, zstd".into()));
    }
    let mut all = Vec::new();
    for header in transfer.values("header") {
        if let Some(file) = header.strip_prefix('@') {
            notes.push(format!(
                "the headers in `{file}` are not carried over: write them here"
            ));
            continue;
        }
        let (name, value) = match (header.split_once(':'), header.strip_suffix(';')) {
            (Some((name, value)), _) => (name, value.trim()),
            (None, Some(name)) => (name, ""),
            (None, None) => {
                notes.push("a header without a colon: left out".into());
                continue;
            }
        };
        let name = name.trim().to_ascii_lowercase();
        if !is_token(&name) {
            notes.push(format!(
                "the header `{}` is not valid: left out",
                name.escape_debug()
            ));
            continue;
        }
        let is_removed = value.is_empty() && header.contains(':');
        // It replaces what another option would send; several of them are all sent.
        own.retain(|(known, _)| *known != name);
        if is_removed {
            notes.push(format!("curl sends no `{name}`; loadgen may send its own"));
        } else {
            all.push((name, value.to_owned()));
        }
    }
    let cookies: Vec<&str> = transfer.values("cookie").collect();
    if let Some(file) = cookies.iter().find(|cookie| !cookie.contains('=')) {
        notes.push(format!(
            "the cookies in the file `{file}` are not carried over"
        ));
    }
    let cookies: Vec<&str> = cookies
        .into_iter()
        .filter(|cookie| cookie.contains('='))
        .collect();
    if !cookies.is_empty() {
        all.push(("cookie".into(), cookies.join(";")));
    }
    own.extend(all);
    own
}

/// Returns the `auth` of a step.
fn auth(
    transfer: &Transfer,
    login: Option<(String, Option<String>)>,
    credentials: &mut Credentials,
    notes: &mut Vec<String>,
) -> Option<Yaml> {
    if transfer.value("aws-sigv4").is_some() {
        notes.push("`--aws-sigv4`: write `auth: { aws_sigv4: … }` for the target".into());
        return None;
    }
    if let Some(token) = transfer.value("oauth2-bearer") {
        return Some(Yaml::map([(
            "bearer",
            Yaml::text(credentials.hide("token", token)),
        )]));
    }
    let user = transfer
        .value("user")
        .map(|user| match user.split_once(':') {
            Some((user, password)) => (user.to_owned(), Some(password.to_owned())),
            None => (user.to_owned(), None),
        });
    let (user, password) = user.or(login)?;
    let password = password.unwrap_or_else(|| {
        notes.push("curl asks for the password".into());
        "unknown".into()
    });
    let login = Yaml::map([
        ("user", Yaml::text(user)),
        (
            "password",
            Yaml::text(credentials.hide("password", &password)),
        ),
    ]);
    let kind = if transfer.has("digest") {
        "digest"
    } else {
        "basic"
    };
    Some(Yaml::map([(kind, login)]))
}

/// Moves an `authorization` header with a bearer token to `auth`.
fn authorization(
    headers: &mut Vec<(String, String)>,
    step: &mut Vec<(String, Yaml)>,
    credentials: &mut Credentials,
) {
    let token = headers.iter().position(|(name, value)| {
        name == "authorization"
            && value
                .get(..7)
                .is_some_and(|word| word.eq_ignore_ascii_case("bearer "))
    });
    if let Some(at) = token {
        let (_, value) = headers.remove(at);
        let token = credentials.hide("token", value[7..].trim());
        step.push(("auth".into(), Yaml::map([("bearer", Yaml::text(token))])));
    }
}
