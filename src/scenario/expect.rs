//! `expect`: what is expected of a response.

mod body;
mod failure;
mod when;

use super::decode;
use super::diagnostic::Diagnostics;
use super::fields::Fields;
use super::names::Names;
use super::pattern::Patterns;
use super::response_source::Origin;
use super::section::Section;
use super::status::{grpc_status, status_rule, statuses};
use super::tree::{Node, Value};
use super::{header, json_rule, stream};
use crate::plan::{Expect, ExpectedPart, ExpectedValue};

/// The map `expect`.
const EXPECT: Section = Section::new(&[
    ("code", "status"),
    ("status_code", "status"),
    ("grpcStatus", "grpc_status"),
    ("statusCode", "status"),
    ("response_code", "status"),
    ("text", "body: { contains: … }"),
    ("contains", "body: { contains: … }"),
    ("matches", "body: { matches: … }"),
    ("regex", "body: { matches: … }"),
    ("equals", "body: { equals: … }"),
    ("jsonpath", "json: { $.PATH: … }"),
    ("header", "headers"),
    ("duration", "max_response"),
    ("response_time", "max_response"),
    ("condition", "when"),
    ("should_fail", "fail"),
    ("warn", "soft"),
]);
/// The map `expect.size`.
const SIZE_RULE: Section = Section::new(&[]);

/// Keys that apply to the response itself.
const OF_ANSWERS: [&str; 8] = [
    "status",
    "grpc_status",
    "headers",
    "body",
    "json",
    "size",
    "rows",
    "stream",
];

/// Decodes the `expect` of a request whose response has these parts.
pub(super) fn decode(
    node: &Node,
    of: Origin,
    names: &Names<'_>,
    patterns: &mut Patterns,
    problems: &mut Diagnostics,
) -> Option<Expect> {
    let mut fields = Fields::open(
        node,
        &EXPECT,
        "`expect`",
        "expect: { status: 200 }",
        problems,
    )?;
    for key in OF_ANSWERS {
        if let (Some(entry), Err(why)) = (fields.entry(key), of.has(key)) {
            problems
                .error(
                    entry.key_span,
                    format!("`{key}` is not available here: {why}"),
                )
                .help("remove it");
        }
    }
    let mut expect = Expect::default();
    if let Some(node) = fields.take("status", problems) {
        expect.status = statuses(
            node,
            (
                "`status` allows nothing",
                "write `status: 200`, `[200, 201]` or `2xx`",
            ),
            status_rule,
            problems,
        );
    }
    if let Some(node) = fields.take("grpc_status", problems) {
        let empty = (
            "`grpc_status` allows nothing",
            "write `grpc_status: OK`, or `[OK, NOT_FOUND]`",
        );
        expect.status = statuses(node, empty, grpc_status, problems);
    }
    if let Some(node) = fields.take("headers", problems) {
        headers(node, &mut expect, problems);
    }
    if let Some(node) = fields.take("body", problems) {
        expect.body = body::decode(node, &mut expect.values, patterns, problems);
    }
    if let Some(node) = fields.take("json", problems) {
        expect.json = json_rule::expected(node, &mut expect.values, patterns, problems);
    }
    if let Some(node) = fields.take("size", problems) {
        size(node, &mut expect, problems);
    }
    if let Some(node) = fields.take("rows", problems) {
        rows(node, &mut expect, problems);
    }
    expect.stream = fields
        .take("stream", problems)
        .and_then(|node| stream::rule(node, problems));
    if let Some(node) = fields.take("when", problems) {
        expect.when = when::decode(node, of, names, problems);
    }
    if let Some(node) = fields.take("fail", problems) {
        expect.fail = failure::decode(node, of, problems);
        failure::check_beside(node, &mut fields, problems);
    }
    max_response(&mut fields, &mut expect, problems);
    soft(&mut fields, &mut expect, problems);
    fields.finish(problems);
    Some(expect)
}

/// Decodes the `expect` of a mock operation, which has a response time but no response.
pub(super) fn of_mock(
    node: &Node,
    action: &str,
    names: &Names<'_>,
    problems: &mut Diagnostics,
) -> Option<Expect> {
    let mut fields = Fields::open(
        node,
        &EXPECT,
        "`expect`",
        "expect: { max_response: 500ms }",
        problems,
    )?;
    let mut expect = Expect::default();
    for key in OF_ANSWERS {
        if let Some(entry) = fields.entry(key) {
            problems
                .error(
                    entry.key_span,
                    format!("`{key}` belongs to a request, but `{action}` sends none"),
                )
                .help(
                    "for a mock operation, only `max_response`, `when` and `fail` can be checked",
                );
        }
    }
    if let Some(node) = fields.take("when", problems) {
        expect.when = when::of_mock(node, action, names, problems);
    }
    if let Some(node) = fields.take("fail", problems) {
        expect.fail = failure::of_mock(node, problems);
    }
    max_response(&mut fields, &mut expect, problems);
    soft(&mut fields, &mut expect, problems);
    fields.finish(problems);
    Some(expect)
}

/// Decodes the `expect` of an exchange that is not HTTP. `silent` names the action and says what to do
/// about a check of a response, if there is none.
pub(super) fn of_text(
    node: &Node,
    silent: Option<(&str, &str)>,
    of: Origin,
    names: &Names<'_>,
    patterns: &mut Patterns,
    problems: &mut Diagnostics,
) -> Option<Expect> {
    if let (Some((action, remedy)), Value::Map(entries)) = (silent, &node.value) {
        for entry in entries
            .iter()
            .filter(|entry| OF_ANSWERS.contains(&entry.key.as_str()))
        {
            problems
                .error(
                    entry.key_span,
                    format!(
                        "`{}` checks a response, but this `{action}` receives none",
                        entry.key
                    ),
                )
                .help(remedy);
        }
    }
    decode(node, of, names, patterns, problems)
}

/// Decodes whether broken rules are only counted.
fn soft(fields: &mut Fields<'_>, expect: &mut Expect, problems: &mut Diagnostics) {
    let Some(node) = fields.take("soft", problems) else {
        return;
    };
    expect.soft = decode::flag(node, "soft", problems).unwrap_or(false);
    if expect.soft && expect.fail.is_some() {
        problems
            .error(
                node.span,
                "`fail` can't be soft: it says how the operation has to end",
            )
            .help("remove `soft` or `fail`");
    } else if expect.soft && fields.entries().len() == 1 {
        problems
            .error(node.span, "`soft` has no effect without a check")
            .help("write one beside it, as in `expect: { soft: true, max_response: 500ms }`");
    }
}

fn max_response(fields: &mut Fields<'_>, expect: &mut Expect, problems: &mut Diagnostics) {
    let node = fields.take("max_response", problems);
    expect.max_response = node.and_then(|node| decode::some_time(node, "max_response", problems));
}

/// Decodes the headers and their values, of which some may be known only during the run.
fn headers(node: &Node, expect: &mut Expect, problems: &mut Diagnostics) {
    for (name, value) in header::expected(node, problems) {
        if let Some(text) = value.as_text() {
            expect.headers.push((name, text.to_owned()));
        } else {
            let part = ExpectedPart::Header(name);
            expect.values.push(ExpectedValue { part, value });
        }
    }
}

fn size(node: &Node, expect: &mut Expect, problems: &mut Diagnostics) {
    let Some(mut fields) = Fields::open(
        node,
        &SIZE_RULE,
        "`size`",
        "size: { min: 1KB, max: 4MiB }",
        problems,
    ) else {
        return;
    };
    expect.min_size = fields
        .take("min", problems)
        .and_then(|node| decode::size(node, "min", problems));
    let most = fields.take("max", problems);
    expect.max_size = most.and_then(|node| decode::size(node, "max", problems));
    if fields.entries().is_empty() {
        problems
            .error(node.span, "this `size` checks nothing")
            .help("write `size: { min: 1KB }`, `max` or both");
    }
    if let (Some(min), Some(max), Some(most)) = (expect.min_size, expect.max_size, most)
        && min > max
    {
        problems
            .error(
                most.span,
                format!("no body has at least {min} and at most {max}"),
            )
            .help(format!("swap them: `size: {{ min: {max}, max: {min} }}`"));
    }
    fields.finish(problems);
}

/// Decodes the number of rows, or its bounds.
fn rows(node: &Node, expect: &mut Expect, problems: &mut Diagnostics) {
    const MAX: u64 = 1 << 53;
    if !matches!(node.value, Value::Map(_)) {
        let rows = decode::count(node, "rows", 0..=MAX, problems);
        (expect.min_rows, expect.max_rows) = (rows, rows);
        return;
    }
    let Some(mut fields) = Fields::open(node, &SIZE_RULE, "`rows`", "rows: { min: 1 }", problems)
    else {
        return;
    };
    expect.min_rows = fields
        .take("min", problems)
        .and_then(|node| decode::count(node, "min", 0..=MAX, problems));
    expect.max_rows = fields
        .take("max", problems)
        .and_then(|node| decode::count(node, "max", 0..=MAX, problems));
    if fields.entries().is_empty() {
        problems
            .error(node.span, "this `rows` checks nothing")
            .help("write `rows: 5`, or `rows: { min: 1 }`, `max` or both");
    }
    if expect
        .min_rows
        .zip(expect.max_rows)
        .is_some_and(|(min, max)| min > max)
    {
        problems
            .error(
                node.span,
                "no answer has at least `min` and at most `max` rows",
            )
            .help("swap them");
    }
    fields.finish(problems);
}
