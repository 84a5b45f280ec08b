//! [`Values`]: puts the values that responses gave into the requests that used them.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;

use super::given::{Given, Whereabouts, is_of_values, is_of_words};
use super::locate::locate;
use super::select::Kept;
use crate::import::credentials::Credentials;
use crate::import::pieces::{Piece, joined, push};
use crate::import::template::literal;
use crate::import::yaml::Yaml;

/// The most values that are captured, in all and from one response.
const MAX_CAPTURES: usize = 500;
const MAX_OF_RESPONSE: usize = 50;
/// How much text of responses is searched for where values stand.
const MAX_SEARCHED: usize = 128 << 20;
/// How much earlier than its head a response may be used, because clocks are rough.
const SLACK_US: u64 = 1000;

/// A value that is captured from a response.
#[derive(Clone, Debug)]
pub(super) struct Captured {
    /// Its name.
    pub name: String,
    /// Whether it is a number of JSON.
    pub is_number: bool,
}

/// What a template of a URL, a form or anything else says for a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The value as it is.
    Plain,
    /// Percent-encoded.
    Encoded,
}

/// The values of a recording.
#[derive(Debug)]
pub(super) struct Values<'r> {
    kept: &'r [Kept<'r>],
    given: Given<'r>,
    /// The captured values, each with the request that captures it; `None` for those that can't be.
    captured: HashMap<(usize, String), Option<Captured>>,
    /// What each request captures.
    captures: HashMap<usize, Vec<(String, Yaml)>>,
    count: usize,
    searched: usize,
    /// The request whose values are put in.
    now: usize,
}

impl<'r> Values<'r> {
    /// Creates them for requests, of which no response has come.
    pub(super) fn new(kept: &'r [Kept<'r>]) -> Self {
        Self {
            kept,
            given: Given::default(),
            captured: HashMap::new(),
            captures: HashMap::new(),
            count: 0,
            searched: 0,
            now: 0,
        }
    }

    /// Begins the next request.
    pub(super) fn begin(&mut self, index: usize) {
        self.now = index;
    }

    /// Takes what the response to a request gives to later ones.
    pub(super) fn receive(&mut self, index: usize) {
        if let Some(kept) = self.kept.get(index) {
            self.given.receive(index, kept);
        }
    }

    /// Returns what a request captures.
    pub(super) fn captures_of(&mut self, index: usize) -> Vec<(String, Yaml)> {
        self.captures.remove(&index).unwrap_or_default()
    }

    /// Returns the captured value that a text is, if a response gave it.
    pub(super) fn whole(
        &mut self,
        value: &str,
        at: Whereabouts<'_>,
        credentials: &mut Credentials,
    ) -> Option<Captured> {
        let source = self.given.find(value, at)?;
        let (from, to) = (&self.kept[source], &self.kept[self.now]);
        // A page is used while it still arrives.
        let is_before = from.kind == super::traffic::Kind::Document
            || from.recorded.head_us <= to.recorded.start_us.saturating_add(SLACK_US);
        if !is_before || to.kind.is_asset() {
            return None;
        }
        let key = (source, value.to_owned());
        if let Some(known) = self.captured.get(&key) {
            return known.clone();
        }
        let made = self.capture(source, value, at, credentials);
        self.captured.insert(key, made.clone());
        made
    }

    fn capture(
        &mut self,
        source: usize,
        value: &str,
        at: Whereabouts<'_>,
        credentials: &mut Credentials,
    ) -> Option<Captured> {
        let from = &self.kept[source];
        let response = from.recorded.response.as_ref();
        let size = response.and_then(|response| response.body.as_ref());
        self.searched += size.map_or(0, String::len);
        let of_response = self.captures.get(&source).map_or(0, Vec::len);
        if self.searched > MAX_SEARCHED
            || self.count >= MAX_CAPTURES
            || of_response >= MAX_OF_RESPONSE
        {
            return None;
        }
        let found = locate(from, value)?;
        let name = match (found.name.as_str(), at.field) {
            ("" | "location", Some(field)) => field.to_owned(),
            ("" | "location" | "id" | "uuid", _) => of_path(at.path.unwrap_or(&from.url.path)),
            (name, _) => name.to_owned(),
        };
        let name = credentials.name_value(&snake(&name));
        self.count += 1;
        let captures = self.captures.entry(source).or_default();
        captures.push((name.clone(), found.place));
        Some(Captured {
            name,
            is_number: found.is_number,
        })
    }

    /// Returns the template of a text, with the values in it that responses gave.
    pub(super) fn text(
        &mut self,
        text: &str,
        at: Whereabouts<'_>,
        form: Form,
        credentials: &mut Credentials,
    ) -> String {
        if let Some(found) = self.whole(text, at, credentials) {
            self.given.send(text, at);
            return inserted(&found, form);
        }
        let mut pieces = Vec::new();
        self.pieces(text, 0, credentials, &mut pieces);
        self.given.send(text, at);
        joined(&pieces, |found| inserted(found, form))
    }

    /// Splits a text into values that responses gave and what is between them.
    fn pieces(
        &mut self,
        text: &str,
        level: usize,
        credentials: &mut Credentials,
        out: &mut Vec<Piece<Captured>>,
    ) {
        let Some(is_of_run) = [is_of_values, is_of_words].get(level) else {
            return push(out, text);
        };
        let mut rest = text;
        while !rest.is_empty() {
            let begin = rest.find(is_of_run).unwrap_or(rest.len());
            push(out, &rest[..begin]);
            rest = &rest[begin..];
            let end = rest.find(|c| !is_of_run(c)).unwrap_or(rest.len());
            let run = &rest[..end];
            rest = &rest[end..];
            if run.is_empty() {
                continue;
            }
            match self.whole(run, Whereabouts::default(), credentials) {
                Some(found) => out.push(Piece::Value(found)),
                None => self.pieces(run, level + 1, credentials, out),
            }
        }
    }

    /// Returns the template of a path.
    pub(super) fn path(&mut self, path: &str, credentials: &mut Credentials) -> String {
        let mut out = String::new();
        let mut before = 0;
        for segment in path.split('/') {
            if before > 0 {
                out.push('/');
            }
            let at = Whereabouts {
                field: None,
                path: Some(&path[..before]),
            };
            before += segment.len() + 1;
            out.push_str(&self.encoded(segment, at, credentials));
        }
        out
    }

    /// Returns the template of a query or of a form that is percent-encoded.
    pub(super) fn pairs(&mut self, pairs: &str, credentials: &mut Credentials) -> String {
        let pair = |pair: &str| {
            let Some((name, value)) = pair.split_once('=') else {
                return self.encoded(pair, Whereabouts::default(), credentials);
            };
            let field = decoded(name);
            let at = Whereabouts {
                field: Some(&field),
                path: None,
            };
            let value = self.encoded(value, at, credentials);
            format!("{}={value}", literal(name))
        };
        pairs.split('&').map(pair).collect::<Vec<_>>().join("&")
    }

    /// Returns the template of a text that is percent-encoded.
    fn encoded(
        &mut self,
        text: &str,
        at: Whereabouts<'_>,
        credentials: &mut Credentials,
    ) -> String {
        let plain = decoded(text);
        if let Some(found) = self.whole(&plain, at, credentials) {
            self.given.send(&plain, at);
            // The next value may have what has to be encoded, even if this one has not.
            let is_safe = plain.chars().all(is_of_words);
            return inserted(&found, if is_safe { Form::Plain } else { Form::Encoded });
        }
        self.text(text, at, Form::Plain, credentials)
    }
}

fn inserted(found: &Captured, form: Form) -> String {
    match form {
        Form::Plain => format!("{{{{{}}}}}", found.name),
        Form::Encoded => format!("{{{{urlencode({})}}}}", found.name),
    }
}

/// Returns what is percent-encoded in a query, as text.
pub(super) fn decoded(text: &str) -> String {
    let text = text.replace('+', " ");
    percent_decode_str(&text).decode_utf8_lossy().into_owned()
}

/// Returns the name of an identifier, by the path of what it identifies: `order_id` of `/orders/`.
fn of_path(path: &str) -> String {
    let segments = path.split('/').rev();
    let named = segments.filter(|part| part.starts_with(|c: char| c.is_ascii_alphabetic()));
    let last = named.take(1).last().unwrap_or_default();
    let one = match last {
        "" => return "value".into(),
        last => last
            .strip_suffix("ies")
            .map(|stem| format!("{stem}y"))
            .or_else(|| last.strip_suffix('s').map(str::to_owned)),
    };
    format!("{}_id", one.as_deref().unwrap_or(last))
}

/// Returns a name as scenarios write them: `accessToken` becomes `access_token`.
fn snake(name: &str) -> String {
    let mut out = String::new();
    let mut was_small = false;
    for c in name.chars().take(40) {
        if !c.is_ascii_alphanumeric() {
            if !out.ends_with('_') && !out.is_empty() {
                out.push('_');
            }
            was_small = false;
            continue;
        }
        if c.is_ascii_uppercase() && was_small {
            out.push('_');
        }
        was_small = c.is_ascii_lowercase() || c.is_ascii_digit();
        out.push(c.to_ascii_lowercase());
    }
    let name = out.trim_matches('_');
    if name.is_empty() { "value" } else { name }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_a_person_would_choose() {
        for (path, name) in [
            ("/orders/", "order_id"),
            ("/api/categories/", "category_id"),
            ("/cart", "cart_id"),
            ("/", "value"),
        ] {
            assert_eq!(of_path(path), name);
        }
        for (name, snaked) in [
            ("accessToken", "access_token"),
            ("__RequestVerificationToken", "request_verification_token"),
            ("csrf-token", "csrf_token"),
            ("SID", "sid"),
            ("é", "value"),
        ] {
            assert_eq!(snake(name), snaked);
        }
    }
}
