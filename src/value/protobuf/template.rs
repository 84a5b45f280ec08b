//! [`MessageTemplate`]: a message of which all is encoded that is known before the run.

use std::fmt::Display;
use std::sync::Arc;

use prost_reflect::{DynamicMessage, Kind, MessageDescriptor};

use super::scalar;
use crate::plan::Template;
use crate::value::{Facts, Names, Scope, Text, ValueError, to_json};

/// A message of which all is encoded that is known before the run. `T` is what the rest is made of:
/// templates as they were written, or compiled ones.
pub struct MessageTemplate<T = Text>(pub(super) Vec<Part<T>>);

/// A part of a message.
pub(super) enum Part<T> {
    /// Encoded fields.
    Fixed(Vec<u8>),
    /// A scalar field.
    Scalar {
        /// Its place, for messages to people.
        place: String,
        kind: Kind,
        number: u32,
        text: T,
    },
    /// A field given as JSON, of a message of this type that has nothing else.
    Json {
        /// Its place, for messages to people.
        place: String,
        of: MessageDescriptor,
        text: T,
    },
    /// A message inside.
    Nested { number: u32, parts: Vec<Part<T>> },
}

impl MessageTemplate<Template> {
    /// Compiles the templates of the message.
    ///
    /// # Errors
    /// If an expression is invalid, or uses an undefined name.
    pub fn compile(&self, names: &Names) -> Result<MessageTemplate, ValueError> {
        compiled(&self.0, names).map(MessageTemplate)
    }
}

fn compiled(parts: &[Part<Template>], names: &Names) -> Result<Vec<Part<Text>>, ValueError> {
    let part = |part: &Part<Template>| {
        Ok(match part {
            Part::Fixed(bytes) => Part::Fixed(bytes.clone()),
            Part::Scalar {
                place,
                kind,
                number,
                text,
            } => Part::Scalar {
                place: place.clone(),
                kind: kind.clone(),
                number: *number,
                text: Text::compile(text, names)?,
            },
            Part::Json { place, of, text } => Part::Json {
                place: place.clone(),
                of: of.clone(),
                text: Text::compile(text, names)?,
            },
            Part::Nested { number, parts } => Part::Nested {
                number: *number,
                parts: compiled(parts, names)?,
            },
        })
    };
    parts.iter().map(part).collect()
}

impl MessageTemplate {
    /// Appends the message with the values of one try.
    ///
    /// # Errors
    /// If a value is not available, or does not fit its field.
    pub fn encode(
        &self,
        scope: &Scope,
        facts: &Arc<Facts>,
        out: &mut Vec<u8>,
    ) -> Result<(), ValueError> {
        encode(&self.0, scope, facts, out)
    }
}

fn encode(
    parts: &[Part<Text>],
    scope: &Scope,
    facts: &Arc<Facts>,
    out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    let at = |place: &str, why: &dyn Display| ValueError(format!("{place}: {why}"));
    let rendered = |place: &str, text: &Text| {
        let mut whole = String::new();
        let written = text.render(scope, facts, &mut whole);
        written.map(|()| whole).map_err(|e| at(place, &e))
    };
    for part in parts {
        match part {
            Part::Fixed(bytes) => out.extend_from_slice(bytes),
            Part::Scalar {
                place,
                kind,
                number,
                text,
            } => {
                let wrong = |value: &str| {
                    let name = scalar::name(kind);
                    ValueError(format!("{place} is {name}, which {value} is not"))
                };
                let Some(value) = text.alone(scope, facts) else {
                    let text = rendered(place, text)?;
                    scalar::put(kind, *number, &text, out).map_err(|()| wrong(&text))?;
                    continue;
                };
                let value = value.map_err(|e| at(place, &e))?;
                let json = || to_json(&value).map_err(|e| at(place, &e));
                if let Some(text) = value.as_str() {
                    if scalar::put(kind, *number, text, out).is_err() {
                        return Err(wrong(&json()?));
                    }
                } else if !value.is_none() {
                    // A field that is null is not set.
                    let json = json()?;
                    scalar::put(kind, *number, &json, out).map_err(|()| wrong(&json))?;
                }
            }
            Part::Json { place, of, text } => {
                let json = rendered(place, text)?;
                let bytes = encoded_json(&json, of);
                out.extend(bytes.map_err(|why| ValueError(format!("{place}: {why}")))?);
            }
            Part::Nested { number, parts } => {
                let mut inside = Vec::new();
                encode(parts, scope, facts, &mut inside)?;
                scalar::bytes(*number, &inside, out);
            }
        }
    }
    Ok(())
}

/// Encodes a message that is given as JSON.
pub(super) fn encoded_json(json: &str, of: &MessageDescriptor) -> Result<Vec<u8>, String> {
    let mut source = serde_json::Deserializer::from_str(json);
    let message =
        DynamicMessage::deserialize(of.clone(), &mut source).map_err(|e| without_position(&e))?;
    source.end().map_err(|e| without_position(&e))?;
    Ok(prost::Message::encode_to_vec(&message))
}

/// Returns an error of JSON without the position in a text that nobody has written.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let end = text.rfind(" at line ").unwrap_or(text.len());
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rand::SeedableRng as _;
    use rand_pcg::Pcg64Mcg;
    use serde_json::{Value, json};

    use super::*;
    use crate::plan::{Encode, GrpcSchema, MessageValue, Name};
    use crate::value::protobuf::{GrpcMethod, Schema, to_json};

    fn method() -> GrpcMethod {
        let from = GrpcSchema::Proto {
            files: vec!["shop.proto".into()],
            include: Vec::new(),
        };
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/broken");
        let schema = Schema::load(&from, &folder, None).expect("a source");
        schema.method("shop.Orders/Get").expect("a method")
    }

    /// Makes a message with one field that inserts a value; returns it as JSON, or why it can't be made.
    fn made(field: &str, value: Value) -> Result<Value, String> {
        let names = Names::new(&[Name {
            name: "x".into(),
            value: Some(value),
        }]);
        let mut text = Template::default();
        text.push_value("x", Encode::Plain);
        let value = MessageValue::Map(vec![(field.into(), MessageValue::Text(text))]);
        let input = method().input;
        let template: MessageTemplate<Template> =
            MessageTemplate::new(&value, &input).map_err(|errors| errors[0].to_string())?;
        assert!(template.fixed().is_none(), "a value is not known before");
        let facts = Arc::new(Facts::new(Pcg64Mcg::seed_from_u64(1), 1, 0));
        let mut bytes = Vec::new();
        template
            .compile(&names)
            .and_then(|template| template.encode(names.start(), &facts, &mut bytes))
            .map_err(|e| e.0)?;
        let json = to_json(&bytes, &input)?;
        let json: Value = serde_json::from_slice(&json).expect("JSON");
        let of_json = input.get_field_by_name(field).expect("a field");
        Ok(json[of_json.json_name()].clone())
    }

    #[test]
    fn an_inserted_value_becomes_what_its_field_is() {
        for (field, value, seen) in [
            ("id", json!("a \"b\" é\n"), json!("a \"b\" é\n")),
            ("id", json!(7), json!("7")),
            ("id", Value::Null, json!("")),
            ("number", json!(u64::MAX), json!(u64::MAX)),
            ("number", json!("5"), json!(5)),
            ("number", json!(5.0), json!(5)),
            ("state", json!("PAID"), json!("PAID")),
            ("state", json!(1), json!("OPEN")),
            ("rate", json!(-0.5), json!(-0.5)),
            ("deep", json!(true), json!(true)),
            ("token", json!("_-8"), json!("/+8=")),
            ("codes", json!([-1, 5]), json!([-1, 5])),
            (
                "items",
                json!([{ "name": "a" }]),
                json!([{ "name": "a", "amount": 0 }]),
            ),
            ("prices", json!({ "a": "9" }), json!({ "a": 9 })),
            (
                "placed_at",
                json!("2026-01-02T03:04:05.5Z"),
                json!("2026-01-02T03:04:05.500Z"),
            ),
        ] {
            assert_eq!(made(field, value.clone()), Ok(seen), "{field}: {value}");
        }
    }

    #[test]
    fn a_value_that_does_not_fit_is_named() {
        for (field, value, said) in [
            (
                "number",
                json!("-1"),
                "number is a uint64, which \"-1\" is not",
            ),
            ("number", json!(0.5), "number is a uint64, which 0.5 is not"),
            ("number", json!([1]), "number is a uint64, which [1] is not"),
            ("state", json!("PAYED"), "which \"PAYED\" is not"),
            ("deep", json!("yes"), "deep is a bool"),
            ("rate", json!("fast"), "rate is a double"),
            ("token", json!("%"), "token is bytes"),
            ("codes", json!([4_294_967_296_u64]), "codes: "),
            ("items", json!([{ "nam": "a" }]), "unrecognized field"),
            ("placed_at", json!(5), "placed_at: "),
        ] {
            let error = made(field, value.clone()).expect_err("it does not fit");
            assert!(error.contains(said), "{field}, {value}: {error}");
        }
    }

    #[test]
    fn a_message_that_is_known_is_encoded_once() {
        let text = |text: &str| MessageValue::Text(text.into());
        let item = |amount: &str| {
            MessageValue::Map(vec![("amount".into(), MessageValue::Number(amount.into()))])
        };
        let value = MessageValue::Map(vec![
            ("id".into(), text("a")),
            (
                "items".into(),
                MessageValue::List(vec![item("1"), item("-1")]),
            ),
            ("placedAt".into(), text("1970-01-01T00:00:07Z")),
            ("deep".into(), MessageValue::Null),
        ]);
        let template = MessageTemplate::new(&value, &method().input).expect("it fits");
        let minus_one = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        let items = [&[0x12, 2, 0x10, 1, 0x12, 11, 0x10][..], &minus_one].concat();
        let whole = [&[0x0a, 1, b'a'][..], &items, &[0x42, 2, 8, 7]].concat();
        assert_eq!(template.fixed(), Some(whole.as_slice()));
    }
}
