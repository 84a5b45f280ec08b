//! Arguments of requests: parameters of a query, fields of a form, or a body as it is written.

use super::element::Element;
use super::reader::Reader;
use crate::import::pieces::{Piece, operand, template};

/// The arguments of a request.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    /// The arguments, in their order.
    pub list: Vec<Argument>,
    /// Whether their values are the body, one after the other.
    pub is_raw: bool,
}

/// An argument.
#[derive(Debug)]
pub(super) struct Argument {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Vec<Piece>,
    /// Whether JMeter encodes it.
    encodes: bool,
    /// Whether there is a `=` behind a name without a value.
    has_equals: bool,
}

impl Argument {
    /// Returns whether encoding it gives what JMeter sends.
    pub(super) fn is_encoded(&self) -> bool {
        let is_plain = |piece: &Piece| match piece {
            Piece::Text(text) => is_plain(text),
            Piece::Value(_) => self.encodes,
        };
        let is_same = |text: &str| self.encodes || is_plain_text(text);
        let has_value = self.has_equals || !self.value.is_empty();
        has_value && is_same(&self.name) && (self.encodes || self.value.iter().all(is_plain))
    }

    /// Returns it as a part of a query that is sent as it is written.
    pub(super) fn pair(&self) -> String {
        let name = if self.encodes {
            encoded(&self.name)
        } else {
            in_query(&self.name)
        };
        if self.value.is_empty() && !self.has_equals {
            return name;
        }
        let pieces: Vec<Piece> = self
            .value
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) if self.encodes => Piece::Text(encoded(text)),
                Piece::Text(text) => Piece::Text(in_query(text)),
                Piece::Value(value) if self.encodes => {
                    Piece::Value(format!("urlencode({})", operand(value)))
                }
                Piece::Value(value) => Piece::Value(value.clone()),
            })
            .collect();
        format!("{name}={}", template(&pieces))
    }

    /// Returns its value as a field of a form, which is encoded when it is sent.
    pub(super) fn decoded(&self) -> String {
        let decode = |piece: &Piece| match piece {
            Piece::Text(text) if !self.encodes => {
                let spaced = text.replace('+', " ");
                let decoded = percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy();
                Piece::Text(decoded.into_owned())
            }
            piece => piece.clone(),
        };
        let pieces: Vec<Piece> = self.value.iter().map(decode).collect();
        template(&pieces)
    }
}

fn is_plain_text(text: &str) -> bool {
    is_plain(text)
}

fn is_plain(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_ascii_alphanumeric() || "-._~".contains(c))
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Percent-encodes what a URL can't contain.
fn in_query(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, crate::import::url::UNSAFE).to_string()
}

/// Returns the arguments of a sampler, and those of defaults behind them.
pub(super) fn of(reader: &mut Reader<'_>, sampler: &Element, defaults: &[&Element]) -> Arguments {
    let mut list = Vec::new();
    let mut is_raw = sampler.is("HTTPSampler.postBodyRaw");
    for element in std::iter::once(&sampler).chain(defaults) {
        let items = element
            .inner("HTTPsampler.Arguments")
            .map_or(&[][..], |arguments| arguments.items("Arguments.arguments"));
        for item in items {
            let name = reader.text(sampler, item.property("Argument.name"));
            if element.line != sampler.line
                && list.iter().any(|known: &Argument| known.name == name)
            {
                continue;
            }
            let value = reader.variables.pieces(item.property("Argument.value"));
            reader.note_texts(sampler);
            list.push(Argument {
                name,
                value,
                encodes: item.is("HTTPArgument.always_encode"),
                has_equals: item.property("HTTPArgument.use_equals").trim() != "false",
            });
        }
    }
    // Without names, all values together are the body.
    is_raw |= !list.is_empty() && list.iter().all(|argument| argument.name.is_empty());
    if !is_raw {
        list.retain(|argument| !argument.name.is_empty());
    }
    Arguments { list, is_raw }
}
