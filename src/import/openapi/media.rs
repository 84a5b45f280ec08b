//! The body of a request.

use std::collections::HashMap;

use serde_json::Value;

use super::document::Node;
use super::parameters::example;
use super::responses::is_json;
use super::sample::Sampler;
use super::schema::{Reader, Schema};
use super::style::{Pair, Style, encoded, scalar};
use crate::import::exchange::Body;
use crate::import::json;
use crate::import::template::literal;
use crate::import::yaml::Yaml;

/// Types that are bytes if nothing else is said.
const BYTES: &str = "application/octet-stream";

/// A body, and the `content-type` that it does not imply.
#[derive(Default)]
pub(super) struct Sent {
    /// The body.
    pub body: Body,
    /// The type of the body.
    pub content_type: Option<String>,
}

/// Returns the body of an operation.
pub(super) fn body<'a>(
    reader: Reader<'a>,
    operation: Node<'a>,
    method: &str,
    sampler: &mut Sampler<'a, '_>,
) -> Sent {
    let Some(node) = operation.get("requestBody") else {
        return Sent::default();
    };
    let node = match reader.documents.resolve(node) {
        Ok(node) => node,
        Err(why) => {
            sampler.notes.insert(why);
            return Sent::default();
        }
    };
    // What others say of their bodies is often only that one may be there.
    if !matches!(method, "POST" | "PUT" | "PATCH" | "QUERY") && !node.is_true("required") {
        return Sent::default();
    }
    let best = node.members("content").min_by_key(|(media, _)| rank(media));
    let Some((media, content)) = best else {
        return Sent::default();
    };
    let content = reader.documents.resolve(content).unwrap_or(content);
    let schema = content.get("schema");
    match rank(media) {
        0 | 1 => of_json(reader, media, content, sampler),
        2 => of_form(reader, content, sampler),
        3 => of_multipart(reader, content, sampler),
        4 => {
            let value = example(reader, content).or_else(|| sampler.value(schema?, "text"));
            of_text(media, value.as_ref())
        }
        _ => match example(reader, content) {
            Some(value @ Value::String(_)) => of_text(media, Some(&value)),
            _ => {
                let note = format!(
                    "the body is `{}`: write it as `body` or `body_file`",
                    shown(media)
                );
                sampler.notes.insert(note);
                Sent {
                    body: Body::None,
                    content_type: type_of(media),
                }
            }
        },
    }
}

/// Returns how much a media type is preferred; 0 is best.
fn rank(media: &str) -> u8 {
    let essence = media.split(';').next().unwrap_or_default().trim();
    match essence.to_ascii_lowercase().as_str() {
        "application/json" => 0,
        _ if is_json(media) => 1,
        "application/x-www-form-urlencoded" => 2,
        "multipart/form-data" => 3,
        "text/plain" | "text/*" => 4,
        "application/xml" | "text/xml" | "text/html" => 5,
        _ => 6,
    }
}

/// Returns a media type for `content-type`, unless it stands for several.
fn type_of(media: &str) -> Option<String> {
    let is_good = media.contains('/')
        && !media.contains('*')
        && media.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    is_good.then(|| literal(media))
}

fn shown(media: &str) -> String {
    media.chars().take(100).collect()
}

fn of_text(media: &str, value: Option<&Value>) -> Sent {
    Sent {
        body: value.map_or(Body::None, |value| Body::Text(literal(&scalar(value)))),
        content_type: type_of(media),
    }
}

fn of_json<'a>(
    reader: Reader<'a>,
    media: &str,
    content: Node<'a>,
    sampler: &mut Sampler<'a, '_>,
) -> Sent {
    let schema = content.get("schema");
    let types = schema.map(|schema| reader.schema(&[schema], &[]).types());
    let is_text = types.unwrap_or_default().contains(&"string");
    let written = |value: Value| match &value {
        // Documents often have JSON as a text.
        Value::String(text) if !is_text => serde_json::from_str(text).unwrap_or(value),
        _ => value,
    };
    let value = example(reader, content).map(written);
    let value = value.or_else(|| sampler.value(schema?, "body"));
    if let Some(value) = value.as_ref().filter(|value| json::is_too_deep(value)) {
        return of_text(media, Some(&Value::from(value.to_string())));
    }
    let content_type = type_of(media).filter(|media| media != "application/json");
    Sent {
        content_type: content_type.filter(|_| value.is_some()),
        body: value.map_or(Body::None, |value| {
            Body::Json(json::of_value(value, &|text| literal(&text)))
        }),
    }
}

/// Returns the members of a form: those of an example, or those that are made.
fn members<'a>(
    reader: Reader<'a>,
    content: Node<'a>,
    sampler: &mut Sampler<'a, '_>,
) -> Option<Value> {
    let schema = content.get("schema");
    example(reader, content).or_else(|| sampler.value(schema?, "form"))
}

fn of_form<'a>(reader: Reader<'a>, content: Node<'a>, sampler: &mut Sampler<'a, '_>) -> Sent {
    const FORM: &str = "application/x-www-form-urlencoded";
    let members = match members(reader, content, sampler) {
        Some(Value::Object(members)) => members,
        Some(text) => return of_text(FORM, Some(&text)),
        None => return Sent::default(),
    };
    let mut pairs = Vec::new();
    for (name, value) in &members {
        let encoding = content.get("encoding").and_then(|all| all.get(name));
        let style = encoding.and_then(|encoding| encoding.text("style"));
        let explode = encoding
            .and_then(|encoding| encoding.value.get("explode"))
            .and_then(Value::as_bool);
        if style.is_none() && explode.is_none() && value.is_object() {
            pairs.push(Pair::Plain(name.clone(), value.to_string()));
            continue;
        }
        let name_of_style = style.unwrap_or("form");
        let style = Style {
            name: name_of_style,
            explode: explode.unwrap_or(name_of_style == "form"),
            allow_reserved: encoding.is_some_and(|encoding| encoding.is_true("allowReserved")),
        };
        pairs.extend(style.in_query(name, value));
    }
    if pairs.iter().all(|pair| matches!(pair, Pair::Plain(..))) {
        return Sent {
            body: Body::Form(grouped(pairs)),
            content_type: None,
        };
    }
    let pairs: Vec<String> = pairs.into_iter().map(joined).collect();
    Sent {
        body: Body::Text(pairs.join("&")),
        content_type: Some(FORM.into()),
    }
}

/// Returns a pair of a query or a form as it is sent.
pub(super) fn joined(pair: Pair) -> String {
    match pair {
        Pair::Plain(name, value) => format!("{}={}", encoded(&name), encoded(&value)),
        Pair::Encoded(name, value) => format!("{name}={value}"),
    }
}

/// Returns pairs as a map, in which several values of a name are a list.
pub(super) fn grouped(pairs: Vec<Pair>) -> Vec<(String, Yaml)> {
    let mut all: Vec<(String, Vec<Yaml>)> = Vec::new();
    let mut numbers: HashMap<String, usize> = HashMap::new();
    for pair in pairs {
        let (Pair::Plain(name, value) | Pair::Encoded(name, value)) = pair;
        let number = *numbers.entry(name.clone()).or_insert(all.len());
        if number == all.len() {
            all.push((name, Vec::new()));
        }
        all[number].1.push(scalar_of(&value));
    }
    let one_or_list = |mut values: Vec<Yaml>| match values.len() {
        1 => values.remove(0),
        _ => Yaml::List(values),
    };
    all.into_iter()
        .map(|(name, values)| (name, one_or_list(values)))
        .collect()
}

/// Returns a text as a value of a query or a form, which is sent as it is written.
fn scalar_of(text: &str) -> Yaml {
    let is_integer = text
        .parse::<i64>()
        .is_ok_and(|number| number.to_string() == text);
    if is_integer {
        Yaml::plain(text)
    } else {
        Yaml::text(literal(text))
    }
}

fn of_multipart<'a>(reader: Reader<'a>, content: Node<'a>, sampler: &mut Sampler<'a, '_>) -> Sent {
    let Some(Value::Object(members)) = members(reader, content, sampler) else {
        let note = "the body is `multipart/form-data`: write its fields as `multipart`";
        sampler.notes.insert(note.into());
        return Sent::default();
    };
    let schema: Vec<Node<'a>> = content.get("schema").into_iter().collect();
    let properties = reader.schema(&schema, &[]).properties(reader.budget);
    let mut parts = Vec::new();
    for (name, value) in &members {
        if name.is_empty() || name.contains(char::is_control) {
            let note = format!("the part `{}` is left out", name.escape_debug());
            sampler.notes.insert(note);
            continue;
        }
        let encoding = content.get("encoding").and_then(|all| all.get(name));
        let media = encoding.and_then(|encoding| encoding.text("contentType"));
        let media = media.and_then(|media| type_of(media.split(',').next().unwrap_or_default()));
        let nodes = properties.get(name).unwrap_or_default();
        let of_part = reader.schema(nodes, &[]);
        let (value, of_items) = match value {
            Value::Array(items) => {
                if items.len() > 1 {
                    let note = format!("`{name}` has several parts, of which the first is sent");
                    sampler.notes.insert(note);
                }
                let nodes: Vec<Node<'a>> = of_part.all("items").collect();
                (items.first(), Some(reader.schema(&nodes, &[])))
            }
            one => (Some(one), None),
        };
        let Some(value) = value else { continue };
        let is_file = is_bytes(of_items.as_ref().unwrap_or(&of_part));
        let media = media.or_else(|| {
            let is_json = value.is_object() || value.is_array();
            let implied = is_file
                .then_some(BYTES)
                .or(is_json.then_some("application/json"));
            implied.map(ToOwned::to_owned)
        });
        if is_file {
            let note = format!("`{name}` is a file: write `{name}: {{ file: … }}`");
            sampler.notes.insert(note);
        }
        let text = Yaml::text(literal(&scalar(value)));
        let part = match media {
            Some(media) => Yaml::map([("value", text), ("content_type", Yaml::text(media))]),
            None => text,
        };
        parts.push((name.clone(), part));
    }
    if parts.is_empty() {
        return Sent::default();
    }
    Sent {
        body: Body::Multipart(parts),
        content_type: None,
    }
}

/// Returns whether a schema is that of bytes.
fn is_bytes(schema: &Schema<'_>) -> bool {
    schema.text("format") == Some("binary")
        || (schema.text("contentMediaType").is_some() && schema.text("contentEncoding").is_none())
}
