//! JSON with the templates of a collection in it, in texts and in place of values.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::pieces::{Piece, next, template};
use super::variables::Variables;
use crate::import::credentials::is_secret_field;
use crate::import::exchange::Body;
use crate::import::json;
use crate::import::template::{literal, literal_before_template};
use crate::import::yaml::Yaml;

/// The deepest JSON that is written as such: a scenario has 64 levels.
const MAX_DEPTH: usize = 32;
/// What stands before the number of a template in a text, while the JSON is read.
const IN_TEXT: char = '\u{e000}';
/// What stands before the number of a template in place of a value.
const AS_VALUE: char = '\u{e001}';
/// What follows the number.
const END: char = '\u{e002}';

/// JSON whose templates are replaced by their numbers.
struct Marked {
    text: String,
    templates: Vec<String>,
}

/// Returns a body of JSON: as such if a scenario can write it, and otherwise as text.
pub(super) fn body(text: &str, variables: &mut Variables) -> Body {
    let Some(marked) = Marked::new(text) else {
        return Body::Text(variables.text(text));
    };
    if let Some(value) = json::yaml(&marked.text)
        && depth(&value) <= MAX_DEPTH
        && let Some(value) = marked.value(value, "", variables)
    {
        return Body::Json(value);
    }
    let body = Body::Text(marked.text(variables));
    variables.credentials.hide_body(body)
}

impl Marked {
    /// Replaces the templates of a text; `None` if its characters are in the way.
    fn new(text: &str) -> Option<Self> {
        if text.contains([IN_TEXT, AS_VALUE, END]) {
            return None;
        }
        let (mut out, mut templates) = (String::new(), Vec::new());
        let (mut is_in_string, mut is_escaped) = (false, false);
        let mut rest = text;
        while let Some((at, end)) = next(rest) {
            for c in rest[..at].chars() {
                is_in_string ^= c == '"' && !is_escaped;
                is_escaped = is_in_string && c == '\\' && !is_escaped;
            }
            out.push_str(&rest[..at]);
            let number = templates.len();
            if is_in_string {
                out.extend([IN_TEXT.to_string(), number.to_string(), END.to_string()]);
            } else {
                out.push_str(&format!("\"{AS_VALUE}{number}{END}\""));
            }
            templates.push(rest[at..end].to_owned());
            rest = &rest[end..];
        }
        Some(Self {
            text: out + rest,
            templates,
        })
    }

    /// Returns the template that stands in place of a value.
    fn of_value(&self, text: &str) -> Option<&str> {
        let number = text.strip_prefix(AS_VALUE)?.strip_suffix(END)?;
        self.templates
            .get(number.parse::<usize>().ok()?)
            .map(String::as_str)
    }

    /// Puts the templates back into a text.
    fn restored(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find([IN_TEXT, AS_VALUE]) {
            out.push_str(&rest[..at]);
            let after = &rest[at + IN_TEXT.len_utf8()..];
            let (number, after) = after.split_once(END).unwrap_or((after, ""));
            let number = number.parse::<usize>().ok();
            out.push_str(
                number
                    .and_then(|number| self.templates.get(number))
                    .map_or("", |text| text),
            );
            rest = after;
        }
        out + rest
    }

    /// Returns a value with its templates; `None` if one is of a type that is not known.
    fn value(&self, value: Yaml, name: &str, variables: &mut Variables) -> Option<Yaml> {
        Some(match value {
            Yaml::Text(text) => Yaml::Text(match self.of_value(&text) {
                Some(template) => typed(template, variables)?,
                None => {
                    let text = self.restored(&text);
                    let pieces = variables.pieces(&text);
                    match pieces.as_slice() {
                        pieces if is_secret_field(name) => variables.hide(name, pieces),
                        [Piece::Value(value)] if !value.is_text => {
                            format!("{{{{{}|string}}}}", value.expression)
                        }
                        pieces => template(pieces),
                    }
                }
            }),
            Yaml::List(items) => {
                let items = items
                    .into_iter()
                    .map(|item| self.value(item, name, variables));
                Yaml::List(items.collect::<Option<_>>()?)
            }
            Yaml::Map(members) => {
                let mut all = Vec::new();
                for (name, value) in members {
                    if name.contains([IN_TEXT, AS_VALUE]) {
                        return None;
                    }
                    let value = self.value(value, &name, variables)?;
                    all.push((name, value));
                }
                Yaml::Map(all)
            }
            other => other,
        })
    }

    /// Returns the text with its templates, without its credentials.
    fn text(&self, variables: &mut Variables) -> String {
        let mut secrets = BTreeMap::new();
        if let Ok(value) = serde_json::from_str::<Json>(&self.text) {
            self.secrets(&value, &mut secrets);
        }
        let mut parts = Vec::new();
        let mut rest = self.text.as_str();
        while let Some((before, (string, after))) = rest
            .find('"')
            .map(|at| (&rest[..at], string_of(&rest[at..])))
        {
            parts.push(Part::Text(before.to_owned()));
            let is_name = after.trim_start().starts_with(':');
            let inside = string.trim_matches('"');
            match (
                secrets.get(string).filter(|_| !is_name),
                self.of_value(inside),
            ) {
                (Some((name, value)), _) => {
                    let hidden = variables.secret(name, &self.restored(value));
                    let quote = || Part::Text("\"".into());
                    parts.extend([quote(), Part::Template(hidden), quote()]);
                }
                (None, Some(template)) => self.insert(template, variables, &mut parts),
                (None, None) => {
                    let text = self.restored(string);
                    self.insert(&text, variables, &mut parts);
                }
            }
            rest = after;
        }
        let rest = self.restored(rest);
        self.insert(&rest, variables, &mut parts);
        let last = parts.len().saturating_sub(1);
        let part = |(at, part)| match part {
            Part::Template(template) => template,
            Part::Text(text) if at < last => literal_before_template(&text),
            Part::Text(text) => literal(&text),
        };
        parts.into_iter().enumerate().map(part).collect()
    }

    /// Adds a text of the source.
    fn insert(&self, text: &str, variables: &mut Variables, parts: &mut Vec<Part>) {
        parts.extend(variables.pieces(text).into_iter().map(|piece| match piece {
            Piece::Text(text) => Part::Text(text),
            Piece::Value(value) => Part::Template(value.template()),
        }));
    }

    /// Collects the texts that hold credentials as they are written, each with its name and its value.
    fn secrets(&self, value: &Json, found: &mut BTreeMap<String, (String, String)>) {
        match value {
            Json::Object(members) => {
                for (name, value) in members {
                    match value {
                        Json::String(text) if is_secret_field(name) => {
                            if !text.is_empty() && self.of_value(text).is_none() {
                                let written = Json::from(text.as_str()).to_string();
                                found.insert(written, (name.clone(), text.clone()));
                            }
                        }
                        other => self.secrets(other, found),
                    }
                }
            }
            Json::Array(items) => items.iter().for_each(|item| self.secrets(item, found)),
            _ => {}
        }
    }
}

/// A part of a text of JSON.
enum Part {
    /// What is sent as it is.
    Text(String),
    /// A template of the scenario language.
    Template(String),
}

/// Splits a text that begins with a quote after the JSON string that the quote opens.
fn string_of(text: &str) -> (&str, &str) {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == '"' && !is_escaped {
            return text.split_at(at + 1);
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    (text, "")
}

/// Returns how deep a value is.
fn depth(value: &Yaml) -> usize {
    match value {
        Yaml::List(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Yaml::Map(members) => {
            1 + members
                .iter()
                .map(|(_, value)| depth(value))
                .max()
                .unwrap_or_default()
        }
        _ => 0,
    }
}

/// Returns the template of a value that keeps its type, if that is known.
fn typed(text: &str, variables: &mut Variables) -> Option<String> {
    let pieces = variables.pieces(text);
    let [Piece::Value(value)] = pieces.as_slice() else {
        return None;
    };
    match &value.known {
        None if value.is_variable() => None,
        None => Some(value.template()),
        Some(known)
            if known
                .parse::<i64>()
                .is_ok_and(|number| number.to_string() == *known) =>
        {
            Some(format!("{{{{{}|int}}}}", value.expression))
        }
        Some(known)
            if known
                .parse::<f64>()
                .is_ok_and(|number| number.to_string() == *known) =>
        {
            Some(format!("{{{{{}|float}}}}", value.expression))
        }
        Some(_) => None,
    }
}
