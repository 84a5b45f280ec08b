//! `auth`: credentials, sent as the `authorization` header, or signatures of requests.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::decode;
use super::diagnostic::Diagnostics;
use super::fields::Fields;
use super::header;
use super::oauth2::{self, TypedOAuth2};
use super::section::Section;
use super::signing;
use super::tree::{Entry, Node};
use crate::plan::{Digest, Encode, Piece, RequestAuth, Template};

/// The map `auth`.
const AUTH: Section = Section::new(&[
    ("token", "bearer"),
    ("awsv4", "aws_sigv4"),
    ("aws", "aws_sigv4"),
    ("oauth", "oauth2"),
    ("client_credentials", "oauth2"),
]);
/// The maps `auth.basic` and `auth.digest`.
const LOGIN: Section = Section::new(&[("username", "user"), ("pass", "password")]);

/// Header that `auth` is converted to.
const HEADER: &str = "authorization";

/// The kinds of `auth`.
const KINDS: [&str; 5] = ["bearer", "basic", "digest", "oauth2", "aws_sigv4"];

/// What `auth` asks for.
enum Auth {
    /// A header.
    Header(Template),
    /// What the target does for each request.
    OfTarget(TargetAuth),
}

/// How requests to a target authenticate, if not by a header that is written beforehand.
pub(super) enum TargetAuth {
    /// This is known.
    Known(RequestAuth),
    /// By tokens, of a target that is not known yet.
    Tokens(TypedOAuth2),
}

impl TargetAuth {
    /// Returns it, if it is known.
    pub(super) fn known(self) -> Option<RequestAuth> {
        match self {
            Self::Known(auth) => Some(auth),
            Self::Tokens(_) => None,
        }
    }
}

/// Adds the header for a target's `auth` to its other headers, which must not contain it already;
/// returns how its requests authenticate instead, if they do.
pub(super) fn of_target(
    auth: &Entry,
    headers: &mut Vec<(String, Template)>,
    problems: &mut Diagnostics,
) -> Option<TargetAuth> {
    match add(auth, headers, problems)? {
        Auth::OfTarget(auth) => Some(auth),
        Auth::Header(value) => {
            headers.push((HEADER.to_owned(), value));
            None
        }
    }
}

/// Adds the header for a step's `auth` to its other headers, which must not contain it already.
pub(super) fn of_step(
    auth: &Entry,
    headers: &mut Vec<(String, Template)>,
    problems: &mut Diagnostics,
) {
    match add(auth, headers, problems) {
        Some(Auth::Header(value)) => headers.push((HEADER.to_owned(), value)),
        Some(Auth::OfTarget(of_target)) => {
            let (key, without) = match of_target {
                TargetAuth::Known(RequestAuth::AwsSigV4(_)) => ("aws_sigv4", "is not signed"),
                TargetAuth::Known(RequestAuth::Digest(_)) => ("digest", "answers no challenge"),
                TargetAuth::Known(RequestAuth::OAuth2(_)) | TargetAuth::Tokens(_) => {
                    ("oauth2", "carries no token")
                }
            };
            problems
                .error(
                    auth.key_span,
                    format!("`{key}` is for all requests of a target, not for one step"),
                )
                .help(format!(
                    "write it in `auth` of the target; a step with another `auth` {without}"
                ));
        }
        None => {}
    }
}

/// Decodes `auth`, beside which no header may authenticate the request.
fn add(auth: &Entry, headers: &[(String, Template)], problems: &mut Diagnostics) -> Option<Auth> {
    if headers.iter().any(|(name, _)| name == HEADER) {
        problems
            .error(
                auth.key_span,
                "`auth` and an `authorization` header are both set: each authenticates the request",
            )
            .help("remove one of the two; `auth` sets that header");
        return None;
    }
    decode(&auth.value, problems)
}

fn decode(node: &Node, problems: &mut Diagnostics) -> Option<Auth> {
    const EXAMPLE: &str = "auth: { bearer: \"{{token}}\" }";
    let of = |auth| Auth::OfTarget(TargetAuth::Known(auth));
    let mut fields = Fields::open(node, &AUTH, "`auth`", EXAMPLE, problems)?;
    let given = KINDS.map(|key| fields.entry(key));
    let mut given = given.into_iter().flatten();
    let (first, second) = (given.next(), given.next());
    let value = match (first, second) {
        (Some(first), Some(second)) => {
            problems
                .error(
                    second.key_span,
                    format!(
                        "a request has only one `auth`, but this one has `{}` and `{}`",
                        first.key, second.key
                    ),
                )
                .related(first.key_span, "the other one")
                .help("remove one of the two");
            None
        }
        (Some(only), None) => {
            let key = KINDS.into_iter().find(|key| *key == only.key)?;
            fields.take(key, problems).and_then(|node| match key {
                "bearer" => bearer(node, problems).map(Auth::Header),
                "basic" => basic(node, problems).map(Auth::Header),
                "digest" => digest(node, problems).map(|own| of(RequestAuth::Digest(own))),
                "oauth2" => oauth2::decode(node, problems)
                    .map(TargetAuth::Tokens)
                    .map(Auth::OfTarget),
                _ => signing::decode(node, problems).map(|own| of(RequestAuth::AwsSigV4(own))),
            })
        }
        (None, _) => {
            if fields.entries().is_empty() {
                problems
                    .error(node.span, "this `auth` is empty")
                    .help(format!(
                        "write `{EXAMPLE}`, or `basic: {{ user: …, password: … }}`"
                    ));
            }
            None
        }
    };
    fields.finish(problems);
    value
}

fn bearer(node: &Node, problems: &mut Diagnostics) -> Option<Template> {
    let token = decode::template(node, "bearer", problems)?;
    if token.as_text().is_some_and(|text| text.trim().is_empty()) {
        problems
            .error(node.span, "the token is empty")
            .help("write the token, or remove `auth`");
        return None;
    }
    let mut value = Template::from("Bearer ");
    value.push(&token);
    header::sendable(HEADER, &value, node.span, problems).then_some(value)
}

/// Decodes a user and a password, which a colon will separate: in base64, or in what is hashed.
fn login(node: &Node, key: &str, problems: &mut Diagnostics) -> Option<(Template, Template)> {
    let example = format!("{key}: {{ user: me, password: \"{{{{password}}}}\" }}");
    let mut fields = Fields::open(node, &LOGIN, &format!("`{key}`"), &example, problems)?;
    let user_at = fields.need("user", "user: me", problems);
    let user = user_at.and_then(|node| decode::template(node, "user", problems));
    let password = fields.need("password", "password: \"{{password}}\"", problems);
    let password = password.and_then(|node| decode::template(node, "password", problems));
    fields.finish(problems);
    let (user, password) = (user?, password?);
    if user.texts().any(|text| text.contains(':')) {
        let place = user_at.map_or(node.span, |node| node.span);
        problems
            .error(
                place,
                "the user contains a `:`, which would end it and begin the password",
            )
            .help("remove it; a password may contain one");
        return None;
    }
    Some((user, password))
}

/// Decodes who answers the challenges of a server.
fn digest(node: &Node, problems: &mut Diagnostics) -> Option<Digest> {
    let (user, password) = login(node, "digest", problems)?;
    let is_sendable = header::sendable(HEADER, &user, node.span, problems);
    is_sendable.then_some(Digest { user, password })
}

/// Encodes the credentials of RFC 7617: base64 of `user:password`.
fn basic(node: &Node, problems: &mut Diagnostics) -> Option<Template> {
    let (user, password) = login(node, "basic", problems)?;
    let mut pair = user;
    pair.push_text(":");
    pair.push(&password);
    let mut value = Template::from("Basic ");
    match pair.as_text() {
        Some(text) => value.push_text(&STANDARD.encode(text)),
        None => value.push_value(&format!("base64({})", joined(&pair)), Encode::Plain),
    }
    Some(value)
}

/// Returns an expression that evaluates to the text of a template.
fn joined(template: &Template) -> String {
    let piece = |piece: &Piece| match piece {
        // A JSON string is also a valid string literal of the expression language.
        Piece::Text(text) => serde_json::Value::from(text.as_str()).to_string(),
        Piece::Value(insert) => format!("({})", insert.value),
    };
    template
        .pieces()
        .iter()
        .map(piece)
        .collect::<Vec<_>>()
        .join(" ~ ")
}
