//! [`Given`]: the values that responses gave, by which requests find where theirs come from.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use html5gum::{Token, Tokenizer};
use serde_json::Value;

use super::select::Kept;
use super::strong::{is_handed_out, is_made_up, plain_name};
use super::traffic::Kind;
use super::url::resolved;

/// The most values that are remembered.
const MAX_VALUES: usize = 400_000;
/// How much of a body is looked at.
const MAX_BODY: usize = 4 << 20;

/// Values that responses gave, each with the index of the first request whose response did.
#[derive(Debug, Default)]
pub(super) struct Given<'r> {
    /// Those that look made up.
    values: HashMap<Cow<'r, str>, usize>,
    /// Those of fields with a name of what servers hand out.
    fields: HashMap<(String, String), usize>,
    /// What requests created, as the last part of the path that they were sent to with the identifier.
    things: HashMap<String, usize>,
    /// What requests have sent before any response gave it.
    sent: HashSet<Cow<'r, str>>,
    sent_fields: HashSet<(String, String)>,
    sent_things: HashSet<String>,
}

/// What a value in a request is called and stands behind.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Whereabouts<'a> {
    /// The name of its field or parameter.
    pub field: Option<&'a str>,
    /// The path before it, if it is a segment of one.
    pub path: Option<&'a str>,
}

impl<'r> Given<'r> {
    /// Returns the request whose response gave a value.
    pub(super) fn find(&self, value: &str, at: Whereabouts<'_>) -> Option<usize> {
        if let Some(found) = self.values.get(value) {
            return Some(*found);
        }
        let thing = at.path.and_then(|path| thing(path, value));
        if let Some(found) = thing.and_then(|thing| self.things.get(&thing)) {
            return Some(*found);
        }
        let field = at.field.filter(|name| is_handed_out(name))?;
        self.fields
            .get(&(plain_name(field), value.to_owned()))
            .copied()
    }

    /// Remembers that a request sends a value.
    pub(super) fn send(&mut self, value: &str, at: Whereabouts<'_>) {
        if self.sent.len() + self.sent_fields.len() + self.sent_things.len() > MAX_VALUES {
            return;
        }
        tokens(value, &mut |token| {
            if is_made_up(token) && !self.sent.contains(token) {
                self.sent.insert(Cow::Owned(token.to_owned()));
            }
        });
        if let Some(field) = at.field.filter(|name| is_handed_out(name)) {
            self.sent_fields
                .insert((plain_name(field), value.to_owned()));
        }
        let thing = at.path.and_then(|path| thing(path, value));
        self.sent_things.extend(thing);
    }

    /// Takes the values that a response gives.
    pub(super) fn receive(&mut self, index: usize, kept: &'r Kept<'_>) {
        let Some(response) = &kept.recorded.response else {
            return;
        };
        for (name, value) in &response.headers {
            match name.as_str() {
                "set-cookie" => {
                    let pair = value.split(';').next().unwrap_or_default();
                    let value = pair.split_once('=').map_or("", |(_, value)| value.trim());
                    self.text(index, value);
                }
                "location" => {
                    self.text(index, value);
                    self.created_at(index, kept, value);
                }
                "date" | "last-modified" | "expires" | "etag" | "content-security-policy" => {}
                _ => {
                    self.text(index, value);
                    self.field(index, name, value);
                }
            }
        }
        // The parts of pages hold code, not values.
        let Some(body) = response.body.as_deref().filter(|_| !kept.kind.is_asset()) else {
            return;
        };
        let body = &body[..body.floor_char_boundary(MAX_BODY)];
        let media = response.media_type();
        let begins = body.trim_start();
        if media.ends_with("json") || begins.starts_with(['{', '[']) {
            if let Ok(value) = serde_json::from_str::<Value>(body) {
                let is_creation = kept.recorded.method != "GET" && response.status < 300;
                let path = is_creation.then_some(kept.url.path.as_str());
                self.json(index, &value, path, 0);
            }
        } else if media.contains("html") || kept.kind == Kind::Document {
            self.html(index, body);
            self.text(index, body);
        } else {
            self.text(index, body);
        }
    }

    /// Takes all values in a text.
    fn text(&mut self, index: usize, text: &'r str) {
        tokens(text, &mut |token| self.value(index, Cow::Borrowed(token)));
    }

    fn value(&mut self, index: usize, value: Cow<'r, str>) {
        let is_new = !self.values.contains_key(&value) && !self.sent.contains(&value);
        if is_new && self.values.len() < MAX_VALUES && is_made_up(&value) {
            self.values.insert(value, index);
        }
    }

    fn owned(&mut self, index: usize, text: &str) {
        tokens(text, &mut |token| {
            if is_made_up(token) {
                self.value(index, Cow::Owned(token.to_owned()));
            }
        });
    }

    fn field(&mut self, index: usize, name: &str, value: &str) {
        // What has no digit is a word.
        let is_word = !value.contains(|c: char| c.is_ascii_digit());
        if !is_handed_out(name) || is_word || self.fields.len() >= MAX_VALUES {
            return;
        }
        let field = (plain_name(name), value.to_owned());
        if !self.sent_fields.contains(&field) {
            self.fields.entry(field).or_insert(index);
        }
    }

    /// Takes something that a request created, by the path before its identifier.
    fn create(&mut self, index: usize, path: &str, id: &str) {
        let Some(thing) = thing(path, id) else { return };
        if !self.sent_things.contains(&thing) && self.things.len() < MAX_VALUES {
            self.things.entry(thing).or_insert(index);
        }
    }

    /// Takes where a request says that what it created is.
    fn created_at(&mut self, index: usize, kept: &Kept<'_>, location: &str) {
        if kept.recorded.method == "GET" {
            return;
        }
        let path = resolved(location, &kept.url).unwrap_or_default();
        let path = path.split('?').next().unwrap_or_default();
        if let Some((path, id)) = path.rsplit_once('/')
            && id.contains(|c: char| c.is_ascii_digit())
        {
            self.create(index, path, id);
        }
    }

    /// Takes the values of JSON. `collection` is the path of what the request added something to.
    fn json(&mut self, index: usize, value: &Value, collection: Option<&str>, depth: usize) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    let text = match value {
                        Value::String(text) => text.clone(),
                        Value::Number(number) => number.to_string(),
                        other => {
                            // Items of lists are alike, so that their names say nothing.
                            let inside = collection.filter(|_| depth < 2 && other.is_object());
                            self.json(index, other, inside, depth + 1);
                            continue;
                        }
                    };
                    self.owned(index, &text);
                    if depth < LISTED {
                        self.field(index, name, &text);
                        let is_id = plain_name(name).ends_with("id") && !text.is_empty();
                        if let Some(path) = collection.filter(|_| is_id) {
                            self.create(index, path, &text);
                        }
                    }
                }
            }
            Value::Array(items) => {
                for item in items {
                    self.json(index, item, None, LISTED);
                }
            }
            Value::String(text) => self.owned(index, text),
            Value::Number(number) => self.owned(index, &number.to_string()),
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// Takes the values of hidden fields and attributes, as a browser reads them.
    fn html(&mut self, index: usize, body: &str) {
        for Ok(token) in Tokenizer::new(body) {
            let Token::StartTag(tag) = token else {
                continue;
            };
            let attribute = |wanted: &str| {
                let mut all = tag.attributes.iter();
                let found = all.find(|(name, _)| name.as_slice() == wanted.as_bytes());
                found.map(|(_, value)| String::from_utf8_lossy(&value.value).into_owned())
            };
            let value = match tag.name.as_slice() {
                b"input" | b"button" | b"option" => attribute("value"),
                b"meta" => attribute("content"),
                _ => None,
            };
            let Some(value) = value else { continue };
            self.owned(index, &value);
            if let Some(name) = attribute("name") {
                self.field(index, &name, &value);
            }
        }
    }
}

/// The depth that stands for everything in a list.
const LISTED: usize = 64;

/// Returns what tells a thing from others: the last part of the path before its identifier, and that.
fn thing(path: &str, id: &str) -> Option<String> {
    let kind = path.trim_end_matches('/').rsplit('/').next()?;
    (!kind.is_empty() && !id.is_empty()).then(|| format!("{kind}/{id}"))
}

/// Calls `take` with what may be a value in a text: the text itself, and the runs in it of what values
/// consist of, which get shorter.
fn tokens<'t>(text: &'t str, take: &mut dyn FnMut(&'t str)) {
    let is_alone = text.len() <= 8192 && !text.contains(char::is_whitespace);
    if is_alone {
        take(text);
    }
    for run in text
        .split(|c: char| !is_of_values(c))
        .filter(|run| !run.is_empty())
    {
        if !is_alone || run.len() < text.len() {
            take(run);
        }
        for part in run
            .split(|c: char| !is_of_words(c))
            .filter(|part| part.len() < run.len())
        {
            take(part);
        }
    }
}

/// Returns whether a character may be in a value: base64, JWTs, hexadecimal numbers, UUIDs.
pub(super) fn is_of_values(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._~+/=-".contains(c)
}

/// Returns whether a character may be in a value that is part of a path or a URL.
pub(super) fn is_of_words(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}
