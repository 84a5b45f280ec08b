//! `stream`: how an answer that comes in pieces is read, and what is expected of its events.

use super::decode;
use super::diagnostic::{Diagnostics, quoted};
use super::fields::Fields;
use super::json_rule;
use super::pattern::Patterns;
use super::response_source::query;
use super::section::Section;
use super::tree::{Entry, Node, Value};
use super::words;
use crate::base::Nanos;
use crate::plan::{Stream, StreamFraming, StreamRule};

/// The map `stream`.
const STREAM: Section = Section::new(&[
    ("format", "as"),
    ("type", "as"),
    ("end", "until"),
    ("done", "until"),
    ("stop", "until"),
    ("filter", "event"),
    ("events", "event"),
    ("tokens", "units"),
    ("max_events", "stop_after: { events: … }"),
    ("duration", "stop_after: { time: … }"),
]);
/// The map `stream.stop_after`.
const STOP_AFTER: Section = Section::new(&[
    ("count", "events"),
    ("duration", "time"),
    ("timeout", "time"),
]);
/// The map `expect.stream`.
const RULE: Section = Section::new(&[
    ("max_ttft", "max_first"),
    ("ttft", "max_first"),
    ("max_itl", "max_gap"),
    ("itl", "max_gap"),
    ("max_tpot", "max_unit"),
    ("tpot", "max_unit"),
    ("events", "min_events"),
]);

const EXAMPLE: &str = "stream: { as: sse }";
const MAX_EVENTS: u64 = 1 << 53;

/// Decodes `stream`; `total` is the total timeout of the operation.
pub(super) fn decode(node: &Node, total: Nanos, problems: &mut Diagnostics) -> Option<Stream> {
    let mut fields = Fields::open(node, &STREAM, "`stream`", EXAMPLE, problems)?;
    let framing = fields
        .need("as", "as: sse", problems)
        .map(|node| framing(node, problems));
    if let Some(Some(StreamFraming::Chunks)) = framing {
        refuse_content(&mut fields, problems);
    }
    let until = fields
        .take("until", problems)
        .and_then(|node| until(node, problems));
    let stream = events(fields, framing.flatten(), total, problems);
    stream.map(|stream| Stream { until, ..stream })
}

/// Decodes `stream` of a call of gRPC, whose events are messages.
pub(super) fn of_calls(
    node: &Node,
    total: Nanos,
    patterns: &mut Patterns,
    problems: &mut Diagnostics,
) -> Option<Stream> {
    let example = "stream: { event: $.text }";
    let mut fields = Fields::open(node, &STREAM, "`stream`", example, problems)?;
    if let Some(entry) = fields.entry("as") {
        problems
            .error(
                entry.key_span,
                "the events of a call of gRPC are its messages",
            )
            .help("remove `as`");
    }
    let until_json = match fields.take("until", problems) {
        Some(node) if matches!(node.value, Value::Map(_)) => {
            json_rule::decode(node, patterns, problems)
        }
        Some(node) => {
            problems
                .error(
                    node.span,
                    format!("`until` must be a map of what the last message has, but this is {}", node.describe()),
                )
                .help("write `until: { $.done: true }`, or remove it: then the end of the answer ends the stream");
            Vec::new()
        }
        None => Vec::new(),
    };
    let stream = events(fields, Some(StreamFraming::Messages), total, problems);
    stream.map(|stream| Stream {
        until_json,
        ..stream
    })
}

/// Decodes the keys that streams of every framing have.
fn events(
    mut fields: Fields<'_>,
    framing: Option<StreamFraming>,
    total: Nanos,
    problems: &mut Diagnostics,
) -> Option<Stream> {
    let event = fields
        .take("event", problems)
        .and_then(|node| query(node, "event", problems));
    let units = fields
        .take("units", problems)
        .and_then(|node| query(node, "units", problems));
    let stop = fields
        .take("stop_after", problems)
        .map(|node| stop_after(node, total, problems))
        .unwrap_or_default();
    fields.finish(problems);
    Some(Stream {
        framing: framing?,
        until: None,
        until_json: Vec::new(),
        event,
        units,
        stop_after_events: stop.0,
        stop_after_time: stop.1,
    })
}

fn framing(node: &Node, problems: &mut Diagnostics) -> Option<StreamFraming> {
    let all = [
        StreamFraming::Sse,
        StreamFraming::Lines,
        StreamFraming::Chunks,
    ];
    let text = decode::text(node, "as", problems)?;
    let found = all.into_iter().find(|framing| framing.name() == text);
    if found.is_none() {
        let remedy = match text.to_ascii_lowercase().as_str() {
            "event-stream" | "eventsource" | "events" | "text/event-stream" | "openai" => {
                "server-sent events are `as: sse`".into()
            }
            "ndjson" | "jsonl" | "json" | "line" => "one JSON text a line is `as: lines`".into(),
            "chunk" | "chunked" | "raw" | "bytes" => "pieces as they come are `as: chunks`".into(),
            _ => words::nearest(text, all.iter().map(|framing| framing.name())).map_or_else(
                || "write `sse`, `lines` (NDJSON) or `chunks` (pieces as they come)".into(),
                |near| format!("did you mean `{near}`?"),
            ),
        };
        problems
            .error(
                node.span,
                format!("{} is not a format of streams", quoted(text)),
            )
            .help(remedy);
    }
    found
}

/// Reports keys that look at the content of events, which pieces as they come do not have.
fn refuse_content(fields: &mut Fields<'_>, problems: &mut Diagnostics) {
    for key in ["until", "event", "units"] {
        let entry: Option<&Entry> = fields.entry(key);
        if let Some(entry) = entry {
            problems
                .error(
                    entry.key_span,
                    format!("`{key}` looks into events, but `as: chunks` takes pieces however the network cuts them"),
                )
                .help(format!("remove `{key}`, or write `as: sse` or `as: lines`"));
        }
    }
}

fn until(node: &Node, problems: &mut Diagnostics) -> Option<String> {
    let text = decode::text(node, "until", problems)?;
    if text.is_empty() || text.contains(['\r', '\n']) {
        problems
            .error(node.span, "`until` must be the data of one event, in one line")
            .help("write `until: \"[DONE]\"`, or remove it: then the end of the answer ends the stream");
        return None;
    }
    Some(text.to_owned())
}

fn stop_after(
    node: &Node,
    total: Nanos,
    problems: &mut Diagnostics,
) -> (Option<u64>, Option<Nanos>) {
    let Some(mut fields) = Fields::open(
        node,
        &STOP_AFTER,
        "`stop_after`",
        "stop_after: { events: 100, time: 20s }",
        problems,
    ) else {
        return (None, None);
    };
    if fields.entries().is_empty() {
        problems
            .error(node.span, "this `stop_after` stops nothing")
            .help("write `stop_after: { events: 100 }`, `time` or both");
    }
    let events = fields
        .take("events", problems)
        .and_then(|node| decode::count(node, "events", 1..=MAX_EVENTS, problems));
    let time = fields.take("time", problems);
    let limit = time.and_then(|node| decode::some_time(node, "time", problems));
    if let (Some(node), Some(limit)) = (time, limit)
        && limit >= total
    {
        problems
            .error(
                node.span,
                format!("the client would hang up after {limit}, but the timeout ends the request after {total}"),
            )
            .help("write a shorter `time`, or a longer `timeout: { total: … }`");
    }
    fields.finish(problems);
    (events, limit)
}

/// Decodes `expect.stream`.
pub(super) fn rule(node: &Node, problems: &mut Diagnostics) -> Option<StreamRule> {
    let mut fields = Fields::open(
        node,
        &RULE,
        "`stream`",
        "stream: { min_events: 1, max_gap: 2s }",
        problems,
    )?;
    if fields.entries().is_empty() {
        problems
            .error(node.span, "this `stream` checks nothing")
            .help("write `stream: { min_events: 1 }`, `max_first`, `max_gap` or `max_unit`");
    }
    let min_events = fields
        .take("min_events", problems)
        .and_then(|node| decode::count(node, "min_events", 1..=MAX_EVENTS, problems));
    let mut time = |key| {
        let node = fields.take(key, problems)?;
        decode::some_time(node, key, problems)
    };
    let [max_first, max_gap, max_unit] = ["max_first", "max_gap", "max_unit"].map(&mut time);
    fields.finish(problems);
    Some(StreamRule {
        min_events,
        max_first,
        max_gap,
        max_unit,
    })
}
