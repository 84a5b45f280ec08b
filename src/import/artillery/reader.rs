//! [`Reader`]: a script while it is read, and what was found so far.

use std::collections::BTreeSet;

use super::template::{self, Part};
use super::tree::Tree;
use crate::import::note::{Note, Place};
use crate::import::pending::Pending;
use crate::import::pieces::{Piece, quoted, template as written};
use crate::import::values::Values;
use crate::import::yaml::Yaml;

/// The most text of a script that is carried over, in bytes: a scenario has 1 MiB at most.
const MAX_BYTES: usize = 400 << 10;

/// A script while it is read.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// Its values.
    pub values: Values,
    /// The feeds so far.
    pub data: Vec<(String, Yaml)>,
    /// The names of the feeds, with their columns.
    pub feeds: Vec<(String, Vec<String>)>,
    /// Whether what is read has rows.
    pub has_rows: bool,
    /// The URL that paths are relative to.
    pub target: Vec<Piece>,
    /// How long a response may take, in seconds.
    pub timeout: Option<f64>,
    /// The headers of all requests.
    pub defaults: Vec<(String, Tree)>,
    /// The cookies of all requests.
    pub cookies: Tree,
    /// Whether any certificate is accepted.
    pub is_insecure: bool,
    used: BTreeSet<String>,
    /// What could not be carried over of what comes next.
    pub pending: Pending,
    said: BTreeSet<(String, String)>,
    bytes: usize,
}

impl Reader {
    /// Notes what could not be carried over of a part of the script.
    pub(super) fn note(&mut self, place: &str, message: impl Into<String>) {
        let place = if place.is_empty() {
            "the script"
        } else {
            place
        };
        let message = message.into();
        if self.said.insert((place.to_owned(), message.clone())) {
            self.pending.note(Note {
                place: Place::Part(place.to_owned()),
                message,
            });
        }
    }

    /// Returns whether a scenario can hold no more.
    pub(super) fn is_full(&self) -> bool {
        self.pending.is_full() || self.bytes >= MAX_BYTES
    }

    /// Returns the feeds whose columns were used since the last call.
    pub(super) fn take_used(&mut self) -> Vec<String> {
        std::mem::take(&mut self.used).into_iter().collect()
    }

    /// Defines a variable of the script.
    pub(super) fn define(&mut self, name: &str, value: &Tree) {
        let place = format!("config.variables.{}", name.escape_debug());
        match value {
            Tree::List(items) => {
                // Each user draws one in Artillery.
                let items: Vec<String> = items.iter().filter_map(constant).collect();
                if items.is_empty() || items.iter().map(String::len).sum::<usize>() > 1000 {
                    self.note(&place, "a list that is empty, long or of lists: left out");
                    return;
                }
                self.note(&place, "an item of the list is drawn at each use here");
                let list = format!("pick([{}])", items.join(", "));
                self.values.define(name, vec![Piece::Value(list)]);
            }
            Tree::Map(_) | Tree::Null => {
                self.note(
                    &place,
                    "a variable that is not a single value or a list: left out",
                );
            }
            Tree::Text(text) | Tree::Plain(text) => {
                let pieces = self.pieces(&place, text);
                match crate::import::pieces::plain(&pieces) {
                    Some(text) => self.values.define_text(name, &text),
                    None => self.values.define(name, pieces),
                }
            }
        }
    }

    /// Returns the template of a text.
    pub(super) fn text(&mut self, place: &str, text: &str) -> String {
        written(&self.pieces(place, text))
    }

    /// Returns the pieces of a text.
    pub(super) fn pieces(&mut self, place: &str, text: &str) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        for part in template::parts(text) {
            let piece = match part {
                Part::Text(text) => vec![Piece::Text(text)],
                Part::Inserted(inside) => self.inserted(place, &inside),
            };
            for piece in piece {
                self.bytes += match &piece {
                    Piece::Text(text) | Piece::Value(text) => text.len() + 4,
                };
                match (pieces.last_mut(), piece) {
                    (Some(Piece::Text(before)), Piece::Text(text)) => before.push_str(&text),
                    (_, piece) => pieces.push(piece),
                }
            }
        }
        pieces
    }

    /// Returns what stands between braces.
    fn inserted(&mut self, place: &str, inside: &str) -> Vec<Piece> {
        let environment = ["$processEnvironment.", "$env."]
            .iter()
            .find_map(|begin| inside.strip_prefix(begin));
        if let Some(variable) = environment.filter(|name| template::is_word(name)) {
            return self.values.environment(variable, None);
        }
        if let Some(called) = template::call(inside) {
            if let Some(note) = called.note {
                self.note(place, note);
            }
            return vec![Piece::Value(called.expression)];
        }
        let (name, rest) = template::path(inside);
        match self.values.find(name) {
            Some(pieces) if rest.is_empty() => {
                self.use_feeds(&pieces);
                pieces
            }
            Some(pieces) => match (pieces.as_slice(), template::is_path(rest)) {
                ([Piece::Value(value)], true) if !self.values.is_text(value) => {
                    vec![Piece::Value(format!("{value}{rest}"))]
                }
                _ => self.unknown(place, inside),
            },
            None => self.unknown(place, inside),
        }
    }

    fn unknown(&mut self, place: &str, inside: &str) -> Vec<Piece> {
        let shown = inside.escape_debug();
        let note =
            format!("nothing that was carried over sets `{{{{ {shown} }}}}`: it is sent as it is");
        self.note(place, note);
        vec![Piece::Text(format!("{{{{ {inside} }}}}"))]
    }

    /// Returns the value of a name as an expression.
    pub(super) fn value(&mut self, place: &str, name: &str) -> Option<String> {
        match self.inserted(place, name).as_slice() {
            [Piece::Value(value)] => Some(value.clone()),
            _ => None,
        }
    }

    fn use_feeds(&mut self, pieces: &[Piece]) {
        for piece in pieces {
            let Piece::Value(value) = piece else { continue };
            let feed = value.split(['.', '[']).next().unwrap_or_default();
            if self.feeds.iter().any(|(known, _)| known == feed) {
                self.used.insert(feed.to_owned());
            }
        }
    }

    /// Returns a value of JSON, whose texts are templates.
    pub(super) fn json(&mut self, place: &str, value: &Tree) -> Yaml {
        match value {
            Tree::Null => Yaml::plain("null"),
            Tree::Plain(text) => {
                self.bytes += text.len();
                Yaml::plain(text)
            }
            Tree::Text(text) => {
                let pieces = self.pieces(place, text);
                if let [Piece::Value(value)] = pieces.as_slice()
                    && self.values.is_text(value)
                    && value.contains(['.', '['])
                {
                    let note = "numbers in the file are numbers in Artillery, and texts here: see `{{users.id|int}}`";
                    self.note("config.payload", note);
                }
                Yaml::text(written(&pieces))
            }
            Tree::List(items) => {
                Yaml::List(items.iter().map(|item| self.json(place, item)).collect())
            }
            Tree::Map(members) => Yaml::Map(
                members
                    .iter()
                    .map(|(name, value)| (name.clone(), self.json(place, value)))
                    .collect(),
            ),
        }
    }
}

/// Returns a single value as an expression.
fn constant(value: &Tree) -> Option<String> {
    match value {
        Tree::Text(text) => Some(quoted(text)),
        Tree::Plain(text) if text.parse::<f64>().is_ok_and(f64::is_finite) => Some(text.clone()),
        Tree::Plain(text) if matches!(text.as_str(), "true" | "false") => Some(text.clone()),
        Tree::Plain(_) | Tree::Null | Tree::List(_) | Tree::Map(_) => None,
    }
}
