//! `grpc` of a target, and what the schema that it names says of calls.

use std::path::Path;

use super::body;
use super::decode;
use super::diagnostic::{Diagnostics, Span, quoted};
use super::fields::Fields;
use super::section::Section;
use super::tree::{Node, ScalarType, Value};
use super::words;
use crate::plan::{Address, GrpcOptions, GrpcSchema, MessageValue, Scheme, Template};
use crate::value::protobuf::{
    GrpcMethod, MessageDescriptor, MessageError, MessageTemplate, PathStep, Remedy, Schema,
    method_parts,
};

/// The type of the message that a method takes.
pub(super) type Input = MessageDescriptor;

/// The map `grpc` of a target.
const SECTION: Section = Section::new(&[
    ("protos", "proto"),
    ("proto_files", "proto"),
    ("file", "proto"),
    ("import_paths", "include"),
    ("import_path", "include"),
    ("imports", "include"),
    ("protoset", "descriptors"),
    ("descriptor_set", "descriptors"),
    ("reflect", "reflection"),
    ("compression", "compress"),
    ("plaintext", "url: grpc://…"),
]);
/// An example of it.
pub(super) const EXAMPLE: &str = "grpc: { proto: [protos/shop.proto] }";
/// Maximum number of files or folders.
const MAX_FILES: usize = 1000;

/// The services of a target.
#[derive(Clone, Debug)]
pub(super) struct KnownGrpc {
    /// The options; `None` if they are not valid.
    pub options: Option<GrpcOptions>,
    /// The schema, unless it is known only when the server was asked, or is not valid.
    pub schema: Option<Schema>,
    /// Location of the options.
    pub span: Span,
}

/// Decodes `grpc` of a target; file paths are relative to `folder`.
pub(super) fn decode(node: &Node, folder: &Path, problems: &mut Diagnostics) -> KnownGrpc {
    let mut known = KnownGrpc {
        options: None,
        schema: None,
        span: node.span,
    };
    let Some(mut fields) = Fields::open(node, &SECTION, "`grpc`", EXAMPLE, problems) else {
        return known;
    };
    let is_gzip = fields
        .take("compress", problems)
        .is_some_and(|node| is_gzip(node, problems));
    let schema = schema(&mut fields, folder, problems);
    fields.finish(problems);
    let Some((schema, place)) = schema else {
        return known;
    };
    if schema != GrpcSchema::Reflection {
        match Schema::load(&schema, folder, None) {
            Ok(loaded) => known.schema = Some(loaded),
            Err(error) => {
                decode::with_remedy(&error.to_string(), place, problems);
                return known;
            }
        }
    }
    known.options = Some(GrpcOptions { schema, is_gzip });
    known
}

/// Decodes where the services are described, of which a target has one; returns its location, too.
fn schema(
    fields: &mut Fields<'_>,
    folder: &Path,
    problems: &mut Diagnostics,
) -> Option<(GrpcSchema, Span)> {
    let keys = ["proto", "descriptors", "reflection"];
    let given: Vec<_> = keys.iter().filter_map(|key| fields.entry(key)).collect();
    let include = fields.entry("include");
    let one = match given.as_slice() {
        [one] => *one,
        [first, second, ..] => {
            problems
                .error(
                    second.key_span,
                    format!(
                        "services are described in one place, but here are `{}` and `{}`",
                        first.key, second.key
                    ),
                )
                .related(first.key_span, "the first one")
                .help("remove one of the two");
            return None;
        }
        [] => {
            problems
                .error(fields.span, "this does not say where the services are described")
                .help(format!(
                    "write `{EXAMPLE}`, `grpc: {{ descriptors: shop.binpb }}` or `grpc: {{ reflection: true }}`"
                ));
            return None;
        }
    };
    if let Some(entry) = include.filter(|_| one.key != "proto") {
        problems
            .error(
                entry.key_span,
                "`include` says where sources import from, and there is no `proto`",
            )
            .help("remove it");
    }
    let node = fields.take(keys.into_iter().find(|key| *key == one.key)?, problems)?;
    let schema = match one.key.as_str() {
        "proto" => {
            let include = match include {
                Some(entry) => paths(&entry.value, "include", problems)?,
                None => Vec::new(),
            };
            let files = paths(node, "proto", problems)?;
            GrpcSchema::Proto { files, include }
        }
        "descriptors" => {
            GrpcSchema::Descriptors(body::path(node, "descriptors", folder, problems)?)
        }
        _ => {
            if !decode::flag(node, "reflection", problems)? {
                problems
                    .error(node.span, "`reflection: false` describes no services")
                    .help(format!("write `{EXAMPLE}`, or `reflection: true`"));
                return None;
            }
            GrpcSchema::Reflection
        }
    };
    Some((schema, node.span))
}

/// Decodes one path, or several.
fn paths(node: &Node, key: &str, problems: &mut Diagnostics) -> Option<Vec<String>> {
    let items = match &node.value {
        Value::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    if items.is_empty() || items.len() > MAX_FILES {
        problems
            .error(
                node.span,
                format!("`{key}` must have from 1 to {MAX_FILES} paths"),
            )
            .help(format!("write `{EXAMPLE}`"));
        return None;
    }
    items
        .iter()
        .map(|item| decode::text(item, key, problems).map(str::to_owned))
        .collect()
}

fn is_gzip(node: &Node, problems: &mut Diagnostics) -> bool {
    match decode::text(node, "compress", problems) {
        Some("gzip") => true,
        None => false,
        Some(other) => {
            problems
                .error(
                    node.span,
                    format!("messages can't be compressed by {}", quoted(other)),
                )
                .help("write `compress: gzip`, or remove it");
            false
        }
    }
}

impl KnownGrpc {
    /// Reports options that do not fit the address of the target.
    pub(super) fn judge(&self, address: &Address, problems: &mut Diagnostics) {
        let is_spoken = match address {
            Address::Url { scheme, .. } => matches!(scheme, Scheme::Grpc | Scheme::Grpcs),
            Address::Builtin | Address::Unix { .. } => true,
        };
        if !is_spoken {
            problems
                .error(
                    self.span,
                    format!("`grpc` does not apply to a target at `{address}`"),
                )
                .help("write a `grpc://` or `grpcs://` URL, or remove it");
        }
    }

    /// Finds the method of a step; `None` if it is not known before the run, or is not a method, which
    /// is reported.
    pub(super) fn method(
        &self,
        name: &str,
        place: Span,
        problems: &mut Diagnostics,
    ) -> Option<GrpcMethod> {
        let method = match self.schema.as_ref()?.method(name) {
            Ok(method) => method,
            Err(wrong) => {
                let remedy = remedy(&wrong.remedy, problems);
                problems.error(place, wrong.message).help(remedy);
                return None;
            }
        };
        if let Some(why) = method.is_stream() {
            problems
                .error(place, format!("{} {why}", quoted(name)))
                .help("call a method with one message each way; streams are not available in this version of loadgen");
            return None;
        }
        Some(method)
    }
}

/// Returns whether a text is the name of a method; reports it if not.
pub(super) fn is_method(name: &str, place: Span, problems: &mut Diagnostics) -> bool {
    let Err(wrong) = method_parts(name) else {
        return true;
    };
    let remedy = remedy(&wrong.remedy, problems);
    problems.error(place, wrong.message).help(remedy);
    false
}

/// Decodes a message, whose type may not be known yet.
pub(super) fn message(
    node: Option<&Node>,
    of: Option<&MessageDescriptor>,
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
                format!("`message` must be a map, but this is {}", node.describe()),
            )
            .help("write its fields: `message: { id: 7 }`");
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

fn remedy(remedy: &Remedy, problems: &Diagnostics) -> String {
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
