//! [`Variables`]: values of a scenario that a person may have to change, each in one place.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::Value;

use super::style::scalar;
use crate::import::credentials::is_secret_field;
use crate::import::template::{BRACE_NAME, literal};
use crate::import::yaml::Yaml;
use crate::value::function::{FUNCTIONS, RESERVED};

/// The longest name.
const MAX_CHARS: usize = 60;
/// Names of parameters that say nothing without the thing that they belong to.
const GENERIC: [&str; 9] = [
    "id",
    "uuid",
    "guid",
    "name",
    "key",
    "slug",
    "code",
    "number",
    "identifier",
];
/// Names that secrets have.
const OF_SECRETS: [&str; 5] = ["authorization", "cookie", "api_user", "client_id", "secret"];

/// The variables of a scenario.
#[derive(Debug, Default)]
pub(super) struct Variables {
    all: Vec<(String, Yaml)>,
    /// The variable of each name and value.
    known: HashMap<(String, String), String>,
    taken: HashSet<String>,
    /// The next number of a name.
    next: HashMap<String, usize>,
    /// Those whose values the document does not have.
    made_up: BTreeSet<String>,
}

impl Variables {
    /// Returns the name of the variable that has this value.
    pub(super) fn of(&mut self, name: &str, value: &Value, is_made_up: bool) -> String {
        let text = scalar(value);
        let key = (name.to_owned(), text);
        let known = self.known.get(&key).cloned();
        let variable = known.unwrap_or_else(|| {
            let variable = self.free(name);
            let value = match value {
                Value::String(text) => Yaml::text(literal(text)),
                other => Yaml::plain(scalar(other)),
            };
            self.all.push((variable.clone(), value));
            self.known.insert(key, variable.clone());
            variable
        });
        if is_made_up {
            self.made_up.insert(variable.clone());
        }
        variable
    }

    /// Keeps a name for something else.
    pub(super) fn reserve(&mut self, name: &str) {
        self.taken.insert(name.to_owned());
    }

    fn free(&mut self, name: &str) -> String {
        let number = self.next.entry(name.to_owned()).or_insert(1);
        loop {
            let variable = match *number {
                1 => name.to_owned(),
                number => format!("{name}_{number}"),
            };
            *number += 1;
            if self.taken.insert(variable.clone()) {
                return variable;
            }
        }
    }

    /// Returns the variables, and the names of those whose values the document does not have.
    pub(super) fn finish(self) -> (Vec<(String, Yaml)>, BTreeSet<String>) {
        (self.all, self.made_up)
    }
}

/// Returns the name of the variable for a parameter of a path that begins with `before`.
pub(super) fn of_parameter(parameter: &str, before: &str) -> String {
    let name = words(parameter);
    let thing = thing(before).filter(|_| GENERIC.contains(&name.as_str()));
    let longer = thing.map(|thing| format!("{thing}_{name}"));
    // Secrets may have that name.
    let longer = longer.filter(|longer| !is_secret_field(longer));
    free_of_keywords(longer.unwrap_or(name))
}

/// Returns what the last part of a path is about: `pet` of `/pets`.
pub(super) fn thing(path: &str) -> Option<String> {
    let last = path.trim_end_matches('/').rsplit('/').next()?;
    if last.is_empty() || last.contains('{') {
        return None;
    }
    let words = words(last);
    if words.is_empty() {
        return None;
    }
    let one = match words.strip_suffix("ies") {
        Some(stem) if stem.len() > 1 => format!("{stem}y"),
        _ => match words.strip_suffix('s') {
            Some(one) if one.len() > 1 && !one.ends_with(['s', 'u']) => one.to_owned(),
            _ => words,
        },
    };
    Some(one)
}

/// Returns a name in lower case, with `_` between its words, that a variable may have.
pub(super) fn of_words(text: &str) -> String {
    free_of_keywords(words(text))
}

/// Returns a name in lower case, with `_` between its words.
pub(super) fn words(text: &str) -> String {
    let mut name = String::new();
    for c in text.chars().take(MAX_CHARS) {
        if c.is_ascii_alphanumeric() {
            let is_word = c.is_ascii_uppercase()
                && name.ends_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
            if is_word {
                name.push('_');
            }
            name.push(c.to_ascii_lowercase());
        } else if !name.ends_with('_') && !name.is_empty() {
            name.push('_');
        }
    }
    name.trim_matches('_').to_owned()
}

fn free_of_keywords(name: String) -> String {
    let is_reserved = RESERVED.contains(&name.as_str())
        || FUNCTIONS.contains(&name.as_str())
        || OF_SECRETS.contains(&name.as_str())
        || name == BRACE_NAME;
    if name.is_empty() {
        "value".into()
    } else if is_reserved {
        format!("{name}_value")
    } else if name.starts_with(|c: char| c.is_ascii_digit()) {
        format!("_{name}")
    } else {
        name
    }
}
