//! [`Template`]: text with values that are inserted at run time.

use serde::{Deserialize, Serialize};

/// Text with values that are inserted at run time. Most templates have no values, and are plain
/// text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "TemplateRepr", into = "TemplateRepr")]
pub struct Template {
    pieces: Vec<Piece>,
}

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Piece {
    /// Literal text.
    Text(String),
    /// A value of the running iteration.
    Value(Insert),
}

impl Piece {
    /// The literal text, unless the piece is a value.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Value(_) => None,
        }
    }
}

/// A value to insert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Insert {
    /// The expression between the braces.
    pub value: String,
    /// How the value is encoded.
    #[serde(rename = "as")]
    pub encode: Encode,
}

/// How an inserted value is encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encode {
    /// Plain text.
    #[default]
    Plain,
    /// Percent-encoded for a URL path.
    Path,
    /// Percent-encoded for a value of a query or of a form.
    Query,
    /// A JSON value that keeps its type.
    Json,
    /// Part of a JSON string.
    JsonText,
}

/// The serialized form of a template: a string if it is plain text.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum TemplateRepr {
    Text(String),
    Pieces(Vec<Piece>),
}

impl From<TemplateRepr> for Template {
    fn from(repr: TemplateRepr) -> Self {
        match repr {
            TemplateRepr::Text(text) => Self::from(text),
            TemplateRepr::Pieces(pieces) => Self { pieces },
        }
    }
}

impl From<Template> for TemplateRepr {
    fn from(template: Template) -> Self {
        match template.as_text() {
            Some(text) => Self::Text(text.to_owned()),
            None => Self::Pieces(template.pieces),
        }
    }
}

impl From<String> for Template {
    fn from(text: String) -> Self {
        let mut template = Self::default();
        template.push_text(&text);
        template
    }
}

impl From<&str> for Template {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl Template {
    /// Appends text.
    pub fn push_text(&mut self, text: &str) {
        match self.pieces.last_mut() {
            Some(Piece::Text(last)) => last.push_str(text),
            _ if text.is_empty() => {}
            _ => self.pieces.push(Piece::Text(text.to_owned())),
        }
    }

    /// Appends a value.
    pub fn push_value(&mut self, expression: &str, encode: Encode) {
        self.pieces.push(Piece::Value(Insert {
            value: expression.to_owned(),
            encode,
        }));
    }

    /// Appends another template.
    pub fn push(&mut self, other: &Self) {
        for piece in &other.pieces {
            match piece {
                Piece::Text(text) => self.push_text(text),
                Piece::Value(insert) => self.push_value(&insert.value, insert.encode),
            }
        }
    }

    /// Returns a copy in which `text` has converted every text, and every value is encoded as
    /// `encode`.
    #[must_use]
    pub fn encoded(&self, encode: Encode, text: impl Fn(&str) -> String) -> Self {
        let mut changed = Self::default();
        for piece in &self.pieces {
            match piece {
                Piece::Text(plain) => changed.push_text(&text(plain)),
                Piece::Value(insert) => changed.push_value(&insert.value, encode),
            }
        }
        changed
    }

    /// Returns the text if the template has no values.
    pub fn as_text(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Returns the pieces; no two texts are adjacent.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Returns the parts that are known before the run.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(Piece::text)
    }

    /// Returns the expressions of the values.
    pub fn expressions(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Value(insert) => Some(insert.value.as_str()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_plain_and_pieces_come_back_as_they_were() {
        let mut template = Template::from("/items/".to_owned());
        assert_eq!(template.as_text(), Some("/items/"));
        assert_eq!(
            serde_json::to_string(&template).expect("plain data"),
            "\"/items/\""
        );
        template.push_value("item", Encode::Path);
        template.push_text("?a=");
        template.push_text("1");
        assert_eq!(template.as_text(), None);
        let text = serde_json::to_string(&template).expect("plain data");
        assert_eq!(text, r#"["/items/",{"value":"item","as":"path"},"?a=1"]"#);
        assert_eq!(
            serde_json::from_str::<Template>(&text).expect("just written"),
            template
        );
        assert_eq!(template.expressions().collect::<Vec<_>>(), ["item"]);
    }
}
