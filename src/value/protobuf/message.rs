//! Makes the template of a message from a scenario's values, and tells what in them does not fit
//! its type.

use std::collections::BTreeMap;

use prost_reflect::{Cardinality, FieldDescriptor, Kind, MessageDescriptor};

use super::error::{MessageError, PathStep, Remedy, shown};
use super::made::made_by_function;
use super::scalar;
use super::shape::{described, has_own_form, is_null_a_value, is_whole, label, write};
use super::template::{MessageTemplate, Part, encoded_json};
use crate::plan::{MessageValue, Template};

impl MessageTemplate<Template> {
    /// Makes a message of this type.
    ///
    /// # Errors
    /// Everything in it that does not fit the type.
    pub fn new(value: &MessageValue, of: &MessageDescriptor) -> Result<Self, Vec<MessageError>> {
        let mut maker = Maker::default();
        let parts = maker.message(value, of);
        if maker.errors.is_empty() {
            Ok(Self(joined(parts)))
        } else {
            Err(maker.errors)
        }
    }

    /// Returns the encoded message if all of it is known.
    pub fn fixed(&self) -> Option<&[u8]> {
        match self.0.as_slice() {
            [] => Some(&[]),
            [Part::Fixed(bytes)] => Some(bytes),
            _ => None,
        }
    }
}

/// Joins neighbours that are encoded already, those inside of messages first.
fn joined(parts: Vec<Part<Template>>) -> Vec<Part<Template>> {
    let mut all: Vec<Part<Template>> = Vec::new();
    for part in parts {
        let part = match part {
            Part::Nested { number, parts } => match joined(parts) {
                inside if matches!(inside.as_slice(), [] | [Part::Fixed(_)]) => {
                    let mut bytes = Vec::new();
                    let content = match inside.into_iter().next() {
                        Some(Part::Fixed(content)) => content,
                        _ => Vec::new(),
                    };
                    scalar::bytes(number, &content, &mut bytes);
                    Part::Fixed(bytes)
                }
                parts => Part::Nested { number, parts },
            },
            other => other,
        };
        match (all.last_mut(), part) {
            (Some(Part::Fixed(before)), Part::Fixed(bytes)) => before.extend(bytes),
            (_, part) => all.push(part),
        }
    }
    all
}

/// Makes a message, and collects what is wrong with it.
#[derive(Default)]
struct Maker {
    path: Vec<PathStep>,
    errors: Vec<MessageError>,
}

impl Maker {
    fn wrong(&mut self, message: String, remedy: &str) {
        let remedy = Remedy::Text(remedy.into());
        self.errors
            .push(MessageError::of_value(&self.path, message, remedy));
    }

    /// Runs something one step further inside.
    fn inside<T>(&mut self, step: PathStep, make: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step);
        let made = make(self);
        self.path.pop();
        made
    }

    /// Makes the fields of a message.
    fn message(&mut self, value: &MessageValue, of: &MessageDescriptor) -> Vec<Part<Template>> {
        let MessageValue::Map(entries) = value else {
            let message = format!(
                "this is a message `{}`, and must be a map, but it is {}",
                of.full_name(),
                described(value)
            );
            self.wrong(message, "write a map of its fields");
            return Vec::new();
        };
        let mut parts = Vec::new();
        // The keys that have set a field or an alternative, by its name.
        let mut set: BTreeMap<String, &str> = BTreeMap::new();
        for (key, value) in entries {
            let field = of
                .get_field_by_name(key)
                .or_else(|| of.get_field_by_json_name(key));
            let Some(field) = field else {
                self.unknown_field(key, of);
                continue;
            };
            let is_null = matches!(value, MessageValue::Null) && !is_null_a_value(&field);
            let choice = field.containing_oneof().filter(|of| !of.is_synthetic());
            let name = choice.as_ref().map_or(field.name(), |choice| choice.name());
            if let Some(other) = set
                .insert(name.to_owned(), key)
                .filter(|_| choice.is_none() || !is_null)
            {
                let message = match choice {
                    Some(choice) => format!(
                        "`{key}` and `{other}` are alternatives (`oneof {}`): a message has only one of them",
                        choice.name()
                    ),
                    None => format!("`{key}` and `{other}` are the same field"),
                };
                self.wrong_key(key, message, Remedy::Text("remove one of the two".into()));
                continue;
            }
            if !is_null {
                let step = PathStep::Key(key.clone());
                parts.extend(self.inside(step, |maker| maker.field(value, &field, of)));
            }
        }
        for field in of.fields() {
            let is_set = || set.contains_key(field.name());
            if field.cardinality() == Cardinality::Required && !is_set() {
                let message = format!("`{}` is required, and missing", field.name());
                self.wrong(message, "add it");
            }
        }
        parts
    }

    fn wrong_key(&mut self, key: &str, message: String, remedy: Remedy) {
        let path = self.path.iter().cloned();
        self.errors.push(MessageError {
            path: path.chain([PathStep::Key(key.into())]).collect(),
            is_key: true,
            message,
            remedy,
        });
    }

    fn unknown_field(&mut self, key: &str, of: &MessageDescriptor) {
        let message = format!("there is no field `{key}` in `{}`", of.full_name());
        let remedy = Remedy::Choose {
            word: key.into(),
            known: of.fields().map(|field| field.name().to_owned()).collect(),
        };
        self.wrong_key(key, message, remedy);
    }

    /// Makes one field of a message.
    fn field(
        &mut self,
        value: &MessageValue,
        field: &FieldDescriptor,
        of: &MessageDescriptor,
    ) -> Vec<Part<Template>> {
        if !field.is_list() && !field.is_map() {
            return self.single(value, field, of, false).into_iter().collect();
        }
        match (value, field.kind()) {
            // A value that is a whole list or map.
            (MessageValue::Text(text), _) if is_whole(text) => {
                self.json(value, field, of, false).into_iter().collect()
            }
            (MessageValue::Map(entries), Kind::Message(entry)) if field.is_map() => entries
                .iter()
                .filter_map(|(key, value)| {
                    let step = PathStep::Key(key.clone());
                    self.inside(step, |maker| maker.entry(key, value, field, &entry))
                })
                .collect(),
            (MessageValue::List(items), _) if field.is_list() => items
                .iter()
                .enumerate()
                .filter_map(|(index, item)| {
                    self.inside(PathStep::Item(index), |maker| {
                        maker.single(item, field, of, true)
                    })
                })
                .collect(),
            _ => {
                let (what, remedy) = if field.is_map() {
                    ("a map", "write a map")
                } else {
                    ("repeated", "write a list")
                };
                let message = format!(
                    "`{}` is {what}, but this is {}",
                    field.name(),
                    described(value)
                );
                self.wrong(message, remedy);
                Vec::new()
            }
        }
    }

    /// Makes an entry of a map, which is a message of a key and a value.
    fn entry(
        &mut self,
        key: &str,
        value: &MessageValue,
        field: &FieldDescriptor,
        entry: &MessageDescriptor,
    ) -> Option<Part<Template>> {
        let key_kind = entry.map_entry_key_field().kind();
        let mut bytes = Vec::new();
        if scalar::put(&key_kind, 1, key, &mut bytes).is_err() {
            let message = format!(
                "the key of `{}` is {}",
                field.name(),
                scalar::name(&key_kind)
            );
            let remedy = Remedy::Text(scalar::example(&key_kind).into());
            let path = &self.path;
            self.errors.push(MessageError {
                is_key: true,
                ..MessageError::of_value(path, message, remedy)
            });
        }
        let value = self.single(value, &entry.map_entry_value_field(), entry, false)?;
        Some(Part::Nested {
            number: field.number(),
            parts: vec![Part::Fixed(bytes), value],
        })
    }

    /// Makes a field that is not repeated, or one item of a repeated one.
    fn single(
        &mut self,
        value: &MessageValue,
        field: &FieldDescriptor,
        of: &MessageDescriptor,
        is_item: bool,
    ) -> Option<Part<Template>> {
        match (field.kind(), value) {
            (Kind::Message(inside), MessageValue::Map(_)) if !has_own_form(&inside) => {
                if field.is_group() {
                    let why = format!("`{}` is a group, which is not supported", field.name());
                    self.wrong(why, "remove it");
                    return None;
                }
                Some(Part::Nested {
                    number: field.number(),
                    parts: self.message(value, &inside),
                })
            }
            (Kind::Message(inside), MessageValue::Text(text))
                if is_whole(text) || has_own_form(&inside) =>
            {
                self.json(value, field, of, is_item)
            }
            (Kind::Message(inside), _) if has_own_form(&inside) => {
                self.json(value, field, of, is_item)
            }
            (kind, MessageValue::Text(text)) if text.as_text().is_none() => {
                self.inserted(text, field, kind)
            }
            (kind, value) => self.constant(value, field, &kind),
        }
    }

    /// Makes a scalar field whose value is inserted.
    fn inserted(
        &mut self,
        text: &Template,
        field: &FieldDescriptor,
        kind: Kind,
    ) -> Option<Part<Template>> {
        if !is_whole(text) && !scalar::is_text(&kind) {
            let message = format!(
                "{} is {}, but this is a text around a value",
                label(field),
                scalar::name(&kind)
            );
            self.wrong(message, "write the value alone: `\"{{…}}\"`");
            return None;
        }
        if let Some(made) = made_by_function(text).filter(|made| !made.fits(&kind)) {
            let message = format!(
                "{} is {}, but this is {}",
                label(field),
                scalar::name(&kind),
                made.name()
            );
            self.wrong(message, scalar::example(&kind));
            return None;
        }
        Some(Part::Scalar {
            place: shown(&self.path),
            number: field.number(),
            text: text.clone(),
            kind,
        })
    }

    /// Encodes a scalar field whose value is known.
    fn constant(
        &mut self,
        value: &MessageValue,
        field: &FieldDescriptor,
        kind: &Kind,
    ) -> Option<Part<Template>> {
        let text = match (value, kind) {
            (MessageValue::Bool(yes), Kind::Bool) => yes.to_string(),
            (MessageValue::Text(text), kind) if !matches!(kind, Kind::Bool | Kind::Message(_)) => {
                text.as_text().unwrap_or_default().to_owned()
            }
            (MessageValue::Number(text), kind) if scalar::is_number(kind) => text.clone(),
            _ => {
                let message = format!(
                    "{} is {}, but this is {}",
                    label(field),
                    scalar::name(kind),
                    described(value)
                );
                self.wrong(message, scalar::example(kind));
                return None;
            }
        };
        let mut bytes = Vec::new();
        if scalar::put(kind, field.number(), &text, &mut bytes).is_ok() {
            return Some(Part::Fixed(bytes));
        }
        let message = format!("{} is {}, not {text:?}", label(field), scalar::name(kind));
        match kind {
            Kind::Enum(of) => {
                let remedy = Remedy::Choose {
                    word: text,
                    known: of.values().map(|value| value.name().to_owned()).collect(),
                };
                self.errors
                    .push(MessageError::of_value(&self.path, message, remedy));
            }
            _ => self.wrong(message, scalar::example(kind)),
        }
        None
    }

    /// Makes a field by way of its JSON, which is encoded now if all of it is known.
    fn json(
        &mut self,
        value: &MessageValue,
        field: &FieldDescriptor,
        of: &MessageDescriptor,
        is_item: bool,
    ) -> Option<Part<Template>> {
        let (before, after) = if is_item { ("[", "]}") } else { ("", "}") };
        let key = serde_json::Value::from(field.name());
        let mut text = Template::from(format!("{{{key}:{before}"));
        write(value, &mut text);
        text.push_text(after);
        let Some(known) = text.as_text() else {
            return Some(Part::Json {
                place: shown(&self.path),
                of: of.clone(),
                text,
            });
        };
        match encoded_json(known, of) {
            Ok(bytes) => Some(Part::Fixed(bytes)),
            Err(why) => {
                let message = format!("{} is {}: {why}", label(field), scalar::name(&field.kind()));
                self.wrong(message, "write it as protobuf's mapping to JSON does");
                None
            }
        }
    }
}
