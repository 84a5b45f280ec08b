//! What a step expects of its response, and what it takes from it.

use serde_json::Value as Json;

use super::form::{Capture, Check, Expected, Rule};
use super::variables::Variables;
use crate::import::json;
use crate::import::template::literal;
use crate::import::yaml::Yaml;

/// What is expected, in the keys of `expect`.
#[derive(Debug, Default)]
struct Keys {
    status: Vec<String>,
    headers: Vec<(String, Yaml)>,
    body: Vec<(String, Yaml)>,
    /// For each JSONPath its rules.
    json: Vec<(String, Vec<(&'static str, Yaml)>)>,
    max_response: Option<String>,
    when: Vec<String>,
}

/// Returns the `expect` of a step; what says something else than another check is noted.
pub(super) fn expect(checks: &[Check], variables: &mut Variables) -> Option<Yaml> {
    let mut keys = Keys::default();
    for check in checks {
        if !keys.add(check, variables) {
            variables.note("a check that contradicts another one is left out");
        }
    }
    keys.yaml()
}

impl Keys {
    fn add(&mut self, check: &Check, variables: &mut Variables) -> bool {
        match check {
            Check::Status(all) => {
                let is_free = self.status.is_empty() || self.status == *all;
                if is_free {
                    self.status.clone_from(all);
                }
                return is_free;
            }
            Check::Header(name, value) => {
                let name = name.to_ascii_lowercase();
                return put(&mut self.headers, &name, text(value, variables));
            }
            Check::Contains(value) => {
                return put(&mut self.body, "contains", text(value, variables));
            }
            Check::ContainsNot(value) => {
                return put(&mut self.body, "not_contains", text(value, variables));
            }
            Check::Body(value) => return put(&mut self.body, "equals", text(value, variables)),
            Check::Json(path, rule) => {
                let (key, value) = match rule {
                    Rule::Equals(Expected::Literal(Json::Null)) => ("type", Yaml::text("null")),
                    Rule::Equals(value) => ("equals", expected(value, variables)),
                    Rule::Exists => ("exists", Yaml::plain(true)),
                    Rule::Type(name) => ("type", Yaml::text(*name)),
                    Rule::Bound(key, value) => (*key, Yaml::plain(value)),
                    Rule::Matches(pattern) => ("matches", Yaml::text(pattern)),
                };
                return self.rule(path, key, value);
            }
            Check::MaxResponse(ms) => self.max_response = Some(ms.clone()),
            Check::When(condition) => {
                if !self.when.contains(condition) {
                    self.when.push(condition.clone());
                }
            }
        }
        true
    }

    fn rule(&mut self, path: &str, key: &'static str, value: Yaml) -> bool {
        let rules = match self.json.iter_mut().find(|(known, _)| known == path) {
            Some((_, rules)) => rules,
            None => {
                self.json.push((path.to_owned(), Vec::new()));
                return self.rule(path, key, value);
            }
        };
        match rules.iter().find(|(known, _)| *known == key) {
            Some((_, known)) => *known == value,
            None => {
                rules.push((key, value));
                true
            }
        }
    }

    fn yaml(self) -> Option<Yaml> {
        let mut keys = Vec::new();
        let status: Vec<Yaml> = self.status.into_iter().map(Yaml::plain).collect();
        match <[Yaml; 1]>::try_from(status) {
            Ok([one]) => keys.push(("status", one)),
            Err(several) if several.is_empty() => {}
            Err(several) => keys.push(("status", Yaml::List(several))),
        }
        if !self.headers.is_empty() {
            keys.push(("headers", Yaml::Map(self.headers)));
        }
        if !self.body.is_empty() {
            keys.push(("body", Yaml::Map(self.body)));
        }
        if !self.json.is_empty() {
            let rules = self
                .json
                .into_iter()
                .map(|(path, rules)| (path, shortened(rules)));
            keys.push(("json", Yaml::map(rules)));
        }
        if let Some(ms) = self.max_response {
            keys.push(("max_response", Yaml::plain(format!("{ms}ms"))));
        }
        if !self.when.is_empty() {
            keys.push(("when", Yaml::text(self.when.join(" and "))));
        }
        (!keys.is_empty()).then(|| Yaml::map(keys))
    }
}

/// Puts a value under a name that has no other one.
fn put(into: &mut Vec<(String, Yaml)>, name: &str, value: Yaml) -> bool {
    match into.iter().find(|(known, _)| known == name) {
        Some((_, known)) => *known == value,
        None => {
            into.push((name.to_owned(), value));
            true
        }
    }
}

/// Writes rules of which the only one is a plain value as that.
fn shortened(mut rules: Vec<(&'static str, Yaml)>) -> Yaml {
    // What has a value is there.
    if rules.len() > 1 {
        rules.retain(|(key, _)| *key != "exists");
    }
    match <[(&'static str, Yaml); 1]>::try_from(rules) {
        Ok([("equals", value)]) if !matches!(value, Yaml::Map(_) | Yaml::List(_)) => value,
        Ok(one) => Yaml::map(one),
        Err(several) => Yaml::map(several),
    }
}

fn expected(value: &Expected, variables: &mut Variables) -> Yaml {
    match value {
        Expected::Literal(value) => json::of_value(value.clone(), &|text| literal(&text)),
        _ => text(value, variables),
    }
}

fn text(value: &Expected, variables: &mut Variables) -> Yaml {
    Yaml::text(match value {
        Expected::Literal(Json::String(text)) => literal(text),
        Expected::Literal(value) => value.to_string(),
        Expected::Variable(name) => variables.text(&format!("{{{{{name}}}}}")),
        Expected::Template(text) => variables.text(text),
    })
}

/// Returns the `capture` of a step.
pub(super) fn capture(captures: &[(String, Capture)], variables: &mut Variables) -> Option<Yaml> {
    let mut all: Vec<(String, Yaml)> = Vec::new();
    for (source, from) in captures {
        let name = variables.capture(source);
        let from = match from {
            Capture::Json(path) => ("jsonpath", Yaml::text(path)),
            Capture::Header(name) => ("header", Yaml::text(name.to_ascii_lowercase())),
            Capture::Cookie(name) => ("cookie", Yaml::text(name)),
            Capture::Body => ("body", Yaml::plain(true)),
            Capture::Status => ("status", Yaml::plain(true)),
        };
        // Of two values of a name, the later one counts.
        all.retain(|(known, _)| *known != name);
        all.push((name, Yaml::map([from])));
    }
    (!all.is_empty()).then(|| Yaml::map(all))
}
