//! [`MessageError`]: what is wrong with a message, and where.

use std::fmt;

/// Something that is wrong with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageError {
    /// The way from the message to the place.
    pub path: Vec<PathStep>,
    /// Whether the key itself is wrong, rather than its value.
    pub is_key: bool,
    /// What is wrong.
    pub message: String,
    /// How to fix it.
    pub remedy: Remedy,
}

/// A step into a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathStep {
    /// To the value of a key.
    Key(String),
    /// To an item of a list.
    Item(usize),
}

/// How to fix a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// A text that says so.
    Text(String),
    /// Another word instead of this one, from a list.
    Choose {
        /// The word.
        word: String,
        /// The words that there are.
        known: Vec<String>,
    },
}

impl MessageError {
    /// Creates the error of a value.
    pub(super) fn of_value(path: &[PathStep], message: String, remedy: Remedy) -> Self {
        Self {
            path: path.to_vec(),
            is_key: false,
            message,
            remedy,
        }
    }
}

/// Formats a path as JSONPath does, without the root.
pub(super) fn shown(path: &[PathStep]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            PathStep::Key(key) if text.is_empty() => text.push_str(key),
            PathStep::Key(key) => text.push_str(&format!(".{key}")),
            PathStep::Item(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}

/// Names the place, for code that has no position in a file.
impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.message)?;
        } else {
            write!(f, "{}: {}", shown(&self.path), self.message)?;
        }
        self.remedy.fmt(f)
    }
}

/// Formats it as the rest of a sentence.
impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "; {text}"),
            Self::Choose { known, .. } if known.is_empty() => Ok(()),
            Self::Choose { known, .. } => write!(f, "; known here: {}", known.join(", ")),
        }
    }
}
