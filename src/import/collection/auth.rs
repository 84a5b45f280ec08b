//! How a request says who sends it.

use super::form::{Auth, Aws, ClientCredentials, Pair};
use super::variables::Variables;
use crate::import::yaml::Yaml;

/// Where a scenario says who sends a request.
#[derive(Debug, Default)]
pub(super) struct Sender {
    /// The `auth` of the step.
    pub step: Option<Yaml>,
    /// The `auth` of its target.
    pub target: Option<Yaml>,
    /// A header.
    pub header: Option<(String, String)>,
    /// A pair of the query.
    pub query: Option<(String, String)>,
}

/// Returns it; what can't be carried over is noted.
pub(super) fn sender(auth: &Auth, variables: &mut Variables) -> Sender {
    let mut sender = Sender::default();
    match auth {
        Auth::None => {}
        Auth::Basic(login) => {
            sender.step = Some(Yaml::map([("basic", of_login(login, variables))]));
        }
        Auth::Digest(login) => {
            sender.target = Some(Yaml::map([("digest", of_login(login, variables))]));
        }
        Auth::Bearer(token) => {
            let token = line(variables.secret("token", token));
            if token.is_empty() {
                variables.note("the bearer token is empty: write `auth: { bearer: … }`");
            } else {
                sender.step = Some(Yaml::map([("bearer", Yaml::text(token))]));
            }
        }
        Auth::Header(Pair { name, value }) => {
            let value = line(variables.secret(name, value));
            sender.header = Some((name.clone(), value));
        }
        Auth::Query(Pair { name, value }) => {
            let value = line(variables.secret(name, value));
            sender.query = Some((name.clone(), value));
        }
        Auth::ClientCredentials(asked) => {
            sender.target = client_credentials(asked, variables);
        }
        Auth::Aws(key) => sender.target = aws(key, variables),
        Auth::Other(name) => {
            let name = name.escape_debug();
            variables.note(&format!(
                "authentication of the kind `{name}` is not carried over"
            ));
        }
    }
    sender
}

/// Returns a text as one line: others can't be sent.
fn line(text: String) -> String {
    text.replace(char::is_control, "")
}

fn client_credentials(asked: &ClientCredentials, variables: &mut Variables) -> Option<Yaml> {
    if [&asked.url, &asked.id, &asked.secret]
        .iter()
        .any(|value| value.is_empty())
    {
        variables.note("OAuth 2.0 without a URL of tokens, an identifier or a secret: left out");
        return None;
    }
    let mut keys = vec![
        ("token_url", Yaml::text(line(variables.text(&asked.url)))),
        ("client_id", Yaml::text(line(variables.text(&asked.id)))),
        (
            "client_secret",
            Yaml::text(line(variables.secret("client_secret", &asked.secret))),
        ),
    ];
    for (key, value) in [("scope", &asked.scope), ("audience", &asked.audience)] {
        if !value.is_empty() {
            keys.push((key, Yaml::text(line(variables.text(value)))));
        }
    }
    if asked.is_in_body {
        keys.push(("style", Yaml::text("body")));
    }
    Some(Yaml::map([("oauth2", Yaml::map(keys))]))
}

fn aws(key: &Aws, variables: &mut Variables) -> Option<Yaml> {
    let needed = [&key.region, &key.service, &key.access_key, &key.secret_key];
    if needed.iter().any(|value| value.is_empty()) {
        variables.note("a signature for AWS without a region, a service or a key: left out");
        return None;
    }
    let mut keys = vec![
        ("region", Yaml::text(line(variables.text(&key.region)))),
        ("service", Yaml::text(line(variables.text(&key.service)))),
        (
            "access_key",
            Yaml::text(line(variables.text(&key.access_key))),
        ),
        (
            "secret_key",
            Yaml::text(line(variables.secret("secret_key", &key.secret_key))),
        ),
    ];
    if !key.session_token.is_empty() {
        let token = line(variables.secret("session_token", &key.session_token));
        keys.push(("session_token", Yaml::text(token)));
    }
    Some(Yaml::map([("aws_sigv4", Yaml::map(keys))]))
}

/// Returns a user with a password.
pub(super) fn of_login(login: &Pair, variables: &mut Variables) -> Yaml {
    let password = if login.value.is_empty() {
        // An empty value would be left out.
        String::new()
    } else {
        line(variables.secret("password", &login.value))
    };
    Yaml::map([
        ("user", Yaml::text(line(variables.text(&login.name)))),
        ("password", Yaml::text(password)),
    ])
}
