//! [`Values`]: what the texts of a source can refer to: variables, secrets, columns and captures.

use std::collections::{BTreeMap, BTreeSet};

use super::credentials::{Credentials, Secret, is_secret_field};
use super::pieces::Piece;
use super::template::literal;
use super::yaml::Yaml;

/// The most variables that are declared; the values of others stand where they are used.
const MAX_VARS: usize = 500;

/// The longest name of a variable of the environment.
const MAX_CHARS: usize = 60;

/// The values of a source, by the names that it has for them.
#[derive(Debug, Default)]
pub(super) struct Values {
    /// What must not be written.
    pub credentials: Credentials,
    vars: Vec<(String, Yaml)>,
    /// The names of values that are known before the run.
    fixed: BTreeSet<String>,
    known: BTreeMap<String, Vec<Piece>>,
    columns: BTreeMap<String, String>,
    /// The feed whose columns only its file names.
    unread: Option<String>,
    captured: BTreeMap<String, String>,
    names: BTreeMap<String, String>,
    environment: BTreeMap<String, Vec<Piece>>,
}

impl Values {
    /// Defines a variable whose value is a text. One that holds credentials becomes a secret.
    pub(super) fn define_text(&mut self, name: &str, text: &str) {
        // What `vars` would read as a variable of the environment or as a template stands where it is used.
        let is_plain = !text.contains("${") && !text.contains("{{");
        if is_secret_field(name) && !text.is_empty() {
            let template = self.credentials.hide(name, &literal(text));
            let piece = self.value_of(&template);
            self.known.insert(name.to_owned(), vec![piece]);
        } else if is_plain && self.vars.len() < MAX_VARS {
            let variable = self.declare(name, Yaml::text(text));
            self.known
                .insert(name.to_owned(), vec![Piece::Value(variable)]);
        } else {
            self.known
                .insert(name.to_owned(), vec![Piece::Text(text.to_owned())]);
        }
    }

    /// Defines a variable whose value is put together from others.
    pub(super) fn define(&mut self, name: &str, pieces: Vec<Piece>) {
        self.known.insert(name.to_owned(), pieces);
    }

    /// Returns the value of a property that the environment may give, named after it.
    pub(super) fn environment(&mut self, property: &str, default: Option<&str>) -> Vec<Piece> {
        if let Some(pieces) = self.environment.get(property) {
            return pieces.clone();
        }
        let good = |c: char| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        };
        let mut variable: String = property.chars().map(good).take(MAX_CHARS).collect();
        if !variable.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            variable.insert(0, '_');
        }
        let piece = if is_secret_field(property) {
            let template = self.credentials.of_variable(&variable);
            self.value_of(&template)
        } else {
            let is_plain = |text: &&str| !text.contains(['}', '{', '\n']);
            let text = match default.filter(is_plain) {
                Some(default) => format!("${{{variable}:-{default}}}"),
                None => format!("${{{variable}}}"),
            };
            Piece::Value(self.declare(property, Yaml::text(text)))
        };
        let pieces = vec![piece];
        self.environment.insert(property.to_owned(), pieces.clone());
        pieces
    }

    /// Declares a variable of the scenario.
    fn declare(&mut self, name: &str, value: Yaml) -> String {
        let name = self.credentials.name_value(name);
        self.vars.push((name.clone(), value));
        self.fixed.insert(name.clone());
        name
    }

    /// Returns the piece of the template of a secret.
    fn value_of(&mut self, template: &str) -> Piece {
        let name = template.trim_matches(['{', '}']).to_owned();
        self.fixed.insert(name.clone());
        Piece::Value(name)
    }

    /// Makes the name of a value of the iteration, such as a capture, available from now on, and returns
    /// what the scenario calls it.
    pub(super) fn capture(&mut self, name: &str) -> String {
        let own = match self.names.get(name) {
            Some(own) => own.clone(),
            None => {
                let own = self.credentials.name_value(name);
                self.names.insert(name.to_owned(), own.clone());
                own
            }
        };
        self.captured.insert(name.to_owned(), own.clone());
        own
    }

    /// Makes a capture unavailable from now on.
    pub(super) fn forget(&mut self, name: &str) {
        self.captured.remove(name);
    }

    /// Makes the columns of a feed available from now on; without any, those that its file names, so
    /// that whatever is not known otherwise is one of them.
    pub(super) fn add_columns(&mut self, feed: &str, columns: &[String]) {
        if columns.is_empty() {
            self.unread = Some(feed.to_owned());
        }
        for column in columns {
            self.columns.insert(column.clone(), member(feed, column));
        }
    }

    /// Makes a feed of numbers available from now on.
    pub(super) fn add_numbers(&mut self, name: &str, feed: &str) {
        self.columns.insert(name.to_owned(), feed.to_owned());
    }

    /// Forgets the captures and columns of an entry of the mix.
    pub(super) fn begin_entry(&mut self) {
        self.captured.clear();
        self.columns.clear();
        self.unread = None;
    }

    /// Returns what a name stands for.
    pub(super) fn find(&self, name: &str) -> Option<Vec<Piece>> {
        let value = self.captured.get(name).or_else(|| self.columns.get(name));
        match value {
            Some(expression) => Some(vec![Piece::Value(expression.clone())]),
            None => self.known.get(name).cloned().or_else(|| {
                let feed = self.unread.as_ref().filter(|_| is_word(name))?;
                Some(vec![Piece::Value(member(feed, name))])
            }),
        }
    }

    /// Returns what a text is that is known before the run, if nobody sets its variables elsewhere.
    pub(super) fn default_text(&self, pieces: &[Piece]) -> Option<String> {
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => Some(text.clone()),
            Piece::Value(name) => self.default_of(name),
        };
        pieces.iter().map(text).collect()
    }

    /// Does the same with `1` for a variable that has to be set, to see whether the rest is valid.
    pub(super) fn likely_text(&self, pieces: &[Piece]) -> Option<String> {
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => Some(text.clone()),
            Piece::Value(name) => self.fixed.contains(name).then(|| {
                let default = self.default_of(name);
                default.unwrap_or_else(|| "1".into())
            }),
        };
        pieces.iter().map(text).collect()
    }

    fn default_of(&self, name: &str) -> Option<String> {
        let (_, value) = self.vars.iter().find(|(known, _)| known == name)?;
        let Yaml::Text(text) = value else { return None };
        let inside = text
            .strip_prefix("${")
            .and_then(|text| text.strip_suffix('}'));
        match inside {
            Some(inside) => inside.split_once(":-").map(|(_, text)| text.to_owned()),
            None => Some(text.clone()),
        }
    }

    /// Returns whether an expression may be a number: all but variables that are other texts.
    pub(super) fn may_be_number(&self, expression: &str) -> bool {
        let default = self.default_of(expression);
        let is_number = |text: &str| text.trim().parse::<f64>().is_ok_and(f64::is_finite);
        !expression.contains('~') && default.is_none_or(|text| is_number(&text))
    }

    /// Returns whether the value of an expression is certainly a text.
    pub(super) fn is_text(&self, expression: &str) -> bool {
        self.fixed.contains(expression) || self.columns.values().any(|column| column == expression)
    }

    /// Returns the variables and the secrets.
    pub(super) fn finish(self) -> (Vec<(String, Yaml)>, Vec<Secret>) {
        (self.vars, self.credentials.secrets().collect())
    }
}

/// Returns whether a text can stand behind a dot.
fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Returns the expression of a column.
fn member(feed: &str, column: &str) -> String {
    if is_word(column) {
        format!("{feed}.{column}")
    } else {
        format!("{feed}[{}]", super::pieces::quoted(column))
    }
}
