//! [`Credentials`]: what must not be written into a scenario. It becomes a secret, whose value comes
//! from the environment.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::exchange::Body;
use super::names::Taken;
use super::template::{BRACE, BRACE_NAME};
use super::yaml::Yaml;
use crate::plan::RESPONSE_VALUES;
use crate::value::function::{FUNCTIONS, RESERVED};

/// Names of headers that hold credentials, besides those with [`WORDS`] in them.
const HEADERS: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];
/// The longest name that is made of another.
const MAX_CHARS: usize = 60;
/// Words in the names of headers, parameters and fields that hold credentials.
const WORDS: [&str; 9] = [
    "token", "secret", "password", "passwd", "pwd", "apikey", "api-key", "api_key", "session",
];

/// Last words of names that say something about credentials, which they don't hold: `token_type`.
const ABOUT: [&str; 18] = [
    "count", "duration", "endpoint", "expires", "expiry", "format", "hint", "length", "lifetime",
    "limit", "policy", "size", "timeout", "ttl", "type", "uri", "url", "version",
];
/// First words of names of numbers of tokens that models read and write: `max_tokens`.
const OF_COUNTS: [&str; 9] = [
    "completion",
    "input",
    "max",
    "min",
    "n",
    "num",
    "output",
    "prompt",
    "total",
];

/// Variables of the environment that systems and shells set.
const SYSTEM_VARIABLES: [&str; 16] = [
    "DISPLAY", "EDITOR", "HOME", "HOST", "HOSTNAME", "LANG", "LOGNAME", "MAIL", "PATH", "PWD",
    "SHELL", "TEMP", "TERM", "TMPDIR", "USER", "USERNAME",
];

/// Returns whether a text can be the name of a parameter or of a field of a form.
fn is_plain(name: &str) -> bool {
    name.chars()
        .all(|c| c.is_ascii_alphanumeric() || "-._~[]%".contains(c))
}

/// Returns whether a header holds credentials.
pub(super) fn is_secret_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    HEADERS.contains(&name.as_str()) || is_secret_field(&name)
}

/// Returns whether a parameter of a query or a field of a body holds credentials.
pub(super) fn is_secret_field(name: &str) -> bool {
    let words = words(name);
    let (first, last) = (words.first(), words.last());
    let is_one_of = |word: Option<&String>, list: &[&str]| {
        word.is_some_and(|word| list.contains(&word.as_str()))
    };
    let is_count = is_one_of(first, &OF_COUNTS) && is_one_of(last, &["tokens"]);
    let is_time = words.ends_with(&["expires".into(), "in".into()])
        || words.ends_with(&["expires".into(), "at".into()]);
    if is_one_of(last, &ABOUT) || is_count || is_time {
        return false;
    }
    let name = name.to_ascii_lowercase();
    WORDS.iter().any(|word| name.contains(word))
}

/// Returns the words of a name in lower case: `tokenType` and `token-type` have two.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let (mut begins, mut was_small) = (true, false);
    for c in name.chars() {
        begins |= c.is_ascii_uppercase() && was_small;
        was_small = c.is_ascii_lowercase() || c.is_ascii_digit();
        if !c.is_ascii_alphanumeric() {
            begins = true;
            continue;
        }
        let c = c.to_ascii_lowercase();
        match words.last_mut() {
            Some(word) if !begins => word.push(c),
            _ => words.push(c.into()),
        }
        begins = false;
    }
    words
}

/// A value that is taken from the environment when the scenario runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Secret {
    /// Its name in templates.
    pub name: String,
    /// The variable of the environment.
    pub variable: String,
}

impl Secret {
    /// Creates one that comes from the variable of the same name, unless systems have that one for
    /// something else.
    pub(super) fn named(name: String) -> Self {
        let variable = name.to_ascii_uppercase();
        let variable = if SYSTEM_VARIABLES.contains(&variable.as_str()) {
            format!("API_{variable}")
        } else {
            variable
        };
        Self { name, variable }
    }

    /// Returns the template that inserts it.
    pub(super) fn template(&self) -> String {
        format!("{{{{{}}}}}", self.name)
    }

    /// Returns the template that inserts it percent-encoded, where nothing else encodes it.
    pub(super) fn encoded_template(&self) -> String {
        format!("{{{{urlencode({})}}}}", self.name)
    }
}

/// The credentials of a source.
#[derive(Default)]
pub(super) struct Credentials {
    secrets: Vec<Secret>,
    /// The secret of each value: equal ones share one.
    of_values: BTreeMap<String, usize>,
    /// The secret of each variable that the source uses.
    of_variables: BTreeMap<String, usize>,
    /// The names of the secrets, and of other values of the scenario.
    taken: Taken,
}

/// Shows no value.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.secrets).finish()
    }
}

impl Credentials {
    /// Returns the template of a variable of the environment that the source uses.
    pub(super) fn of_variable(&mut self, variable: &str) -> String {
        if let Some(index) = self.of_variables.get(variable) {
            return self.secrets[*index].template();
        }
        let secret = Secret {
            variable: variable.to_owned(),
            name: self.take(variable),
        };
        let template = secret.template();
        self.of_variables
            .insert(variable.to_owned(), self.secrets.len());
        self.secrets.push(secret);
        template
    }

    /// Returns a name that no other value of the scenario has, made of this one in lower case, and keeps it
    /// from others.
    pub(super) fn take(&mut self, name: &str) -> String {
        self.free(&name.to_ascii_lowercase(), "secret")
    }

    /// Returns the template of a secret with this value. `name` is what it is called where it stands,
    /// from which its name is made.
    pub(super) fn hide(&mut self, name: &str, value: &str) -> String {
        // What a source takes from a variable is hidden there already.
        if value.is_empty() || value.replace(BRACE, "").contains("{{") {
            return value.to_owned();
        }
        if let Some(index) = self.of_values.get(value) {
            return self.secrets[*index].template();
        }
        let secret = Secret::named(self.take(name));
        let template = secret.template();
        self.of_values.insert(value.to_owned(), self.secrets.len());
        self.secrets.push(secret);
        template
    }

    /// Hides the value of a parameter or a field if it holds credentials.
    pub(super) fn hide_field(&mut self, name: &str, value: String) -> String {
        if is_secret_field(name) {
            self.hide(name, &value)
        } else {
            value
        }
    }

    /// Hides the value of a header if it holds credentials.
    pub(super) fn hide_header(&mut self, name: &str, value: String) -> String {
        if is_secret_header(name) {
            self.hide(name, &value)
        } else {
            value
        }
    }

    /// Hides the values of pairs with `&` between them, as in a query or a form.
    pub(super) fn hide_pairs(&mut self, text: &str) -> String {
        let pairs: Vec<String> = text
            .split('&')
            .map(|pair| match pair.split_once('=') {
                Some((name, value)) if is_plain(name) => {
                    format!("{name}={}", self.hide_field(name, value.to_owned()))
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
            Body::None | Body::File(_) | Body::Messages(_) => body,
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
                Yaml::Text(text) => Yaml::Text(self.hide_field(&name, text)),
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

    /// Returns the name of a value that is not a secret, made of what the source calls it. No other value
    /// gets it.
    pub(super) fn name_value(&mut self, name: &str) -> String {
        self.free(name, "value")
    }

    /// Returns a name that no other value of the scenario has, and keeps it from others; `unnamed` for a
    /// text without letters and digits.
    fn free(&mut self, name: &str, unnamed: &str) -> String {
        let good = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        let name: String = name.chars().map(good).take(MAX_CHARS).collect();
        let name = match name.trim_matches('_') {
            "" => unnamed,
            name => name,
        };
        let base = if name.starts_with(|c: char| c.is_ascii_digit()) {
            format!("_{name}")
        } else {
            name.to_owned()
        };
        let is_refused = |name: &str| {
            name == BRACE_NAME
                || FUNCTIONS.contains(&name)
                || RESERVED.contains(&name)
                || RESPONSE_VALUES.contains(&name)
        };
        let numbered = |name: &str, number| format!("{name}_{number}");
        self.taken.free(&base, is_refused, numbered)
    }

    /// Returns the names of all secrets so far.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().map(|secret| secret.name.as_str())
    }

    /// Returns all secrets, also those that turned out not to be needed.
    pub(super) fn secrets(self) -> impl Iterator<Item = Secret> {
        self.secrets.into_iter()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_about_credentials_is_none() {
        for name in [
            "token",
            "access_token",
            "refreshToken",
            "X-Auth-Token",
            "client_secret",
            "Password",
            "sessionid",
            "x-api-key",
            "id_tokens",
        ] {
            assert!(is_secret_field(name), "{name}");
        }
        for name in [
            "token_type",
            "tokenType",
            "token_endpoint",
            "token-url",
            "token_expires_in",
            "sessionTimeout",
            "max_tokens",
            "promptTokens",
            "password_policy",
            "token_type_hint",
            "user",
        ] {
            assert!(!is_secret_field(name), "{name}");
        }
    }
}
