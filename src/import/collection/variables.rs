//! [`Variables`]: what the templates of a collection insert, as templates of the scenario language.

use std::collections::{BTreeMap, BTreeSet};

use super::dynamic::dynamic;
use super::form::Variable;
use super::pieces::{Inserted, Piece, computed, next, push, snake, source_name, template};
use crate::import::credentials::{Credentials, Secret, is_secret_field};
use crate::import::template::literal;
use crate::import::yaml::Yaml;

/// How often values of variables may contain others.
const MAX_DEPTH: usize = 10;
/// The most bytes that the values of a text may have in it.
const MAX_BYTES: usize = 1 << 16;
/// The most bytes of values that are written out in all texts together.
const MAX_EXPANDED: usize = 16 << 20;
/// The longest value that is looked at where it is inserted.
const MAX_KNOWN: usize = 4096;
/// The most notes about one request.
const MAX_NOTES: usize = 50;
/// The most unused variables that are named.
const MAX_UNUSED: usize = 20;
/// What stands before credentials that are the rest of a value.
const SCHEMES: [&str; 8] = [
    "bearer", "basic", "token", "apikey", "api-key", "key", "jwt", "oauth",
];

/// A variable of the source.
#[derive(Debug)]
struct Known {
    /// What tells it from others.
    source: String,
    /// What it is called.
    label: String,
    /// Its value; without one, it comes from the environment.
    value: Option<String>,
    is_secret: bool,
    /// Whether its value can't be that of a variable, because it contains templates.
    is_template: bool,
    /// An example of its value, if it is a URL of a target or a part of one.
    example: Option<&'static str>,
    /// Its name in the scenario, once it is inserted there.
    name: Option<String>,
    /// Whether its value was written out somewhere.
    is_written_out: bool,
}

/// What a scenario has of the variables of a collection.
#[derive(Debug, Default)]
pub(super) struct Finished {
    /// Its variables.
    pub vars: Vec<(String, Yaml)>,
    /// Its secrets.
    pub secrets: Vec<Secret>,
    /// Variables that come from the environment, with examples.
    pub urls: Vec<(Secret, &'static str)>,
    /// The names of some variables that nothing uses.
    pub unused: Vec<String>,
}

/// The variables of a collection.
#[derive(Debug, Default)]
pub(super) struct Variables {
    /// Literal credentials.
    pub credentials: Credentials,
    /// What could not be carried over of the texts since this was last taken.
    pub notes: Vec<String>,
    known: Vec<Known>,
    /// The numbers of the variables of each folder, the innermost last.
    scopes: Vec<BTreeMap<String, usize>>,
    /// The numbers of what the source does not declare.
    undeclared: BTreeMap<String, usize>,
    /// The names of variables that say the same, by the name in the source and the value.
    names: BTreeMap<(String, Option<String>), String>,
    /// What responses have set, by the names in the source.
    captured: BTreeMap<String, String>,
    /// The bytes of values that were written out.
    spent: usize,
    /// The variables that turned out to be secrets, by their names in the source and their values.
    secrets: BTreeSet<(String, Option<String>)>,
}

impl Variables {
    /// Starts again, knowing which variables are secrets.
    pub(super) fn again(self) -> Self {
        Self {
            secrets: self.secrets,
            ..Self::default()
        }
    }

    /// Begins a folder or a request.
    pub(super) fn enter(&mut self, variables: &[Variable]) {
        let mut scope = BTreeMap::new();
        for variable in variables {
            let name = variable.name.trim();
            let value = variable.value.clone().filter(|value| !value.is_empty());
            let number = self.add(
                name,
                name,
                value,
                variable.is_secret || is_secret_field(name),
            );
            scope.insert(name.to_owned(), number);
        }
        self.scopes.push(scope);
    }

    /// Ends it.
    pub(super) fn leave(&mut self) {
        self.scopes.pop();
    }

    fn add(&mut self, source: &str, label: &str, value: Option<String>, is_secret: bool) -> usize {
        self.known.push(Known {
            source: source.to_owned(),
            label: label.to_owned(),
            is_secret: is_secret || self.secrets.contains(&(source.to_owned(), value.clone())),
            example: None,
            is_template: value.as_deref().is_some_and(is_template),
            value,
            name: None,
            is_written_out: false,
        });
        self.known.len() - 1
    }

    /// Says that a response sets a variable, and returns its name in the scenario.
    pub(super) fn capture(&mut self, source: &str) -> String {
        if let Some(name) = self.captured.get(source) {
            return name.clone();
        }
        let name = self.credentials.take(&snake(source));
        self.captured.insert(source.to_owned(), name.clone());
        name
    }

    /// Splits a text into what is sent as it is and what is inserted.
    pub(super) fn pieces(&mut self, text: &str) -> Vec<Piece> {
        let mut all = Vec::new();
        let mut room = MAX_BYTES;
        self.expand(text, MAX_DEPTH, &mut room, &mut all);
        if room == 0 {
            self.note("a value that contains others is too long: cut");
        }
        all
    }

    fn expand(&mut self, text: &str, depth: usize, room: &mut usize, into: &mut Vec<Piece>) {
        let mut rest = text;
        while let Some((at, end)) = next(rest) {
            push(into, &rest[..at]);
            let inner = &rest[at..end];
            rest = &rest[end..];
            if inner.starts_with("{%") {
                self.tag(inner, into);
                continue;
            }
            let name = source_name(&inner[2..inner.len() - 2]);
            self.insert(&name, depth, room, into);
        }
        push(into, rest);
    }

    /// Adds what a tag of Insomnia's stands for.
    fn tag(&mut self, tag: &str, into: &mut Vec<Piece>) {
        let words = tag.trim_matches(|c: char| "{}% ".contains(c));
        let name: String = words
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect();
        let expression = match name.as_str() {
            "uuid" => Some("uuid()"),
            "now" | "timestamp" if words.contains("milli") => Some("now()"),
            "now" | "timestamp" if words.contains("unix") => Some("(now() // 1000)"),
            _ => None,
        };
        if let Some(expression) = expression {
            into.push(Piece::Value(computed(expression, expression == "uuid()")));
            return;
        }
        let remedy = if name == "response" {
            "`capture` it in the step of that request"
        } else {
            "insert what it stands for"
        };
        self.note(&format!(
            "`{{% {name} … %}}` comes from the environment here: {remedy}"
        ));
        let number = self.undeclared(&format!("{name}_tag"));
        into.push(self.piece(number, None));
    }

    fn insert(&mut self, name: &str, depth: usize, room: &mut usize, into: &mut Vec<Piece>) {
        if let Some(variable) = name.strip_prefix("process.env.") {
            let number = self.undeclared(variable);
            return into.push(self.piece(number, None));
        }
        if let Some(name) = name.strip_prefix('$') {
            let made = dynamic(name);
            if let Some(difference) = made.difference {
                self.note(&difference);
            }
            return into.push(Piece::Value(computed(made.expression, made.is_text)));
        }
        if let Some(captured) = self.captured.get(name) {
            return into.push(Piece::Value(computed(captured, false)));
        }
        let declared = self.scopes.iter().rev().find_map(|scope| scope.get(name));
        let Some(number) = declared.copied() else {
            let is_new = !self.undeclared.contains_key(name);
            let number = self.undeclared(name);
            if is_new {
                let name = name.escape_debug();
                self.note(&format!(
                    "`{name}` is not defined: it comes from the environment"
                ));
            }
            return into.push(self.piece(number, None));
        };
        let variable = &self.known[number];
        let value = variable.value.as_deref().filter(|_| !variable.is_secret);
        match value {
            Some(value) if variable.is_template => {
                let spent = self.spent + value.len();
                if depth == 0 || value.len() > *room || spent > MAX_EXPANDED {
                    *room = 0;
                    return;
                }
                let value = value.to_owned();
                *room -= value.len();
                self.spent = spent;
                self.known[number].is_written_out = true;
                self.expand(&value, depth - 1, room, into);
            }
            value => {
                let known = value.filter(|value| value.len() <= MAX_KNOWN);
                let known = known.map(str::to_owned);
                into.push(self.piece(number, known));
            }
        }
    }

    /// Returns the number of a variable that the source does not declare.
    fn undeclared(&mut self, name: &str) -> usize {
        self.undeclared_as(name, name)
    }

    /// Returns the number of a value that is called `name`, of which `what` tells it from others.
    fn undeclared_as(&mut self, what: &str, name: &str) -> usize {
        if let Some(number) = self.undeclared.get(what) {
            return *number;
        }
        let number = self.add(what, name, None, true);
        self.undeclared.insert(what.to_owned(), number);
        number
    }

    /// Returns the piece of a variable, which has its name from now on.
    fn piece(&mut self, number: usize, known: Option<String>) -> Piece {
        let variable = &mut self.known[number];
        let name = variable.name.get_or_insert_with(|| {
            let same = (variable.source.clone(), variable.value.clone());
            let name = self.names.entry(same);
            name.or_insert_with(|| self.credentials.take(&snake(&variable.label)))
                .clone()
        });
        let name = name.clone();
        Piece::Value(Inserted {
            expression: name,
            is_text: true,
            known,
            variable: Some(number),
        })
    }

    /// Says that a value is the URL of a target or a part of one, such as this example.
    pub(super) fn is_url(&mut self, value: &Inserted, example: &'static str) {
        if let Some(number) = value.variable {
            self.known[number].example.get_or_insert(example);
        }
    }

    /// Returns the template of a text.
    pub(super) fn text(&mut self, text: &str) -> String {
        let pieces = self.pieces(text);
        template(&pieces)
    }

    /// Returns the template of a text that holds credentials, which are called `name`.
    pub(super) fn secret(&mut self, name: &str, text: &str) -> String {
        let pieces = self.pieces(text);
        self.hide(name, &pieces)
    }

    /// Hides credentials. Of a text with values in it, only what says how to read them is written.
    pub(super) fn hide(&mut self, name: &str, pieces: &[Piece]) -> String {
        let name = snake(name);
        let is_literal = |piece: &Piece| match piece {
            Piece::Text(text) => {
                let word = text.trim().trim_end_matches(':');
                !word.is_empty() && !SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(word))
            }
            Piece::Value(_) => false,
        };
        match pieces {
            [] => String::new(),
            [Piece::Text(text)] => self.credentials.hide(&name, &literal(text)),
            pieces if pieces.iter().any(is_literal) => {
                let what = format!("{name} {}", template(pieces));
                let number = self.undeclared_as(&what, &name);
                template(&[self.piece(number, None)])
            }
            pieces => {
                for piece in pieces {
                    if let Piece::Value(Inserted {
                        variable: Some(number),
                        ..
                    }) = piece
                    {
                        let variable = &mut self.known[*number];
                        variable.is_secret = true;
                        let same = (variable.source.clone(), variable.value.clone());
                        self.secrets.insert(same);
                    }
                }
                template(pieces)
            }
        }
    }

    /// Returns a text whose values are all known.
    pub(super) fn plain(&mut self, text: &str) -> Option<String> {
        let mut plain = String::new();
        for piece in self.pieces(text) {
            plain.push_str(&match piece {
                Piece::Text(text) => text,
                Piece::Value(value) => value.known?,
            });
        }
        Some(plain)
    }

    /// Notes something about the text that is read.
    pub(super) fn note(&mut self, message: &str) {
        let is_known = self.notes.iter().any(|known| known == message);
        if !is_known && self.notes.len() < MAX_NOTES {
            self.notes.push(message.to_owned());
        } else if !is_known && self.notes.len() == MAX_NOTES {
            self.notes.push("and more of that kind".into());
        }
    }

    /// Returns what a scenario has of them.
    pub(super) fn finish(self) -> Finished {
        let mut used: BTreeSet<String> = self.captured.into_keys().collect();
        let named = self
            .known
            .iter()
            .filter(|known| known.name.is_some() || known.is_written_out);
        used.extend(named.map(|known| known.source.clone()));
        let mut written = BTreeSet::new();
        let mut all = Finished::default();
        for variable in self.known {
            let Some(name) = variable.name else {
                let quoted = format!("`{}`", variable.source.escape_debug());
                let is_new = !used.contains(&variable.source) && !all.unused.contains(&quoted);
                if is_new && all.unused.len() < MAX_UNUSED {
                    all.unused.push(quoted);
                }
                continue;
            };
            if !written.insert(name.clone()) {
                continue;
            }
            let secret = Secret::named(name);
            match (variable.value, variable.example) {
                (Some(value), _) if !variable.is_secret => {
                    all.vars.push((secret.name, Yaml::text(value)));
                }
                (None, Some(example)) => all.urls.push((secret, example)),
                _ => all.secrets.push(secret),
            }
        }
        all.secrets.extend(self.credentials.secrets());
        all
    }
}

/// Returns whether a value is not the same once it is a variable of a scenario.
fn is_template(value: &str) -> bool {
    value.contains("${") || value.contains("{{") || next(value).is_some()
}
