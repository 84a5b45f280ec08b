//! The messages of calls of gRPC, checked against the schema of their target.

use super::diagnostic::{Diagnostics, Span};
use super::tree::{Node, ScalarType, Value};
use super::words;
use crate::plan::{MessageValue, Template};
use crate::value::protobuf::{MessageDescriptor, MessageError, MessageTemplate, PathStep, Remedy};

/// The type of the message that a method takes.
pub(super) type Input = MessageDescriptor;

/// Maximum number of messages that a call sends.
const MAX_MESSAGES: usize = 10_000;

/// Decodes the messages of a stream, whose type may not be known yet.
pub(super) fn messages(
    node: &Node,
    of: Option<&Input>,
    place: Span,
    problems: &mut Diagnostics,
) -> Option<Vec<MessageValue>> {
    let Value::List(items) = &node.value else {
        problems
            .error(
                node.span,
                format!(
                    "`send` must be a list of messages, but this is {}",
                    node.describe()
                ),
            )
            .help("write `send: [ { id: 7 }, { id: 8 } ]`");
        return None;
    };
    if items.len() > MAX_MESSAGES {
        problems
            .error(
                node.span,
                format!(
                    "`send` must have at most {MAX_MESSAGES} messages, but this has {}",
                    items.len()
                ),
            )
            .help("send fewer messages in one call, and repeat the call");
        return None;
    }
    let messages: Vec<_> = items
        .iter()
        .map(|item| message(Some(item), of, place, problems))
        .collect();
    messages.into_iter().collect()
}

/// Decodes a message, whose type may not be known yet.
pub(super) fn message(
    node: Option<&Node>,
    of: Option<&Input>,
    place: Span,
    problems: &mut Diagnostics,
) -> Option<MessageValue> {
    let value = match node {
        Some(node) => value(node)?,
        None => MessageValue::Map(Vec::new()),
    };
    if let Some(node) = node.filter(|_| !matches!(value, MessageValue::Map(_))) {
        problems
            .error(
                node.span,
                format!("a message must be a map, but this is {}", node.describe()),
            )
            .help("write its fields: `{ id: 7 }`");
        return None;
    }
    if let Some(of) = of
        && let Err(errors) = MessageTemplate::new(&value, of)
    {
        for error in errors {
            let at = node.map_or(place, |node| find(node, &error));
            let remedy = remedy(&error.remedy, problems);
            problems.error(at, error.message).help(remedy);
        }
        return None;
    }
    Some(value)
}

/// Returns the place of an error in a message.
fn find(node: &Node, error: &MessageError) -> Span {
    let mut at = node;
    let mut place = node.span;
    for (index, step) in error.path.iter().enumerate() {
        let is_last = index + 1 == error.path.len();
        let next = match (step, &at.value) {
            (PathStep::Key(key), Value::Map(entries)) => entries
                .iter()
                .find(|entry| entry.key == *key)
                .map(|entry| (&entry.value, entry.key_span)),
            (PathStep::Item(item), Value::List(items)) => {
                items.get(*item).map(|item| (item, item.span))
            }
            _ => None,
        };
        let Some((inside, key)) = next else {
            return place;
        };
        at = inside;
        place = if is_last && (error.is_key || inside.is_null()) {
            key
        } else {
            inside.span
        };
    }
    place
}

/// Returns how to fix what is wrong with a message or the name of a method.
pub(super) fn remedy(remedy: &Remedy, problems: &Diagnostics) -> String {
    match remedy {
        Remedy::Text(text) => text.clone(),
        Remedy::Choose { word, known } => {
            let known = || known.iter().map(String::as_str);
            let near = (!problems.is_full())
                .then(|| words::nearest(word, known()))
                .flatten();
            match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known here: {}", words::listed(known())),
            }
        }
    }
}

/// Converts a node to a value of a message; `None` if a part of it is invalid, which was reported.
fn value(node: &Node) -> Option<MessageValue> {
    Some(match &node.value {
        Value::Broken => return None,
        Value::List(items) => {
            let items: Vec<_> = items.iter().map(value).collect();
            MessageValue::List(items.into_iter().collect::<Option<_>>()?)
        }
        Value::Map(entries) => {
            let entries: Vec<_> = entries
                .iter()
                .map(|entry| Some((entry.key.clone(), value(&entry.value)?)))
                .collect();
            MessageValue::Map(entries.into_iter().collect::<Option<_>>()?)
        }
        Value::Scalar(scalar) => match (&scalar.template, scalar.scalar_type()) {
            (Some(template), _) => MessageValue::Text(template.clone()),
            (None, ScalarType::Null) => MessageValue::Null,
            (None, ScalarType::Bool(yes)) => MessageValue::Bool(yes),
            (None, ScalarType::Text) => MessageValue::Text(Template::from(scalar.text.as_str())),
            (None, ScalarType::Int(n)) => MessageValue::Number(n.to_string()),
            (None, ScalarType::Float(n)) if n.is_finite() => MessageValue::Number(n.to_string()),
            // JSON has no such number, and protobuf writes it as a text.
            (None, ScalarType::Float(n)) if n.is_nan() => MessageValue::Text("NaN".into()),
            (None, ScalarType::Float(n)) => {
                let name = if n > 0.0 { "Infinity" } else { "-Infinity" };
                MessageValue::Text(name.into())
            }
        },
    })
}
