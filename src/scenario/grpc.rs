//! `grpc` of a target, and what the schema that it names says of calls.

use std::path::Path;

use super::body;
use super::decode;
use super::diagnostic::{Diagnostics, Span, quoted};
use super::fields::Fields;
use super::grpc_message::remedy;
use super::section::Section;
use super::tree::{Node, Value};
use crate::plan::{Address, GrpcOptions, GrpcSchema, Scheme};
use crate::value::protobuf::{GrpcMethod, MethodError, Schema, method_parts};

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

/// Which streams a step has: the locations of their keys.
#[derive(Clone, Copy, Debug)]
pub(super) struct CallShape {
    /// Its list of messages to send.
    pub send: Option<Span>,
    /// How it reads what comes.
    pub stream: Option<Span>,
}

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

    /// Finds the method of a step that sends a list of messages or one, and reads a stream or one
    /// answer; `None` if it is not known before the run, or does not fit, which is reported.
    pub(super) fn method(
        &self,
        name: &str,
        shape: CallShape,
        place: Span,
        problems: &mut Diagnostics,
    ) -> Option<GrpcMethod> {
        let mut report = |wrong: MethodError, place| {
            let remedy = remedy(&wrong.remedy, problems);
            problems.error(place, wrong.message).help(remedy);
        };
        let method = match self.schema.as_ref()?.method(name) {
            Ok(method) => method,
            Err(wrong) => {
                report(wrong, place);
                return None;
            }
        };
        let CallShape { send, stream } = shape;
        let sent = method.refuse_sent(send.is_some());
        let received = method.refuse_received(stream.is_some());
        let fits = sent.is_none() && received.is_none();
        for (wrong, key) in [(sent, send), (received, stream)] {
            if let Some(wrong) = wrong {
                report(wrong, key.unwrap_or(place));
            }
        }
        fits.then_some(method)
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
