//! [`Credentials`]: what must not be written into a scenario. It becomes a secret, whose value comes
//! from the environment.

use serde_json::Value;

use super::exchange::{Body, Secret};
use super::yaml::Yaml;

/// Names of headers that hold credentials, besides those with [`WORDS`] in them.
const HEADERS: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];
/// Words in the names of headers, parameters and fields that hold credentials.
const WORDS: [&str; 9] = [
    "token", "secret", "password", "passwd", "pwd", "apikey", "api-key", "api_key", "session",
];

/// Returns whether a header holds credentials.
pub(super) fn is_secret_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    HEADERS.contains(&name.as_str()) || is_secret_field(&name)
}

/// Returns whether a parameter of a query or a field of a body holds credentials.
pub(super) fn is_secret_field(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    WORDS.iter().any(|word| name.contains(word))
}

/// The credentials of a source.
#[derive(Default)]
pub(super) struct Credentials {
    /// Each with its value, of which equal ones share a secret.
    known: Vec<(String, Secret)>,
}

impl Credentials {
    /// Returns the template of a secret with this value. `name` is what it is called where it stands,
    /// from which its name is made.
    pub(super) fn hide(&mut self, name: &str, value: &str) -> String {
        // What a source takes from a variable is hidden there already.
        if value.is_empty() || value.contains("{{") {
            return value.to_owned();
        }
        let known = self.known.iter().find(|(other, _)| other == value);
        let secret = match known {
            Some((_, secret)) => secret,
            None => {
                let secret = self.fresh(name);
                self.known.push((value.to_owned(), secret));
                &self.known[self.known.len() - 1].1
            }
        };
        format!("{{{{{}}}}}", secret.name)
    }

    /// Hides the values of pairs with `&` between them, as in a query or a form.
    pub(super) fn hide_pairs(&mut self, text: &str) -> String {
        let pairs: Vec<String> = text
            .split('&')
            .map(|pair| match pair.split_once('=') {
                Some((name, value)) if is_secret_field(name) => {
                    format!("{name}={}", self.hide(name, value))
                }
                _ => pair.to_owned(),
            })
            .collect();
        pairs.join("&")
    }

    /// Hides the fields of a body that hold credentials.
    pub(super) fn hide_body(&mut self, body: Body) -> Body {
        match body {
            Body::Text(text) => Body::Text(self.hide_text(&text)),
            Body::Json(value) => Body::Json(self.hide_value(value)),
            Body::Form(fields) => Body::Form(self.hide_members(fields)),
            Body::Multipart(parts) => Body::Multipart(self.hide_members(parts)),
            Body::None | Body::File(_) => body,
        }
    }

    fn hide_value(&mut self, value: Yaml) -> Yaml {
        match value {
            Yaml::Map(members) => Yaml::Map(self.hide_members(members)),
            Yaml::List(items) => Yaml::List(
                items
                    .into_iter()
                    .map(|item| self.hide_value(item))
                    .collect(),
            ),
            other => other,
        }
    }

    fn hide_members(&mut self, members: Vec<(String, Yaml)>) -> Vec<(String, Yaml)> {
        let member = |(name, value): (String, Yaml)| {
            let value = match value {
                Yaml::Text(text) if is_secret_field(&name) => Yaml::Text(self.hide(&name, &text)),
                other => self.hide_value(other),
            };
            (name, value)
        };
        members.into_iter().map(member).collect()
    }

    /// Hides fields in a text: of JSON, which is not written as such because a scenario would change
    /// it, or of a form.
    fn hide_text(&mut self, text: &str) -> String {
        let Ok(json) = serde_json::from_str::<Value>(text) else {
            return self.hide_pairs(text);
        };
        let mut found = Vec::new();
        secrets_in(&json, &mut found);
        found
            .into_iter()
            .fold(text.to_owned(), |text, (name, value)| {
                let written = Value::String(value.clone()).to_string();
                text.replace(&written, &format!("\"{}\"", self.hide(&name, &value)))
            })
    }

    /// Returns a secret whose name is not taken.
    fn fresh(&self, name: &str) -> Secret {
        let good = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        let name: String = name.to_ascii_lowercase().chars().map(good).collect();
        let name = match name.trim_matches('_') {
            "" => "secret",
            name => name,
        };
        let base = if name.starts_with(|c: char| c.is_ascii_digit()) {
            format!("_{name}")
        } else {
            name.to_owned()
        };
        let is_free = |name: &String| self.known.iter().all(|(_, known)| known.name != *name);
        let numbered = (2..).map(|number| format!("{base}_{number}"));
        let name = std::iter::once(base.clone())
            .chain(numbered)
            .find(is_free)
            .unwrap_or_default();
        Secret {
            variable: name.to_ascii_uppercase(),
            name,
        }
    }

    /// Returns all secrets.
    pub(super) fn secrets(self) -> impl Iterator<Item = Secret> {
        self.known.into_iter().map(|(_, secret)| secret)
    }
}

/// Collects the texts of JSON that hold credentials, each with its name.
fn secrets_in(value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(text) if is_secret_field(name) => {
                        found.push((name.clone(), text.clone()));
                    }
                    other => secrets_in(other, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| secrets_in(item, found)),
        _ => {}
    }
}
