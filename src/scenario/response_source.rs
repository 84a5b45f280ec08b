//! Places in a response, and which of them each kind of response has.

use super::decode;
use super::diagnostic::{Diagnostics, Span, quoted};
use super::fields::Fields;
use super::markup::{css, xpath};
use super::pattern::Patterns;
use super::section::Section;
use super::tree::{Entry, Node, Value};
use super::words;
use crate::plan::Source;
use crate::value::extract::without_length;
use crate::value::query::Query;

/// `regex` as a map.
const REGEX: Section = Section::new(&[("pattern", "regex")]);

/// The kind of response that values are extracted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The response to a request.
    Response,
    /// The response to a request, read as a stream of events.
    Stream,
    /// The response that opens a WebSocket: it has no body.
    Handshake,
    /// A text, such as over TCP or a WebSocket: it has nothing else.
    Text,
    /// The reply of a database, as JSON: it has nothing else.
    Reply,
    /// The rows of a statement, as JSON.
    Rows,
    /// The answer of a gRPC service: its message as JSON, and its metadata as headers.
    Call,
    /// The answer of a gRPC service, read as a stream of messages: it has its metadata only.
    CallStream,
}

impl Origin {
    /// Returns the same response, read as a stream of events.
    pub(super) const fn streamed(self) -> Self {
        match self {
            Self::Response => Self::Stream,
            Self::Call => Self::CallStream,
            other => other,
        }
    }

    /// Checks that it has such a place; otherwise returns why not.
    pub(super) fn has(self, place: &str) -> Result<(), &'static str> {
        match (self, place) {
            (
                Self::Handshake,
                "jsonpath" | "css" | "xpath" | "regex" | "body" | "json" | "size",
            ) => Err("the response that opens a WebSocket has no body; messages do"),
            (Self::Handshake, "status") => Err("a WebSocket is always opened with status 101"),
            (Self::Text, "header" | "headers" | "cookie" | "status") => {
                Err("what is received here is plain text")
            }
            (Self::Reply | Self::Rows, "header" | "headers" | "cookie" | "status") => {
                Err("the reply of a database is JSON, without a head")
            }
            (Self::Stream, "jsonpath" | "json") => {
                Err("the answer is a stream of events, not one JSON document")
            }
            (Self::Stream, "css" | "xpath") => {
                Err("the answer is a stream of events, not one document")
            }
            (Self::Reply | Self::Rows | Self::Call | Self::CallStream, "css" | "xpath") => {
                Err("the answer is neither HTML nor XML")
            }
            (Self::CallStream, "jsonpath" | "json" | "regex" | "body") => {
                Err("the answer is a stream of messages, not one")
            }
            (Self::Stream | Self::CallStream, "stream") => Ok(()),
            (Self::Call, "stream") => {
                Err("the answer is not read as a stream; that takes `stream: {}`")
            }
            (_, "stream") => {
                Err("the answer is not read as a stream; that takes `stream: { as: … }`")
            }
            (Self::Call | Self::CallStream, "status" | "cookie") => {
                Err("a call of gRPC has a status of its own, and no cookies")
            }
            (Self::Call | Self::CallStream, "grpc_status") | (Self::Rows, "rows") => Ok(()),
            (_, "grpc_status") => Err("only a call of gRPC has one"),
            (_, "rows") => Err("only the answer to a statement has rows"),
            _ => Ok(()),
        }
    }
}

/// Decodes the one place that a map specifies.
pub(super) fn source(
    fields: &mut Fields<'_>,
    of: Origin,
    places: &[&'static str],
    patterns: &mut Patterns,
    problems: &mut Diagnostics,
) -> Option<Source> {
    fields.known(places);
    let group = fields.entry("group");
    let attribute = fields.entry("attribute");
    let (within, place) = match (fields.entry("header"), fields.entry("regex")) {
        (Some(header), Some(regex)) if only_these(fields, places) => (Some(header), regex),
        _ => (None, only_place(fields, places, problems)?),
    };
    belongs_to("regex", group, place, problems);
    belongs_to("css", attribute, place, problems);
    // A regular expression beside a header is matched there, and not in the body.
    let location = within.unwrap_or(place);
    if let Err(why) = of.has(&location.key) {
        let there = places.iter().copied().filter(|place| of.has(place).is_ok());
        problems
            .error(
                location.key_span,
                format!("`{}` is not available here: {why}", location.key),
            )
            .help(format!("take {}", words::listed(there)));
        return None;
    }
    if place.value.is_null() {
        problems
            .error(place.key_span, format!("`{}` has no value", place.key))
            .help("write one after the colon");
        return None;
    }
    let node = &place.value;
    match place.key.as_str() {
        "jsonpath" => {
            let text = decode::text(node, "jsonpath", problems)?;
            let (query, _) = without_length(text);
            is_query(query, node.span, problems).then(|| Source::JsonPath(text.to_owned()))
        }
        "css" => css(node, attribute, problems),
        "xpath" => xpath(node, problems),
        "regex" => {
            let (pattern, group) = regex(node, group, patterns, problems)?;
            Some(match within {
                Some(within) => Source::HeaderMatch {
                    header: header(&within.value, problems)?,
                    pattern,
                    group,
                },
                None => Source::Regex { pattern, group },
            })
        }
        "header" => header(node, problems).map(Source::Header),
        "cookie" => cookie(node, problems).map(Source::Cookie),
        key => {
            if !decode::flag(node, key, problems)? {
                problems
                    .error(
                        node.span,
                        format!("`{key}: false` is not a place to capture from"),
                    )
                    .help(format!("write `{key}: true`, or name another place"));
                return None;
            }
            Some(if key == "body" {
                Source::Body
            } else {
                Source::Status
            })
        }
    }
}

/// Reports a key that is beside another place than the one that it belongs to.
fn belongs_to(owner: &str, key: Option<&Entry>, place: &Entry, problems: &mut Diagnostics) {
    if let Some(key) = key.filter(|_| place.key != owner) {
        problems
            .error(
                key.key_span,
                format!(
                    "`{}` belongs to `{owner}`, but this is a `{}`",
                    key.key, place.key
                ),
            )
            .help("remove it");
    }
}

/// Returns whether a map specifies two places only.
fn only_these(fields: &Fields<'_>, places: &[&'static str]) -> bool {
    let named = |entry: &&Entry| places.contains(&entry.key.as_str());
    fields.entries().iter().filter(named).count() == 2
}

/// Returns the one key of a map that specifies a place.
fn only_place<'n>(
    fields: &Fields<'n>,
    places: &[&'static str],
    problems: &mut Diagnostics,
) -> Option<&'n Entry> {
    let named: Vec<&Entry> = fields
        .entries()
        .iter()
        .filter(|e| places.contains(&e.key.as_str()))
        .collect();
    match named.as_slice() {
        [place] => Some(*place),
        [] => {
            let known = |e: &Entry| {
                words::nearest(&e.key, places.iter().copied()).is_some()
                    || ["json", "jmespath", "pattern", "regexp"].contains(&e.key.as_str())
            };
            if !fields.entries().iter().any(known) {
                problems
                    .error(fields.span, "this does not say where the value is")
                    .help(format!(
                        "name one place: {}",
                        words::listed(places.iter().copied())
                    ));
            }
            None
        }
        [first, second, ..] => {
            problems
                .error(
                    second.key_span,
                    format!(
                        "a value is in only one place, but this one is in `{}` and `{}`",
                        first.key, second.key
                    ),
                )
                .related(first.key_span, "the first one")
                .help("remove one of the two");
            None
        }
    }
}

/// Decodes a JSONPath query.
pub(super) fn query(node: &Node, key: &str, problems: &mut Diagnostics) -> Option<String> {
    let text = decode::text(node, key, problems)?;
    is_query(text, node.span, problems).then(|| text.to_owned())
}

/// Returns whether a text is a JSONPath query; reports it if not.
pub(super) fn is_query(text: &str, place: Span, problems: &mut Diagnostics) -> bool {
    let Err(wrong) = Query::compile(text) else {
        return true;
    };
    // `items[0].id`, the syntax of other tools.
    let rooted = format!("$.{}", text.trim_start_matches('.'));
    let error = if text.starts_with('$') {
        problems.error(
            place,
            format!(
                "{} is not a JSONPath query: {}",
                quoted(text),
                wrong.0.trim()
            ),
        )
    } else {
        problems.error(
            place,
            format!(
                "{} is not a JSONPath query: it begins with `$`, the whole of the body",
                quoted(text)
            ),
        )
    };
    if !text.starts_with('$') && Query::compile(&rooted).is_ok() {
        error.help(format!("write {}", quoted(&rooted)));
    } else {
        error.help("write a query such as `$.items[0].id` or `$..name` (RFC 9535)");
    }
    false
}

/// Decodes a pattern, or a map with the pattern and its group; returns both.
fn regex(
    node: &Node,
    group: Option<&Entry>,
    patterns: &mut Patterns,
    problems: &mut Diagnostics,
) -> Option<(String, u32)> {
    let mut group = group;
    let pattern = if matches!(node.value, Value::Map(_)) {
        let mut fields = Fields::open(
            node,
            &REGEX,
            "`regex`",
            "regex: { regex: 'id=(\\d+)', group: 1 }",
            problems,
        )?;
        let pattern = fields.need("regex", "regex: 'id=(\\d+)'", problems);
        let inner = fields.entry("group");
        if let (Some(outer), Some(inner)) = (group, inner) {
            problems
                .error(inner.key_span, "`group` appears twice")
                .related(outer.key_span, "the other one")
                .help("remove one of the two");
        }
        group = inner.or(group);
        fields.finish(problems);
        pattern?
    } else {
        node
    };
    let pattern = patterns.decode(pattern, "regex", problems)?;
    let groups = patterns.groups(&pattern);
    let Some(typed) = group else {
        return Some((pattern, groups.min(1)));
    };
    let group = decode::small(&typed.value, "group", 0..=1000, problems)?;
    if group > groups {
        let has = match groups {
            0 => "no group".to_owned(),
            1 => "one group".to_owned(),
            n => format!("{n} groups"),
        };
        problems
            .error(
                typed.value.span,
                format!("there is no group {group}: the regular expression has {has}"),
            )
            .help("a group is written in `(…)`; `group: 0` is the whole match");
        return None;
    }
    Some((pattern, group))
}

fn header(node: &Node, problems: &mut Diagnostics) -> Option<String> {
    let text = decode::text(node, "header", problems)?;
    let name = http::HeaderName::from_bytes(text.trim().as_bytes());
    if name.is_err() {
        problems
            .error(
                node.span,
                format!("{} is not a valid header name", quoted(text)),
            )
            .help("use letters, digits and `-`, without spaces");
    }
    name.ok().map(|name| name.as_str().to_owned())
}

fn cookie(node: &Node, problems: &mut Diagnostics) -> Option<String> {
    let text = decode::text(node, "cookie", problems)?;
    if text.is_empty()
        || text.len() > 200
        || text.contains(|c: char| c.is_control() || c.is_whitespace() || "=;,".contains(c))
    {
        problems
            .error(
                node.span,
                format!("{} is not a valid cookie name", quoted(text)),
            )
            .help("write its name alone, such as `SID`");
        return None;
    }
    Some(text.to_owned())
}
