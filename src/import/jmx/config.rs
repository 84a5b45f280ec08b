//! What configuration in the scope of a sampler says about its request.

use super::element::Element;
use super::reader::Reader;
use super::scope::{Scope, is_http_defaults};
use crate::import::pieces::{Piece, template};
use crate::import::template::literal;
use crate::import::yaml::Yaml;

/// How many redirects JMeter follows.
pub(super) const REDIRECTS: u32 = 20;

/// Returns the defaults of requests in a scope, the innermost first.
pub(super) fn defaults<'s>(scope: &Scope<'s>) -> Vec<&'s Element> {
    let mut all = scope.all(is_http_defaults);
    all.reverse();
    all
}

/// Returns a setting of a sampler, or of the defaults; nothing if none of them has it.
pub(super) fn setting<'p>(
    sampler: &'p Element,
    defaults: &[&'p Element],
    property: &str,
) -> Option<&'p str> {
    let mut elements = std::iter::once(sampler).chain(defaults.iter().copied());
    elements.find_map(|element| element.given(property))
}

/// Returns the headers of a request, of which the innermost wins.
pub(super) fn headers(reader: &mut Reader<'_>, scope: &Scope<'_>) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = Vec::new();
    for manager in scope.all(|element| element.tag == "HeaderManager") {
        for item in manager.items("HeaderManager.headers") {
            let name = item.property("Header.name").trim().to_ascii_lowercase();
            let value = reader.variables.pieces(item.property("Header.value"));
            reader.note_texts(manager);
            let value = one_line(value);
            if name.is_empty() {
                continue;
            }
            let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
            if !name.chars().all(is_token) {
                reader.note(manager, "a header whose name is not valid: left out");
            } else if matches!(name.as_str(), "content-length" | "connection" | "host") {
                let note = format!("the header `{name}` is not carried over: it is sent anyway");
                reader.note(manager, note);
            } else {
                headers.retain(|(known, _)| *known != name);
                headers.push((name, value));
            }
        }
    }
    headers
}

/// Returns a text without line breaks and other control characters, which no header has.
fn one_line(pieces: Vec<Piece>) -> String {
    let clean = |piece: Piece| match piece {
        Piece::Text(text) => Piece::Text(
            text.replace(['\r', '\n', '\t'], " ")
                .replace(|c: char| c.is_control(), ""),
        ),
        value @ Piece::Value(_) => value,
    };
    let pieces: Vec<Piece> = pieces.into_iter().map(clean).collect();
    template(&pieces).trim().to_owned()
}

/// Returns whether users keep the cookies that they receive.
pub(super) fn keeps_cookies(scope: &Scope<'_>) -> bool {
    !scope
        .all(|element| element.tag == "CookieManager")
        .is_empty()
}

/// Returns the cookies that a plan sends to a host from the beginning.
pub(super) fn cookies(reader: &mut Reader<'_>, scope: &Scope<'_>, host: &str) -> Option<String> {
    let manager = scope.all(|element| element.tag == "CookieManager").pop()?;
    if manager.is("CookieManager.clearEachIteration") {
        let note = "users keep their cookies from one iteration to the next here";
        reader.note(manager, note);
    }
    let mut pairs = Vec::new();
    for cookie in manager.items("CookieManager.cookies") {
        let name = cookie.attribute("name");
        let name = match name {
            "" => cookie.property("Cookie.name"),
            name => name,
        };
        let domain = cookie
            .property("Cookie.domain")
            .trim()
            .trim_start_matches('.');
        let is_for_it = domain.is_empty()
            || host == domain
            || host
                .strip_suffix(domain)
                .is_some_and(|rest| rest.ends_with('.'));
        if is_for_it && !name.is_empty() {
            let value = reader.variables.pieces(cookie.property("Cookie.value"));
            reader.note_texts(manager);
            pairs.push(format!("{}={}", literal(name), one_line(value)));
        }
    }
    let pairs = one_line(vec![Piece::Text(pairs.join("; "))]);
    (!pairs.is_empty()).then_some(pairs)
}

/// Adds the login of a request, to the step or to its target.
pub(super) fn login(
    reader: &mut Reader<'_>,
    scope: &Scope<'_>,
    url: &str,
    step: &mut Vec<(String, Yaml)>,
    target: &mut Vec<(String, Yaml)>,
) {
    for manager in scope
        .all(|element| element.tag == "AuthManager")
        .into_iter()
        .rev()
    {
        for item in manager.items("AuthManager.auth_list") {
            let prefix = reader.variables.pieces(item.property("Authorization.url"));
            let prefix = reader.variables.values.default_text(&prefix);
            let prefix = prefix.unwrap_or_default();
            if !url.starts_with(prefix.trim()) {
                continue;
            }
            let user = reader.text(manager, item.property("Authorization.username"));
            let password = reader.text(manager, item.property("Authorization.password"));
            if user.contains(':') {
                reader.note(manager, "a login whose user contains a colon: left out");
                return;
            }
            let credentials = &mut reader.variables.values.credentials;
            let password = credentials.hide("password", &password);
            let login = Yaml::map([
                ("user", Yaml::text(user)),
                ("password", Yaml::text(password)),
            ]);
            match item.property("Authorization.mechanism").trim() {
                "DIGEST" => {
                    let digest = Yaml::map([("digest", login)]);
                    target.push(("auth".into(), digest));
                }
                "" | "BASIC" | "BASIC_DIGEST" => {
                    step.push(("auth".into(), Yaml::map([("basic", login)])));
                }
                other => {
                    let note = format!("the mechanism `{other}` of a login is not carried over");
                    reader.note(manager, note);
                }
            }
            return;
        }
    }
}
