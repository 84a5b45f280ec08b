//! [`Variables`]: texts of a test plan with what its variables and functions stand for.

use std::collections::BTreeSet;

use super::functions::{self, Called};
use super::text::{Part, parts};
use crate::import::pieces::{Piece, expression, plain, template};
use crate::import::values::Values;

/// The longest value that is put together from others, in bytes.
const LONGEST: usize = 16 << 10;

fn length(pieces: &[Piece]) -> usize {
    let length = |piece: &Piece| match piece {
        Piece::Text(text) | Piece::Value(text) => text.len() + 4,
    };
    pieces.iter().map(length).sum()
}

/// The variables of a plan.
#[derive(Debug, Default)]
pub(super) struct Variables {
    /// Their values.
    pub values: Values,
    /// What could not be carried over of the texts that were read since this was emptied.
    pub notes: Vec<String>,
    /// The names that stand for nothing, each of which is said once.
    unknown: BTreeSet<String>,
    /// How many bytes were read in all.
    pub bytes: usize,
}

impl Variables {
    /// Returns the template of a text.
    pub(super) fn text(&mut self, text: &str) -> String {
        template(&self.pieces(text))
    }

    /// Returns a text that does not depend on the run.
    pub(super) fn plain(&mut self, text: &str) -> Option<String> {
        plain(&self.pieces(text))
    }

    /// Returns a text that does not depend on the run, or otherwise its expression.
    pub(super) fn plain_or_expression(&mut self, text: &str) -> Result<String, String> {
        let pieces = self.pieces(text);
        plain(&pieces).ok_or_else(|| expression(&pieces))
    }

    /// Returns the pieces of a text.
    pub(super) fn pieces(&mut self, text: &str) -> Vec<Piece> {
        let pieces = self.of_parts(parts(text));
        self.bytes += text.len() + length(&pieces);
        pieces
    }

    /// Defines a variable of the plan.
    pub(super) fn define(&mut self, name: &str, value: &str) {
        let pieces = self.pieces(value);
        match plain(&pieces) {
            Some(text) => self.values.define_text(name, &text),
            None if length(&pieces) <= LONGEST => self.values.define(name, pieces),
            None => {
                self.notes.push(format!(
                    "the value of `{}` is too long: left out",
                    name.escape_debug()
                ));
            }
        }
    }

    fn of_parts(&mut self, parts: Vec<Part>) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        for part in parts {
            let found = match part {
                Part::Text(text) => vec![Piece::Text(text)],
                Part::Variable(name) => self.variable(&name),
                Part::Function {
                    name,
                    arguments,
                    source,
                } => self.function(&name, arguments, &source),
            };
            for piece in found {
                match (pieces.last_mut(), piece) {
                    (Some(Piece::Text(before)), Piece::Text(text)) => before.push_str(&text),
                    (_, piece) => pieces.push(piece),
                }
            }
        }
        pieces
    }

    fn variable(&mut self, name: &str) -> Vec<Piece> {
        let found = self.values.find(name);
        found.unwrap_or_else(|| {
            if self.unknown.insert(name.to_owned()) {
                let shown = name.escape_debug();
                self.notes.push(format!(
                    "nothing that was carried over sets `${{{shown}}}`: it is sent as it is"
                ));
            }
            vec![Piece::Text(format!("${{{name}}}"))]
        })
    }

    fn function(&mut self, name: &str, arguments: Vec<Vec<Part>>, source: &str) -> Vec<Piece> {
        let arguments: Vec<Vec<Piece>> = arguments
            .into_iter()
            .map(|argument| self.of_parts(argument))
            .collect();
        let text = |at: usize| {
            let text = arguments.get(at).and_then(|pieces| plain(pieces));
            text.map(|text| text.trim().to_owned())
                .filter(|text| !text.is_empty())
        };
        match (name, text(0)) {
            ("__P", Some(property)) => {
                let default = text(1).unwrap_or_else(|| "1".into());
                return self.values.environment(&property, Some(&default));
            }
            ("__property", Some(property)) => {
                let default = text(2).unwrap_or_else(|| property.clone());
                return self.values.environment(&property, Some(&default));
            }
            ("__env", Some(variable)) => {
                return self.values.environment(&variable, text(2).as_deref());
            }
            ("__V", Some(variable)) => return self.variable(&variable),
            _ => {}
        }
        match functions::call(name, &arguments) {
            Some(Called { expression, note }) => {
                self.notes
                    .extend(note.map(|note| format!("`{name}`: {note}")));
                vec![Piece::Value(expression)]
            }
            None => {
                let shown = name.escape_debug();
                self.notes.push(format!(
                    "the function `{shown}` is not carried over: it is sent as it is"
                ));
                vec![Piece::Text(source.to_owned())]
            }
        }
    }
}
