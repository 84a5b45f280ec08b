//! The styles in which parameters with several values are written (OpenAPI 3.1, "Style Values").

use percent_encoding::{AsciiSet, utf8_percent_encode};
use serde_json::Value;

use crate::value::function::QUERY;

/// What is encoded where reserved characters are allowed: what would end the value, too.
const RESERVED: &AsciiSet = &QUERY
    .remove(b':')
    .remove(b'/')
    .remove(b'?')
    .remove(b'@')
    .remove(b'!')
    .remove(b'$')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b',')
    .remove(b';');

/// How deep a value of the style `deepObject` may be.
const MAX_DEPTH: usize = 8;

/// How a value is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style<'a> {
    /// The name of the style.
    pub name: &'a str,
    /// Whether each item has a parameter of its own.
    pub explode: bool,
    /// Whether reserved characters are sent as they are.
    pub allow_reserved: bool,
}

/// What a query has for a parameter.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pair {
    /// A name and a value, which are both to be encoded.
    Plain(String, String),
    /// Both are encoded, and delimiters in them are not.
    Encoded(String, String),
}

/// Returns the text of a value that is not a list or a map; of those, their JSON.
pub(super) fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Encodes all but unreserved characters.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, QUERY).to_string()
}

/// A value as lists of texts.
enum Parts {
    One(String),
    List(Vec<String>),
    Map(Vec<(String, String)>),
}

impl Parts {
    fn of(value: &Value, encode: impl Fn(&str) -> String) -> Self {
        let text = |value: &Value| encode(&scalar(value));
        match value {
            Value::Array(items) => Self::List(items.iter().map(text).collect()),
            Value::Object(members) => Self::Map(
                members
                    .iter()
                    .map(|(name, value)| (encode(name), text(value)))
                    .collect(),
            ),
            one => Self::One(text(one)),
        }
    }

    /// Returns all values, of a map with their names, each followed by its value.
    fn joined(&self, separator: &str) -> String {
        match self {
            Self::One(text) => text.clone(),
            Self::List(items) => items.join(separator),
            Self::Map(members) => members
                .iter()
                .map(|(name, value)| format!("{name}{separator}{value}"))
                .collect::<Vec<String>>()
                .join(separator),
        }
    }

    /// Returns each value after `prefix`, of a map as `NAME=VALUE`.
    fn exploded(&self, separator: &str) -> String {
        match self {
            Self::Map(members) => members
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<String>>()
                .join(separator),
            other => other.joined(separator),
        }
    }
}

impl Style<'_> {
    /// Returns what a path has for a parameter.
    pub(super) fn in_path(self, name: &str, value: &Value) -> String {
        let parts = Parts::of(value, encoded);
        match (self.name, self.explode) {
            ("label", true) => format!(".{}", parts.exploded(".")),
            ("label", false) => format!(".{}", parts.joined(",")),
            ("matrix", true) => match &parts {
                Parts::Map(_) => format!(";{}", parts.exploded(";")),
                Parts::List(items) => items.iter().map(|item| format!(";{name}={item}")).collect(),
                Parts::One(_) => matrix(name, &parts),
            },
            ("matrix", false) => matrix(name, &parts),
            (_, true) => parts.exploded(","),
            (_, false) => parts.joined(","),
        }
    }

    /// Returns what a header has for a parameter.
    pub(super) fn in_header(self, value: &Value) -> String {
        let parts = Parts::of(value, ToOwned::to_owned);
        if self.explode {
            parts.exploded(",")
        } else {
            parts.joined(",")
        }
    }

    /// Returns what the header `cookie` has for a parameter.
    pub(super) fn in_cookie(self, name: &str, value: &Value) -> String {
        let pairs = self.in_query(name, value);
        let pair = |pair: Pair| match pair {
            Pair::Plain(name, value) => format!("{name}={}", encoded(&value)),
            Pair::Encoded(name, value) => format!("{name}={value}"),
        };
        // Several values of a name are several cookies.
        pairs
            .into_iter()
            .map(pair)
            .collect::<Vec<String>>()
            .join("; ")
    }

    /// Returns what a query or a form has for a parameter.
    pub(super) fn in_query(self, name: &str, value: &Value) -> Vec<Pair> {
        let plain = |value: String| Pair::Plain(name.to_owned(), value);
        let pairs = match (self.name, self.explode, value) {
            ("deepObject", _, Value::Object(_) | Value::Array(_)) => {
                let mut pairs = Vec::new();
                deep(name, value, 0, &mut pairs);
                pairs
            }
            ("spaceDelimited", false, _) => {
                vec![plain(Parts::of(value, ToOwned::to_owned).joined(" "))]
            }
            ("pipeDelimited", false, _) => {
                vec![plain(Parts::of(value, ToOwned::to_owned).joined("|"))]
            }
            (_, true, Value::Array(items)) => {
                items.iter().map(|item| plain(scalar(item))).collect()
            }
            (_, true, Value::Object(members)) => members
                .iter()
                .map(|(name, value)| Pair::Plain(name.clone(), scalar(value)))
                .collect(),
            (_, false, Value::Array(_) | Value::Object(_)) => {
                // Its commas are not encoded, or they would be part of a value.
                let value = Parts::of(value, encoded).joined(",");
                return vec![Pair::Encoded(encoded(name), value)];
            }
            (_, _, one) => vec![plain(scalar(one))],
        };
        if !self.allow_reserved {
            return pairs;
        }
        let reserved = |pair| match pair {
            Pair::Plain(name, value) => {
                let value = utf8_percent_encode(&value, RESERVED).to_string();
                Pair::Encoded(encoded(&name), value)
            }
            encoded @ Pair::Encoded(..) => encoded,
        };
        pairs.into_iter().map(reserved).collect()
    }
}

fn matrix(name: &str, parts: &Parts) -> String {
    match parts.joined(",") {
        text if text.is_empty() => format!(";{name}"),
        text => format!(";{name}={text}"),
    }
}

/// Adds the values inside a value, each with the path to it in its name.
fn deep(name: &str, value: &Value, depth: usize, pairs: &mut Vec<Pair>) {
    match value {
        Value::Object(members) if depth < MAX_DEPTH => {
            for (key, value) in members {
                deep(&format!("{name}[{key}]"), value, depth + 1, pairs);
            }
        }
        Value::Array(items) if depth < MAX_DEPTH => {
            for (index, value) in items.iter().enumerate() {
                deep(&format!("{name}[{index}]"), value, depth + 1, pairs);
            }
        }
        one => pairs.push(Pair::Plain(name.to_owned(), scalar(one))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Returns what a request has for a parameter, as the tables of OpenAPI write it.
    fn written(place: &str, name: &'static str, explode: bool, value: &Value) -> String {
        let style = Style {
            name,
            explode,
            allow_reserved: false,
        };
        match place {
            "path" => style.in_path("color", value),
            "header" => style.in_header(value),
            "cookie" => style.in_cookie("color", value),
            _ => {
                let pair = |pair| match pair {
                    Pair::Plain(name, value) => format!("{}={}", encoded(&name), encoded(&value)),
                    Pair::Encoded(name, value) => format!("{name}={value}"),
                };
                let pairs: Vec<String> = style
                    .in_query("color", value)
                    .into_iter()
                    .map(pair)
                    .collect();
                pairs.join("&")
            }
        }
    }

    /// The examples of OpenAPI 3.1.1, section 4.8.12.3: for an empty text, a text, a list and a map.
    #[test]
    fn styles_are_those_of_the_specification() {
        let values = [
            json!(""),
            json!("blue"),
            json!(["blue", "black", "brown"]),
            json!({"R": 100, "G": 200, "B": 150}),
        ];
        #[rustfmt::skip]
        let table = [
            ("path", "matrix", false, [";color", ";color=blue", ";color=blue,black,brown", ";color=R,100,G,200,B,150"]),
            ("path", "matrix", true, [";color", ";color=blue", ";color=blue;color=black;color=brown", ";R=100;G=200;B=150"]),
            ("path", "label", false, [".", ".blue", ".blue,black,brown", ".R,100,G,200,B,150"]),
            ("path", "label", true, [".", ".blue", ".blue.black.brown", ".R=100.G=200.B=150"]),
            ("path", "simple", false, ["", "blue", "blue,black,brown", "R,100,G,200,B,150"]),
            ("path", "simple", true, ["", "blue", "blue,black,brown", "R=100,G=200,B=150"]),
            ("header", "simple", false, ["", "blue", "blue,black,brown", "R,100,G,200,B,150"]),
            ("header", "simple", true, ["", "blue", "blue,black,brown", "R=100,G=200,B=150"]),
            ("query", "form", false, ["color=", "color=blue", "color=blue,black,brown", "color=R,100,G,200,B,150"]),
            ("query", "form", true, ["color=", "color=blue", "color=blue&color=black&color=brown", "R=100&G=200&B=150"]),
            ("query", "spaceDelimited", false, ["color=", "color=blue", "color=blue%20black%20brown", "color=R%20100%20G%20200%20B%20150"]),
            ("query", "pipeDelimited", false, ["color=", "color=blue", "color=blue%7Cblack%7Cbrown", "color=R%7C100%7CG%7C200%7CB%7C150"]),
            ("query", "deepObject", true, ["color=", "color=blue", "color%5B0%5D=blue&color%5B1%5D=black&color%5B2%5D=brown", "color%5BR%5D=100&color%5BG%5D=200&color%5BB%5D=150"]),
            ("cookie", "form", false, ["color=", "color=blue", "color=blue,black,brown", "color=R,100,G,200,B,150"]),
            ("cookie", "form", true, ["color=", "color=blue", "color=blue; color=black; color=brown", "R=100; G=200; B=150"]),
        ];
        for (place, name, explode, wanted) in table {
            for (value, wanted) in values.iter().zip(wanted) {
                let is = written(place, name, explode, value);
                assert_eq!(is, wanted, "{place} {name} {explode} {value}");
            }
        }
    }

    #[test]
    fn values_are_encoded_and_their_delimiters_are_not() {
        let value = json!(["a,b", "c/d", "é"]);
        assert_eq!(
            written("path", "simple", false, &value),
            "a%2Cb,c%2Fd,%C3%A9"
        );
        assert_eq!(
            written("query", "form", false, &value),
            "color=a%2Cb,c%2Fd,%C3%A9"
        );
        let reserved = Style {
            name: "form",
            explode: true,
            allow_reserved: true,
        };
        let pairs = reserved.in_query("to", &json!("https://a.test/b?c&d#e"));
        let wanted = Pair::Encoded("to".into(), "https://a.test/b?c%26d%23e".into());
        assert_eq!(pairs, [wanted]);
    }
}
