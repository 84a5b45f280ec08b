//! Credentials: values that are secret without being declared so, because a well-known header or
//! `auth` holds them.
//!
//! They are searched for in the tree before it is decoded, so that they stay hidden even if the
//! scenario is invalid elsewhere.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use percent_encoding::percent_decode_str;

use super::diagnostic::Diagnostics;
use super::tree::{Entry, Node, Scalar, Value};
use crate::plan::secrets::{SHORTEST, userinfo};

/// Headers whose values are credentials, in lower case.
const HEADERS: [&str; 4] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "x-api-key",
];
/// Keys of the kinds of `auth` whose values are secret.
const IN_AUTH: [&str; 10] = [
    "password",
    "secret_key",
    "client_secret",
    "session_token",
    // What others call them.
    "secret",
    "secret_access_key",
    "secretAccessKey",
    "sessionToken",
    "clientSecret",
    "token",
];
/// Minimum length from which a single value of a cookie is hidden as well; shorter ones may be
/// common words.
const COOKIE: usize = 8;

/// Hides all credentials below a node.
pub(super) fn hide(node: &Node, problems: &mut Diagnostics) {
    match &node.value {
        Value::Map(entries) => {
            for Entry { key, value, .. } in entries {
                match (key.as_str(), &value.value) {
                    ("headers", Value::Map(headers)) => headers
                        .iter()
                        .for_each(|header| of_header(header, problems)),
                    ("auth", Value::Map(kinds)) => {
                        kinds.iter().for_each(|kind| of_auth(kind, problems))
                    }
                    // A target's URL may lack its scheme by mistake.
                    ("url", Value::Scalar(_)) => known(value)
                        .into_iter()
                        .for_each(|text| of_authority(text, problems)),
                    _ => {}
                }
                hide(value, problems);
            }
        }
        Value::List(items) => items.iter().for_each(|item| hide(item, problems)),
        Value::Scalar(_) => known(node)
            .into_iter()
            .for_each(|text| of_urls(text, problems)),
        Value::Broken => {}
    }
}

/// Hides user and password of every URL in a text, so that the scenario's own text does not show
/// them either.
pub(super) fn of_urls(text: &str, problems: &mut Diagnostics) {
    text.split("://")
        .skip(1)
        .for_each(|behind| of_authority(behind, problems));
}

/// Hides user and password before a host.
pub(super) fn of_authority(text: &str, problems: &mut Diagnostics) {
    let Some(user) = userinfo(text).filter(|_| !text.contains("://")) else {
        return;
    };
    problems.hide(&format!("{user}@"));
    if let Some((_, password)) = user.split_once(':') {
        problems.hide(password);
        // The server is told the password itself.
        if let Ok(plain) = percent_decode_str(password).decode_utf8() {
            problems.hide(&plain);
        }
    }
}

fn of_header(header: &Entry, problems: &mut Diagnostics) {
    let name = header.key.to_ascii_lowercase();
    if !HEADERS.contains(&name.as_str()) {
        return;
    }
    for text in known(&header.value) {
        let text = text.trim();
        if name == "cookie" {
            for (_, value) in text
                .split(';')
                .filter_map(|pair| pair.split_once('='))
                .filter(|(_, value)| value.len() >= COOKIE)
            {
                problems.hide(value.trim());
            }
        }
        match text.split_once(' ') {
            Some((scheme, credentials)) if name.ends_with("authorization") => {
                problems.hide(credentials.trim());
                if scheme.eq_ignore_ascii_case("basic") {
                    basic(credentials.trim(), problems);
                }
            }
            // A scheme whose credentials are only known at run time.
            None if name.ends_with("authorization")
                && matches!(
                    &header.value.value,
                    Value::Scalar(Scalar {
                        template: Some(_),
                        ..
                    })
                ) => {}
            _ => problems.hide(text),
        }
    }
}

/// Hides the password in the base64 of `user:password`.
fn basic(credentials: &str, problems: &mut Diagnostics) {
    let decoded = STANDARD
        .decode(credentials)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    if let Some((_, password)) = decoded.as_deref().and_then(|pair| pair.split_once(':')) {
        problems.hide(password);
    }
}

/// Hides the credentials of `bearer: TOKEN`, and those in the map of another kind.
fn of_auth(kind: &Entry, problems: &mut Diagnostics) {
    let secrets = match kind.key.as_str() {
        "bearer" => vec![&kind.value],
        _ => IN_AUTH
            .iter()
            .filter_map(|key| kind.value.get(key))
            .collect(),
    };
    for text in secrets.into_iter().flat_map(known) {
        problems.hide(text);
        if text.len() < SHORTEST && !text.is_empty() {
            problems
                .warning(
                    kind.value.span,
                    format!("a password or token of fewer than {SHORTEST} characters is not redacted: it is too short to be told from other text"),
                )
                .help("give it a longer one");
        }
    }
}

/// Returns the texts of a value that are known before the run.
fn known(node: &Node) -> Vec<&str> {
    match &node.value {
        Value::Scalar(Scalar {
            template: Some(template),
            ..
        }) => template.texts().collect(),
        Value::Scalar(scalar) => vec![&scalar.text],
        Value::List(_) | Value::Map(_) | Value::Broken => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(yaml: &str, text: &str) -> String {
        let mut problems = Diagnostics::default();
        let root = super::super::yaml::parse(yaml, &mut problems).expect("good YAML");
        hide(&root, &mut problems);
        problems.secrets().redact(text)
    }

    #[test]
    fn credentials_are_hidden_wherever_they_stand() {
        let basic = STANDARD.encode("me:pass-word");
        let yaml = format!(
            "targets: {{ a: {{ headers: {{ Authorization: 'Bearer tok-1', accept: text/html }}, auth: {{ bearer: tok-2 }} }} }}\n\
             setup: [ {{ parallel: [ {{ get: /, headers: {{ COOKIE: 'SID=session-1; theme=dark', X-Api-Key: key-1 }} }} ] }} ]\n\
             mix: [ {{ flow: [ {{ get: /, headers: {{ proxy-authorization: 'Basic {basic}' }}, auth: {{ basic: {{ user: somebody, password: word-2 }} }} }} ] }} ]"
        );
        let text = "tok-1 text/html tok-2 session-1 dark key-1 pass-word somebody word-2";
        assert_eq!(
            seen(&yaml, text),
            "*** text/html *** *** dark *** *** somebody ***"
        );
        assert_eq!(seen(&yaml, "SID=session-1; theme=dark"), "***");
    }

    #[test]
    fn the_password_of_a_url_is_hidden() {
        let yaml = "vars: { base: 'http://me:pass-1@a' }\ntargets: { a: { url: 'me:pass-2@a:80' }, b: { url: 'me@b' } }\n\
                    mix: [ { flow: [ { get: 'https://me:pass-3@a/x', body: 'see http://m:p@a' } ] } ]";
        let text = "pass-1 me:pass-2@a pass-3 http://m:p@a m:p@a me";
        assert_eq!(seen(yaml, text), "*** ***a *** http://***@a ***a me");
    }
}
