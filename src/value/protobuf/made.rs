//! [`Made`]: what an inserted value is, as far as that is known before the run.

use prost_reflect::Kind;

use crate::plan::{Piece, Template};

/// What functions return.
const FUNCTIONS: [(&str, Made); 6] = [
    ("uuid", Made::Text),
    ("random_string", Made::Text),
    ("seq", Made::Number),
    ("now", Made::Number),
    ("random_int", Made::Number),
    ("int", Made::Number),
];

/// What an inserted value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Made {
    /// A text that is not a number.
    Text,
    /// A number.
    Number,
}

impl Made {
    /// Returns what it is, with its article.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Number => "a number",
        }
    }

    /// Returns whether it can be the value of a field of this kind.
    pub(super) const fn fits(self, kind: &Kind) -> bool {
        match (self, kind) {
            (_, Kind::Bool) => false,
            (Self::Number, kind) => !matches!(kind, Kind::Bytes),
            (Self::Text, kind) => matches!(kind, Kind::String | Kind::Bytes | Kind::Enum(_)),
        }
    }
}

/// Returns what a text is that is nothing but the call of a function, if that is known.
pub(super) fn made_by_function(text: &Template) -> Option<Made> {
    let [Piece::Value(insert)] = text.pieces() else {
        return None;
    };
    let (name, rest) = insert.value.trim().split_once('(')?;
    let arguments = rest.strip_suffix(')')?;
    let is_one_call = !arguments.contains(['(', ')', '|']);
    let known = FUNCTIONS.iter().find(|(known, _)| *known == name.trim());
    known.filter(|_| is_one_call).map(|(_, made)| *made)
}
