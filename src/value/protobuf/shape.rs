//! What values of a message look like: as JSON, and to people.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use crate::plan::{Encode, MessageValue, Piece, Template};

/// Messages that have a form of their own in JSON.
const OWN_FORM: [&str; 16] = [
    "Any",
    "BoolValue",
    "BytesValue",
    "DoubleValue",
    "Duration",
    "FieldMask",
    "FloatValue",
    "Int32Value",
    "Int64Value",
    "ListValue",
    "StringValue",
    "Struct",
    "Timestamp",
    "UInt32Value",
    "UInt64Value",
    "Value",
];

/// Appends a value as JSON.
pub(super) fn write(value: &MessageValue, out: &mut Template) {
    let string = |text: &str| serde_json::Value::from(text).to_string();
    match value {
        MessageValue::Null => out.push_text("null"),
        MessageValue::Bool(yes) => out.push_text(if *yes { "true" } else { "false" }),
        MessageValue::Number(number) => out.push_text(number),
        MessageValue::Text(text) if is_whole(text) => {
            out.push(&text.encoded(Encode::Json, str::to_owned));
        }
        MessageValue::Text(text) => {
            let inside = |text: &str| {
                let quoted = string(text);
                quoted[1..quoted.len() - 1].to_owned()
            };
            out.push_text("\"");
            out.push(&text.encoded(Encode::JsonText, inside));
            out.push_text("\"");
        }
        MessageValue::List(items) => {
            for (index, item) in items.iter().enumerate() {
                out.push_text(if index == 0 { "[" } else { "," });
                write(item, out);
            }
            out.push_text(if items.is_empty() { "[]" } else { "]" });
        }
        MessageValue::Map(entries) => {
            for (index, (key, item)) in entries.iter().enumerate() {
                out.push_text(if index == 0 { "{" } else { "," });
                out.push_text(&string(key));
                out.push_text(":");
                write(item, out);
            }
            out.push_text(if entries.is_empty() { "{}" } else { "}" });
        }
    }
}

/// Returns whether a text is exactly one value, which keeps its type.
pub(super) fn is_whole(text: &Template) -> bool {
    matches!(text.pieces(), [Piece::Value(_)])
}

/// Returns whether a message has a form of its own in JSON.
pub(super) fn has_own_form(of: &MessageDescriptor) -> bool {
    of.package_name() == "google.protobuf" && OWN_FORM.contains(&of.name())
}

/// Returns whether null is a value of a field, rather than none.
pub(super) fn is_null_a_value(field: &FieldDescriptor) -> bool {
    match field.kind() {
        Kind::Message(of) => of.full_name() == "google.protobuf.Value",
        _ => false,
    }
}

/// Returns what a value is, with its article.
pub(super) const fn described(value: &MessageValue) -> &'static str {
    match value {
        MessageValue::Null => "null",
        MessageValue::Bool(_) => "a boolean",
        MessageValue::Number(_) => "a number",
        MessageValue::Text(_) => "a string",
        MessageValue::List(_) => "a list",
        MessageValue::Map(_) => "a map",
    }
}

/// Names a field for messages to people.
pub(super) fn label(field: &FieldDescriptor) -> String {
    if field.parent_message().is_map_entry() {
        "the value".into()
    } else {
        format!("`{}`", field.name())
    }
}
