//! `oauth2` of a target's `auth`: who gets its tokens, and where.

use super::decode;
use super::diagnostic::{Diagnostics, quoted};
use super::fields::Fields;
use super::section::Section;
use super::tree::Node;
use super::url::{self, Url};
use crate::plan::{ClientStyle, OAuth2, Scheme};

/// The map `auth.oauth2`.
const OAUTH2: Section = Section::new(&[
    ("url", "token_url"),
    ("tokenUrl", "token_url"),
    ("token_endpoint", "token_url"),
    ("id", "client_id"),
    ("clientId", "client_id"),
    ("secret", "client_secret"),
    ("clientSecret", "client_secret"),
    ("scopes", "scope"),
    ("auth_style", "style"),
]);
const EXAMPLE: &str = "oauth2: { token_url: \"http://127.0.0.1:8081/token\", client_id: load, client_secret: \"{{secret}}\" }";

/// `oauth2` as typed: the target at its URL is known once all targets are.
pub(super) struct TypedOAuth2 {
    /// The URL that issues the tokens.
    pub url: Url,
    /// Everything else.
    pub options: OAuth2,
}

/// Decodes `oauth2`.
pub(super) fn decode(node: &Node, problems: &mut Diagnostics) -> Option<TypedOAuth2> {
    let mut fields = Fields::open(node, &OAUTH2, "`oauth2`", EXAMPLE, problems)?;
    let token_url = "token_url: \"http://127.0.0.1:8081/token\"";
    let url = fields.need("token_url", token_url, problems);
    let url = url.and_then(|node| token_url_of(node, problems));
    let client_id = fields.need("client_id", "client_id: load", problems);
    let client_id = client_id.and_then(|node| some_text(node, "client_id", problems));
    let secret = fields.need("client_secret", "client_secret: \"{{secret}}\"", problems);
    let secret = secret.and_then(|node| some_text(node, "client_secret", problems));
    let mut optional = |key| {
        let node = fields.take(key, problems)?;
        Some(some_text(node, key, problems))
    };
    let (scope, audience) = (optional("scope"), optional("audience"));
    let style = fields.take("style", problems);
    let style = style.map(|node| style_of(node, problems));
    fields.finish(problems);
    let optional = |text: Option<Option<String>>| match text {
        Some(text) => text.map(Some),
        None => Some(None),
    };
    Some(TypedOAuth2 {
        url: url?,
        options: OAuth2 {
            client_id: client_id?,
            client_secret: secret?,
            scope: optional(scope)?,
            audience: optional(audience)?,
            style: match style {
                Some(style) => style?,
                None => ClientStyle::default(),
            },
            ..OAuth2::default()
        },
    })
}

fn token_url_of(node: &Node, problems: &mut Diagnostics) -> Option<Url> {
    let text = decode::text(node, "token_url", problems)?.trim();
    match url::parse(text) {
        Ok(url) if matches!(url.scheme, Scheme::Http | Scheme::Https) => Some(url),
        Ok(url) => {
            problems
                .error(
                    node.span,
                    format!("tokens come over HTTP, not over `{}://`", url.scheme.name()),
                )
                .help("write an `https://` or `http://` URL");
            None
        }
        Err(wrong) => {
            problems.error(node.span, wrong.message).help(wrong.remedy);
            None
        }
    }
}

fn some_text(node: &Node, key: &str, problems: &mut Diagnostics) -> Option<String> {
    let text = decode::text(node, key, problems)?;
    if text.trim().is_empty() {
        problems
            .error(node.span, format!("`{key}` is empty"))
            .help("write it as the server that issues the tokens knows it");
        return None;
    }
    Some(text.to_owned())
}

fn style_of(node: &Node, problems: &mut Diagnostics) -> Option<ClientStyle> {
    match decode::text(node, "style", problems)?.trim() {
        "basic" => Some(ClientStyle::Basic),
        "body" => Some(ClientStyle::Body),
        other => {
            problems
                .error(node.span, format!("{} is not a `style`", quoted(other)))
                .help("write `basic` (the `authorization` header) or `body` (the form)");
            None
        }
    }
}
